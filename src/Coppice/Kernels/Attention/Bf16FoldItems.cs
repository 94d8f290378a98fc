using System.Runtime.CompilerServices;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>Rows of one KV head for <see cref="Bf16FoldItems"/>: as <see cref="HeadRows"/>, with queries in bf16.</summary>
internal readonly unsafe struct Bf16Rows(ushort* q, float* m, float* l, float* o, int* positions, int d)
{
    public readonly ushort* Q = q;
    public readonly float* M = m, L = l, O = o;
    public readonly int* Positions = positions;
    public readonly int D = d;
}

/// <summary>
/// Gathers items until there are enough for one call of <see cref="Bf16FoldCode"/>, and moves m where the code stops for it. Items are
/// folded in the order in which they came.
/// </summary>
internal unsafe struct Bf16FoldItems
{
    private const int MaxItems = 64, GroupBlocks = 2, TileRows = Bf16FoldCode.TileRows, WholeRows = Bf16FoldCode.WholeRows, BlockTokens = KvLayout.BlockTokens;

    private readonly Bf16FoldCode _code;
    private readonly Bf16Rows _rows;
    private readonly Bf16Call* _call;
    private readonly Bf16Item* _items, _parts;
    private readonly float* _scores, _spareO;
    private readonly ushort* _weights;
    private readonly int* _visible, _all;
    private readonly byte* _copies;
    private readonly int _halfBytes;
    private int _count, _copied, _tileRows;
    private bool _nothingIsCleared;

    /// <param name="code">For D.</param>
    /// <param name="rows">States, updated.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/>, at a multiple of 64.</param>
    public Bf16FoldItems(Bf16FoldCode code, in Bf16Rows rows, byte* scratch)
    {
        _code = code;
        _rows = rows;
        _halfBytes = BlockTokens / 2 * rows.D * sizeof(ushort);
        _call = (Bf16Call*)Take(ref scratch, Bf16Call.Bytes);
        _items = (Bf16Item*)Take(ref scratch, (MaxItems + 2) * Bf16Item.Bytes);
        _parts = (Bf16Item*)Take(ref scratch, 2 * Bf16Item.Bytes);
        _scores = (float*)Take(ref scratch, WholeRows * BlockTokens * sizeof(float));
        _weights = (ushort*)Take(ref scratch, 3 * WholeRows * BlockTokens * sizeof(ushort));
        _visible = (int*)Take(ref scratch, MaxItems * TileRows * sizeof(int));
        _all = (int*)Take(ref scratch, TileRows * sizeof(int));
        _spareO = (float*)Take(ref scratch, WholeRows * rows.D * sizeof(float));
        *_call = default;       // what a configuration does not use must be zero
        _call->KeptL = (float*)Take(ref scratch, WholeRows * Lanes16.Count * sizeof(float));
        _copies = Take(ref scratch, KvLayout.BlocksPerSpan * 2 * _halfBytes);
        new Span<int>(_all, TileRows).Fill(BlockTokens);
    }

    public static int ScratchBytes(int d) => Bf16Call.Bytes + (MaxItems + 4) * Bf16Item.Bytes + WholeRows * BlockTokens * 10 + (MaxItems + 1) * TileRows * sizeof(int)
        + WholeRows * (d + Lanes16.Count) * sizeof(float) + KvLayout.SpanTokens * d * sizeof(ushort) + 64;

    /// <summary>The weights of an item in flight are read while those of the next are written; these belong to the item in front.</summary>
    private readonly ushort* NoWeights => _weights + 2 * WholeRows * BlockTokens;

    /// <summary>
    /// Makes blocks, at most a span of them, fit to be folded: the values of two pages must lie behind one another, and are copied if
    /// they do not. Pages of which nobody sees anything give way to others, which are at hand.
    /// </summary>
    /// <param name="blocks">All but the last are seen whole.</param>
    /// <param name="visible">Positions that are seen of the last.</param>
    public void Prepare(Span<KvBlock> blocks, int visible)
    {
        if (_copied + blocks.Length > KvLayout.BlocksPerSpan)
        {
            Run();
            _copied = 0;
        }

        foreach (ref KvBlock block in blocks)
        {
            bool last = block.StartPosition == blocks[^1].StartPosition;
            int pages = last ? KvLayout.PagesFor(Math.Min(visible, BlockTokens)) : KvLayout.PagesPerBlock;
            if (pages < 4) block.Keys3 = block.Keys0;
            if (pages < 3) block.Keys2 = block.Keys0;
            if (pages < 2) block.Keys1 = block.Keys0;
            byte* copy = _copies + _copied * 2 * _halfBytes;
            bool copied = Together(ref block.Values0, ref block.Values1, pages > 1, copy);
            if (pages > 2) copied |= Together(ref block.Values2, ref block.Values3, pages > 3, copy + _halfBytes);
            else block.Values2 = block.Values0;
            if (copied) _copied++;
        }
    }

    /// <summary>
    /// Folds prepared blocks into rows [first, end), now or at the next <see cref="Run"/>; until then the blocks must stay where they are.
    /// Rows that see all of their blocks go through a few blocks together, tile after tile, so that memory has the time of all tiles for
    /// the blocks that come next; each tile has a share of these to fetch.
    /// </summary>
    public void Add(ReadOnlySpan<KvBlock> blocks, int first, int end)
    {
        int tiles = (end - first) / WholeRows, from = blocks[0].StartPosition % KvLayout.SpanTokens == 0 ? 1 : 0;
        Span<int> wholeEnds = stackalloc int[tiles];
        for (int tile = 0; tile < tiles; tile++)
        {
            int row = first + tile * WholeRows;
            int seen = Least(row, WholeRows) + 1 - blocks[0].StartPosition;
            wholeEnds[tile] = Math.Clamp(seen / BlockTokens, from, blocks.Length);
            // A span's first block moves every m.
            AddParts(blocks[..from], row, WholeRows);
        }

        for (int group = from; group < blocks.Length; group += GroupBlocks)
        {
            for (int tile = 0; tile < tiles; tile++)
            {
                for (int block = group; block < Math.Min(group + GroupBlocks, wholeEnds[tile]); block++)
                {
                    Add(blocks[block], first + tile * WholeRows, WholeRows, _all);
                    if (block + GroupBlocks < blocks.Length) Fetch(blocks[block + GroupBlocks], tile, tiles);
                }
            }
        }

        for (int tile = 0; tile < tiles; tile++) AddParts(blocks[wholeEnds[tile]..], first + tile * WholeRows, WholeRows);
        AddParts(blocks, first + tiles * WholeRows, end - first - tiles * WholeRows);
    }

    /// <summary>Folds what was added.</summary>
    public void Run()
    {
        if (_count == 0) return;
        int rows = _tileRows, count = _count;
        _count = 0;
        for (int register = 0; register < 8; register++)
        {
            // Whole items have two tiles of sums, of A and of B each; others four of sums, one of A, three of B.
            MatrixUnit.Shape(_call->Configuration, register, rows == WholeRows || register > 4 ? TileRows : rows, 64);
        }

        _call->Limit = Bf16Fold.Limit;
        if (rows != WholeRows)
        {
            RunRows(_items + 1, count, rows);
            return;
        }

        if (!_nothingIsCleared)
        {
            new Span<ushort>(NoWeights, WholeRows * BlockTokens).Clear();
            new Span<float>(_spareO, WholeRows * _rows.D).Clear();
            _nothingIsCleared = true;
        }

        _items[0] = _items[1];
        Nothing(_items);
        _items[count + 1] = _items[count];
        _call->Item = _items + 1;
        _call->End = _items + count + 1;
        while (true)
        {
            _code.Whole(_call);
            Bf16Item* stopped = _call->Item, end = _call->End;
            if (stopped == end) return;
            // A row's m must move: the item is folded again, step by step.
            new Span<float>(_call->KeptL, WholeRows * Lanes16.Count).CopyTo(new Span<float>(stopped->L, WholeRows * Lanes16.Count));
            for (int part = 0; part < 2; part++)
            {
                _parts[part] = *stopped;
                _parts[part].Q += part * TileRows * _rows.D;
                _parts[part].M += part * TileRows;
                _parts[part].L += part * TileRows * Lanes16.Count;
                _parts[part].O += part * TileRows * _rows.D;
            }

            RunRows(_parts, 2, TileRows);
            Nothing(stopped);
            _call->Item = stopped + 1;
            _call->End = end;
            if (_call->Item == end) return;
        }
    }

    private void AddParts(ReadOnlySpan<KvBlock> blocks, int first, int rows)
    {
        for (int row = first, end = first + rows, some; row < end; row += some)
        {
            some = Math.Min(TileRows, end - row);
            int most = Most(row, some);
            foreach (ref readonly KvBlock block in blocks)
            {
                if (most < block.StartPosition) break;
                Add(block, row, some, Visible(block, row, some));
            }
        }
    }

    // The last item fetches a tile's share of the pages of a block.
    private readonly void Fetch(in KvBlock block, int tile, int tiles)
    {
        int page = 2 * KvLayout.PagesPerBlock * tile / tiles, end = 2 * KvLayout.PagesPerBlock * (tile + 1) / tiles;
        // Lines of interleaved keys lie apart, and those of their neighbours are not wanted.
        if (block.KeyStepFloats != KvLayout.PageTokens) page = Math.Min(end, Math.Max(page, KvLayout.PagesPerBlock));
        Bf16Item* item = _items + _count;
        item->Ahead = (byte**)&((KvBlock*)Unsafe.AsPointer(ref Unsafe.AsRef(in block)))->Keys0 + page;
        item->AheadPages = end - page;
    }

    private readonly int Least(int row, int rows)
    {
        int least = int.MaxValue;
        for (int i = row; i < row + rows; i++) least = Math.Min(least, _rows.Positions[i]);
        return least;
    }

    private readonly int Most(int row, int rows)
    {
        int most = int.MinValue;
        for (int i = row; i < row + rows; i++) most = Math.Max(most, _rows.Positions[i]);
        return most;
    }

    /// <summary>Makes an item one that adds nothing to nobody.</summary>
    private readonly void Nothing(Bf16Item* item)
    {
        item->P = NoWeights;
        item->O = _spareO;
    }

    private readonly void RunRows(Bf16Item* items, int count, int rows)
    {
        _call->Item = items;
        _call->End = items + count;
        _call->Rows = rows;
        _call->First = 1;
        while (true)
        {
            _code.Rows(_call);
            if (_call->Item == _call->End) return;
            Bf16Weighing.Run(_call, rows, _rows.D);
            _call->Item++;
            _call->First = 0;
        }
    }

    private readonly int* Visible(in KvBlock block, int row, int rows)
    {
        // Its place: that of the item to be, which is the first if what there is must run before.
        int* visible = _visible + (Joins(rows) ? _count : 0) * TileRows;
        if (!Joins(rows)) Unsafe.AsRef(in this).Run();
        for (int i = 0; i < rows; i++) visible[i] = Math.Clamp(_rows.Positions[row + i] + 1 - block.StartPosition, 0, BlockTokens);
        return visible;
    }

    /// <summary>True if an item of so many rows can go with those that wait.</summary>
    private readonly bool Joins(int rows) => _count == 0 || (_count < MaxItems && rows == _tileRows);

    private void Add(in KvBlock block, int row, int rows, int* visible)
    {
        if (!Joins(rows)) Run();
        _tileRows = rows;
        _items[++_count] = new Bf16Item
        {
            Q = _rows.Q + row * _rows.D,
            Keys0 = (byte*)block.Keys0,
            Keys1 = (byte*)block.Keys1,
            Keys2 = (byte*)block.Keys2,
            Keys3 = (byte*)block.Keys3,
            Scores = _scores,
            M = _rows.M + row,
            L = _rows.L + row * Lanes16.Count,
            P = _weights + (_count & 1) * WholeRows * BlockTokens,
            Values0 = (byte*)block.Values0,
            Values1 = (byte*)block.Values2,
            O = _rows.O + row * _rows.D,
            Visible = visible,
        };
    }

    private readonly bool Together(ref float* first, ref float* second, bool secondIsSeen, byte* copy)
    {
        int pageBytes = _halfBytes / 2;
        if (secondIsSeen && (byte*)second == (byte*)first + pageBytes) return false;
        Buffer.MemoryCopy(first, copy, pageBytes, pageBytes);
        // What is not seen weighs nothing, but must be finite: no page of somebody else's.
        if (secondIsSeen) Buffer.MemoryCopy(second, copy + pageBytes, pageBytes, pageBytes);
        else new Span<byte>(copy + pageBytes, pageBytes).Clear();
        first = (float*)copy;
        second = (float*)(copy + pageBytes);
        return true;
    }

    private static byte* Take(ref byte* scratch, int bytes)
    {
        byte* taken = scratch;
        scratch += (bytes + 63) & ~63;
        return taken;
    }
}
