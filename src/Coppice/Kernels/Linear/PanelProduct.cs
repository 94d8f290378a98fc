using System.Runtime.CompilerServices;
using Coppice.Backends;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>How a register tile reads a panel: 32-bit lanes of activations against [lane][64] of weights.</summary>
internal unsafe interface IPanelTile
{
    /// <summary>Lanes [lane, lane + count) of a panel as [count][64]: in place, or brought into <paramref name="scratch"/>, which holds that many.</summary>
    static abstract float* Block(byte* panel, int lane, int count, float* scratch);

    /// <summary>Bytes of one lane of a panel: of its 64 outputs.</summary>
    static abstract int LaneBytes { get; }

    /// <summary>
    /// As <see cref="Tile.Multiply"/>, or with <paramref name="add"/> as <see cref="Tile.MultiplyAdd"/>, for at most 6 rows. May fetch
    /// <paramref name="prefetchStepBytes"/> from <paramref name="prefetch"/> on with each step of k.
    /// </summary>
    static abstract void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch, nint prefetchStepBytes);
}

/// <summary>A product by register tiles: one item is a run of rows by one panel.</summary>
internal readonly unsafe struct PanelProduct<TTile> : IParallelWork where TTile : struct, IPanelTile
{
    // A block of a panel (16 or 32 KiB) stays in the first-level cache while all rows of an item pass over it. With few rows the next
    // block must arrive within a few tiles, and a short one does; with many the sums are loaded and stored less often by a long one.
    private const int ShortBlockLanes = 64, LongBlockLanes = 128, LongBlockRows = 32;

    // Rows of one item: enough to make the reading of the panel cheap, few enough that their inputs stay in the second-level cache.
    private const int ItemRows = 192;
    private const int RowQuantum = 6;

    // Items per thread below which rows are cut finer, so that few panels still keep all threads busy.
    private const int ItemsPerThread = 4;

    private readonly float* _x, _y;
    private readonly int _rows, _xRowFloats, _lanes, _yRowFloats, _chunkRows, _blockLanes, _threads;
    private readonly bool _packed;
    private readonly LinearWeights _weights;

    private PanelProduct(float* x, int rows, int xRowFloats, int lanes, LinearWeights weights, float* y, int yRowFloats, int chunkRows, bool packed, int threads)
    {
        _x = x;
        _rows = rows;
        _xRowFloats = xRowFloats;
        _lanes = lanes;
        _weights = weights;
        _y = y;
        _yRowFloats = yRowFloats;
        _chunkRows = chunkRows;
        _blockLanes = BlockLanes(rows);
        _packed = packed;
        _threads = threads;
    }

    /// <summary>Bytes that <see cref="Run(float*, int, int, int, LinearWeights, WorkerPool, byte*, float*, int)"/> needs.</summary>
    public static long ScratchBytes(int rows, int lanes) => rows <= RowQuantum ? 0 : (long)Blocks(rows, lanes) * BlockLanes(rows) * rows * sizeof(float);

    /// <param name="x">[rows][lanes], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">At least one.</param>
    /// <param name="xRowFloats">At least <paramref name="lanes"/>.</param>
    /// <param name="lanes">32-bit lanes of a row: the inputs, or pairs of them.</param>
    /// <param name="weights">The panels.</param>
    /// <param name="pool">The threads that share the work.</param>
    /// <param name="scratch"><see cref="ScratchBytes"/>, on a cache line.</param>
    /// <param name="y">[rows][outputs], rows <paramref name="yRowFloats"/> apart.</param>
    /// <param name="yRowFloats">At least the outputs.</param>
    public static void Run(float* x, int rows, int xRowFloats, int lanes, LinearWeights weights, WorkerPool pool, byte* scratch, float* y, int yRowFloats)
    {
        // Rows of x often lie a power of two apart, where they fight for the same lines of the cache; so the part of them that
        // meets one block of a panel is brought together: [block][row][lanes of a block].
        bool packed = rows > RowQuantum;
        if (packed)
        {
            const int itemRows = 8;
            pool.Run(new Bringing(x, rows, xRowFloats, lanes, BlockLanes(rows), (float*)scratch, itemRows), (rows + itemRows - 1) / itemRows);
        }

        int chunkRows = RowChunks.Rows(rows, ItemRows, RowQuantum, weights.Panels, pool.Threads * ItemsPerThread);
        int chunks = (rows + chunkRows - 1) / chunkRows;
        var product = new PanelProduct<TTile>(packed ? (float*)scratch : x, rows, packed ? BlockLanes(rows) : xRowFloats, lanes, weights, y, yRowFloats, chunkRows, packed, pool.Threads);
        pool.Run(product, checked(chunks * weights.Panels));
    }

    /// <summary>The panels of the same rows follow one another, so that these rows stay in cache.</summary>
    public void Run(int item, int worker)
    {
        int panel = _weights.PanelOf(item, _threads), firstRow = item / _weights.Panels * _chunkRows;
        int take = Math.Min(_chunkRows, _rows - firstRow), outputs = _weights.PanelWidth(panel);
        float* c = _y + (long)firstRow * _yRowFloats + panel * LinearWeights.PanelOutputs;
        if (outputs % Tile.UnitFloats == 0)
            Rows(firstRow, take, panel, outputs / Tile.UnitFloats, c, _yRowFloats);
        else
            PartOfUnits(firstRow, take, panel, outputs, c);
    }

    [SkipLocalsInit]
    private void Rows(int firstRow, int take, int panel, int units, float* c, int cRowFloats)
    {
        const int lineFloats = AlignedBuffer.AlignmentBytes / sizeof(float);
        float* scratch = stackalloc float[LongBlockLanes * LinearWeights.PanelOutputs + lineFloats];
        scratch = (float*)(((nint)scratch + AlignedBuffer.AlignmentBytes - 1) & ~(AlignedBuffer.AlignmentBytes - 1));
        byte* b = _weights.Panel(panel);
        int rowBlocks = (take + RowQuantum - 1) / RowQuantum;
        for (int k = 0; k < _lanes; k += _blockLanes)
        {
            int some = Math.Min(_blockLanes, _lanes - k);
            float* a = _packed ? _x + ((long)k * _rows + (long)firstRow * _blockLanes) : _x + ((long)firstRow * _xRowFloats + k);
            float* block = TTile.Block(b, k, some, scratch);
            TileColumns columns = TileColumns.SideBySide(block, LinearWeights.PanelOutputs);

            // The rows share the fetching of the next block, so that it streams in behind the arithmetic.
            byte* next = k + some == _lanes ? _weights.LikelyNext(panel) : b + (long)(k + some) * TTile.LaneBytes;
            int share = TTile.LaneBytes / rowBlocks;
            for (int r = 0, blocksLeft = rowBlocks; r < take; blocksLeft--)
            {
                int n = (take - r + blocksLeft - 1) / blocksLeft;
                TTile.Multiply(a + (long)r * _xRowFloats, _xRowFloats, n, columns, units, some, c + (long)r * cRowFloats, cRowFloats, k > 0, next, share);
                r += n;
                next += some * share;
            }
        }
    }

    // The padding of the last panel must not reach y, so its tiles go through a block of their own.
    private void PartOfUnits(int firstRow, int take, int panel, int outputs, float* c)
    {
        const int blockRows = 2 * RowQuantum;
        float* block = stackalloc float[blockRows * LinearWeights.PanelOutputs];
        int units = (outputs + Tile.UnitFloats - 1) / Tile.UnitFloats;
        for (int r = 0; r < take; r += blockRows)
        {
            int some = Math.Min(blockRows, take - r);
            Rows(firstRow + r, some, panel, units, block, LinearWeights.PanelOutputs);
            for (int i = 0; i < some; i++)
                new ReadOnlySpan<float>(block + i * LinearWeights.PanelOutputs, outputs).CopyTo(new Span<float>(c + (long)(r + i) * _yRowFloats, outputs));
        }
    }

    private static int BlockLanes(int rows) => rows >= LongBlockRows ? LongBlockLanes : ShortBlockLanes;

    private static int Blocks(int rows, int lanes) => (lanes + BlockLanes(rows) - 1) / BlockLanes(rows);

    private readonly struct Bringing(float* x, int rows, int xRowFloats, int lanes, int blockLanes, float* packed, int itemRows) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            for (int r = item * itemRows; r < Math.Min(rows, (item + 1) * itemRows); r++)
            {
                for (int k = 0; k < lanes; k += blockLanes)
                {
                    int some = Math.Min(blockLanes, lanes - k);
                    new ReadOnlySpan<float>(x + (long)r * xRowFloats + k, some).CopyTo(new Span<float>(packed + (long)k * rows + (long)r * blockLanes, some));
                }
            }
        }
    }
}

/// <summary>How the rows of a product are cut into items.</summary>
internal static class RowChunks
{
    /// <summary>Rows of one item: at most about <paramref name="most"/>, a multiple of <paramref name="quantum"/>, and fewer where the panels alone make too few items.</summary>
    public static int Rows(int rows, int most, int quantum, int panels, int wantedItems)
    {
        int chunks = (rows + most - 1) / most, wanted = (wantedItems + panels - 1) / panels;
        if (chunks < wanted) chunks = Math.Min(wanted, (rows + 2 * quantum - 1) / (2 * quantum));
        return ((rows + chunks - 1) / chunks + quantum - 1) / quantum * quantum;
    }
}
