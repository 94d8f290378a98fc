using System.Runtime.Intrinsics;
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
    private const int MaxItems = 64, MaxCopies = 8, TileRows = Bf16FoldCode.TileRows, BlockTokens = KvLayout.BlockTokens;
    private const int Buffers = 3;      // one item's are read while the next one's are written; the last belongs to the item in front

    private readonly Bf16FoldCode _code;
    private readonly Bf16Rows _rows;
    private readonly Bf16Call* _call;
    private readonly Bf16Item* _items;
    private readonly float* _scores, _spareO;
    private readonly ushort* _weights;
    private readonly int* _visible, _all;
    private readonly byte* _copies;
    private readonly int _halfBytes;
    private int _count, _copied, _tileRows;
    private bool _whole;

    /// <param name="code">For D.</param>
    /// <param name="rows">States, updated.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/>, at a multiple of 64.</param>
    public Bf16FoldItems(Bf16FoldCode code, in Bf16Rows rows, byte* scratch)
    {
        _code = code;
        _rows = rows;
        _halfBytes = BlockTokens / 2 * rows.D * sizeof(ushort);
        _call = (Bf16Call*)Take(ref scratch, 192);
        _items = (Bf16Item*)Take(ref scratch, (MaxItems + 2) * Bf16Item.Bytes);
        _scores = (float*)Take(ref scratch, Buffers * TileRows * BlockTokens * sizeof(float));
        _weights = (ushort*)Take(ref scratch, Buffers * TileRows * BlockTokens * sizeof(ushort));
        _visible = (int*)Take(ref scratch, MaxItems * TileRows * sizeof(int));
        _all = (int*)Take(ref scratch, TileRows * sizeof(int));
        _spareO = (float*)Take(ref scratch, TileRows * rows.D * sizeof(float));
        _copies = Take(ref scratch, MaxCopies * 2 * _halfBytes);
        *_call = default;       // what a configuration does not use must be zero
        _call->QRowBytes = rows.D * sizeof(ushort);
        _call->RowBytes = rows.D * sizeof(float);
        new Span<int>(_all, TileRows).Fill(BlockTokens);
        new Span<ushort>(_weights + 2 * TileRows * BlockTokens, TileRows * BlockTokens).Clear();
        new Span<float>(_spareO, TileRows * rows.D).Clear();
    }

    public static int ScratchBytes(int d) =>
        192 + (MaxItems + 2) * Bf16Item.Bytes + Buffers * TileRows * BlockTokens * 6 + (MaxItems + 1) * TileRows * sizeof(int) + TileRows * d * sizeof(float) + MaxCopies * BlockTokens * d * sizeof(ushort) + 64;

    /// <summary>Folds a block of bf16 pages into rows [first, end), now or at the next <see cref="Flush"/>.</summary>
    public void Add(in KvBlock block, int first, int end)
    {
        if (_copied == MaxCopies) Flush();
        int pageBytes = _halfBytes / 2;
        bool apart = false;
        byte* half0 = Together((byte*)block.Values0, (byte*)block.Values1, pageBytes, 0, ref apart), half1 = Together((byte*)block.Values2, (byte*)block.Values3, pageBytes, _halfBytes, ref apart);
        for (int row = first; row < end; row += TileRows)
        {
            int rows = Math.Min(TileRows, end - row);
            int least = int.MaxValue, most = int.MinValue;
            for (int i = 0; i < rows; i++)
            {
                int sees = Math.Clamp(_rows.Positions[row + i] + 1 - block.StartPosition, 0, BlockTokens);
                least = Math.Min(least, sees);
                most = Math.Max(most, sees);
            }

            if (most == 0) continue;
            bool whole = rows == TileRows && least == BlockTokens;
            if (_count > 0 && (_count == MaxItems || rows != _tileRows || whole != _whole))
            {
                // What was copied for this block is still needed, and the first place is free then.
                Run();
            }

            _tileRows = rows;
            _whole = whole;
            int* visible = _all;
            if (!whole)
            {
                visible = _visible + _count * TileRows;
                for (int i = 0; i < rows; i++) visible[i] = Math.Clamp(_rows.Positions[row + i] + 1 - block.StartPosition, 0, BlockTokens);
            }

            int buffer = _count & 1;
            _items[++_count] = new Bf16Item
            {
                Q = _rows.Q + row * _rows.D,
                Keys0 = (byte*)block.Keys0,
                Keys1 = (byte*)block.Keys1,
                Keys2 = (byte*)block.Keys2,
                Keys3 = (byte*)block.Keys3,
                Scores = _scores + buffer * TileRows * BlockTokens,
                M = _rows.M + row,
                L = _rows.L + row * Lanes16.Count,
                P = _weights + buffer * TileRows * BlockTokens,
                Values0 = half0,
                Values1 = half1,
                O = _rows.O + row * _rows.D,
                Visible = visible,
            };
        }

        if (apart) _copied++;
    }

    /// <summary>Folds what was added.</summary>
    public void Flush()
    {
        Run();
        _copied = 0;
    }

    private void Run()
    {
        if (_count == 0) return;
        ref Bf16Item front = ref _items[0], last = ref _items[_count + 1];
        front = _items[1];
        front.P = _weights + 2 * TileRows * BlockTokens;
        front.O = _spareO;
        last = _items[_count];
        last.Scores = _scores + 2 * TileRows * BlockTokens;
        for (int register = 0; register < 8; register++) MatrixUnit.Shape(_call->Configuration, register, register < 5 ? _tileRows : TileRows, 64);
        _call->Item = _items + 1;
        _call->End = _items + _count + 1;
        _call->Rows = _tileRows;
        _call->Limit = Bf16Fold.Limit;
        _call->First = 1;
        _count = 0;
        while (true)
        {
            if (_whole && _call->Item != _call->End) _code.Whole(_call);
            else _code.Rows(_call);
            if (_call->Item == _call->End) return;
            if (_whole) _call->Row = 0;
            Weigh();
            _call->Item++;
            _call->First = 0;
        }
    }

    /// <summary>Weighs the rest of the item's rows, moving the m of those that need it.</summary>
    private readonly void Weigh()
    {
        while (true)
        {
            _code.Weigh(_call);
            if (_call->Row == _tileRows) return;
            Scale(_call->Item, (int)_call->Row);
            _call->Rows = _call->Row + 1;
            _call->Limit = float.PositiveInfinity;
            _code.Weigh(_call);
            _call->Rows = _tileRows;
            _call->Limit = Bf16Fold.Limit;
            if (_call->Row == _tileRows) return;
        }
    }

    /// <summary>Brings a row's m to its largest score, and l and o with it.</summary>
    private readonly void Scale(Bf16Item* item, int row)
    {
        float* s = item->Scores + row * BlockTokens, l = item->L + row * Lanes16.Count, o = item->O + row * _rows.D;
        float max = float.NegativeInfinity;
        for (int t = 0; t < item->Visible[row]; t++) max = ScalarMath.Max(s[t], max);
        Vector512<float> correction = Vector512.Create(Exp2.Of(item->M[row] - max));
        item->M[row] = max;
        (Vector512.Load(l) * correction).Store(l);
        for (int i = 0; i < _rows.D; i += 16) (Vector512.Load(o + i) * correction).Store(o + i);
    }

    private readonly byte* Together(byte* first, byte* second, int pageBytes, int offset, ref bool apart)
    {
        if (second == first + pageBytes) return first;
        apart = true;
        byte* copy = _copies + _copied * 2 * _halfBytes + offset;
        Buffer.MemoryCopy(first, copy, pageBytes, pageBytes);
        Buffer.MemoryCopy(second, copy + pageBytes, pageBytes, pageBytes);
        return copy;
    }

    private static byte* Take(ref byte* scratch, int bytes)
    {
        byte* taken = scratch;
        scratch += (bytes + 63) & ~63;
        return taken;
    }

    /// <summary>Folds a few blocks into 21 rows of 32 and compares with the definition, bit by bit.</summary>
    internal static bool AgreeWithReference()
    {
        const int d = 32, count = 21, pageElements = KvLayout.PageTokens * d;
        var keys = new ushort[3 * 4 * pageElements];
        var values = new ushort[3 * 4 * pageElements];
        var queries = new ushort[count * d];
        fixed (ushort* k = keys, v = values, q = queries)
        {
            EmittedTile.Fill(DotFormat.BF16, (uint*)k, keys.Length / 2, 1);
            EmittedTile.Fill(DotFormat.BF16, (uint*)v, values.Length / 2, 2);
            EmittedTile.Fill(DotFormat.BF16, (uint*)q, queries.Length / 2, 3);
            return Agrees(k, v, q);
        }

        static bool Agrees(ushort* k, ushort* v, ushort* q)
        {
            float[] wideKeys = new float[4 * pageElements], wideValues = new float[4 * pageElements], wideQ = new float[count * d];
            float[] m = new float[2 * count], l = new float[2 * count * Lanes16.Count], o = new float[2 * count * d];
            Array.Fill(m, float.NegativeInfinity);
            for (int i = 0; i < wideQ.Length; i++) wideQ[i] = Bf16.Widen(q[i]);
            byte[] scratch = new byte[ScratchBytes(d) + 64];
            int[] positions = [.. Enumerable.Range(0, count).Select(row => row < 16 ? 191 : 150 + row)];
            fixed (float* pm = m, pl = l, po = o, pk = wideKeys, pv = wideValues, pq = wideQ)
            fixed (byte* ps = scratch)
            fixed (int* pp = positions)
            {
                var items = new Bf16FoldItems(new Bf16FoldCode(d), new Bf16Rows(q, pm, pl, po, pp, d), (byte*)(((nuint)ps + 63) & ~(nuint)63));
                var reference = new HeadRows(pq, pm + count, pl + count * Lanes16.Count, po + count * d, pp, d, d);
                for (int block = 0; block < 3; block++)
                {
                    ushort* keyPage = k + block * 4 * pageElements, valuePage = v + block * 4 * pageElements;
                    items.Add(KvBlock.Contiguous(block * BlockTokens, (float*)keyPage, pageElements / 2, (float*)valuePage, pageElements / 2), 0, count);
                    for (int page = 0; page < 4; page++)
                    {
                        WidenPairs.Reference(keyPage + page * pageElements, d / 2, KvLayout.PageTokens, pk + page * pageElements);
                        WidenPairs.Reference(valuePage + page * pageElements, KvLayout.PageTokens / 2, d, pv + page * pageElements);
                    }

                    KvBlock wide = KvBlock.Contiguous(block * BlockTokens, pk, pageElements, pv, pageElements);
                    Bf16Fold.Reference(wide, reference, 0, count);
                }

                items.Flush();
            }

            return m.AsSpan(0, count).SequenceEqual(m.AsSpan(count)) && l.AsSpan(0, count * Lanes16.Count).SequenceEqual(l.AsSpan(count * Lanes16.Count)) && o.AsSpan(0, count * d).SequenceEqual(o.AsSpan(count * d));
        }
    }
}
