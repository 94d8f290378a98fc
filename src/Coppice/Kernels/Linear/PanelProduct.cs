using System.Runtime.CompilerServices;
using Coppice.Backends;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>How a register tile reads a panel: 32-bit lanes of activations against [lane][64] of weights.</summary>
internal unsafe interface IPanelTile
{
    /// <summary>Lanes [lane, lane + count) of a panel as [count][64]: in place, or brought into <paramref name="scratch"/>, which holds that many.</summary>
    static abstract float* Block(byte* panel, int lane, int count, float* scratch);

    /// <summary>As <see cref="Tile.Multiply"/>, or with <paramref name="add"/> as <see cref="Tile.MultiplyAdd"/>.</summary>
    static abstract void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add);
}

/// <summary>A product by register tiles: one item is a run of rows by one panel.</summary>
internal readonly unsafe struct PanelProduct<TTile> : IParallelWork where TTile : struct, IPanelTile
{
    // A block of a panel (16 or 32 KiB) stays in the first-level cache while all rows of an item pass over it. With few rows the next
    // block must arrive within a few tiles, and a short one does; with many the sums are loaded and stored less often by a long one.
    private const int ShortBlockLanes = 64, LongBlockLanes = 128, LongBlockRows = 64;

    // Rows of one item: enough to make the reading of the panel cheap, few enough that their inputs stay in the second-level cache.
    private const int ItemRows = 192;
    private const int RowQuantum = 6;

    // Items per thread below which rows are cut finer, so that few panels still keep all threads busy.
    private const int ItemsPerThread = 4;

    private readonly float* _x, _y;
    private readonly int _rows, _xRowFloats, _lanes, _yRowFloats, _chunkRows;
    private readonly LinearWeights _weights;

    private PanelProduct(float* x, int rows, int xRowFloats, int lanes, LinearWeights weights, float* y, int yRowFloats, int chunkRows)
    {
        _x = x;
        _rows = rows;
        _xRowFloats = xRowFloats;
        _lanes = lanes;
        _weights = weights;
        _y = y;
        _yRowFloats = yRowFloats;
        _chunkRows = chunkRows;
    }

    /// <param name="x">[rows][lanes], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">At least one.</param>
    /// <param name="xRowFloats">At least <paramref name="lanes"/>.</param>
    /// <param name="lanes">32-bit lanes of a row: the inputs, or pairs of them.</param>
    /// <param name="weights">The panels.</param>
    /// <param name="pool">The threads that share the work.</param>
    /// <param name="y">[rows][outputs], rows <paramref name="yRowFloats"/> apart.</param>
    /// <param name="yRowFloats">At least the outputs.</param>
    public static void Run(float* x, int rows, int xRowFloats, int lanes, LinearWeights weights, WorkerPool pool, float* y, int yRowFloats)
    {
        int chunkRows = RowChunks.Rows(rows, ItemRows, RowQuantum, weights.Panels, pool.Threads * ItemsPerThread);
        int chunks = (rows + chunkRows - 1) / chunkRows;
        pool.Run(new PanelProduct<TTile>(x, rows, xRowFloats, lanes, weights, y, yRowFloats, chunkRows), checked(chunks * weights.Panels));
    }

    /// <summary>The panels of the same rows follow one another, so that these rows stay in cache.</summary>
    public void Run(int item, int worker)
    {
        int panel = item % _weights.Panels, firstRow = item / _weights.Panels * _chunkRows;
        int take = Math.Min(_chunkRows, _rows - firstRow), outputs = _weights.PanelWidth(panel);
        float* a = _x + (long)firstRow * _xRowFloats, c = _y + (long)firstRow * _yRowFloats + panel * LinearWeights.PanelOutputs;
        byte* b = _weights.Panel(panel);

        if (outputs % Tile.UnitFloats == 0)
            Rows(a, take, b, outputs / Tile.UnitFloats, c, _yRowFloats);
        else
            PartOfUnits(a, take, b, outputs, c);
    }

    [SkipLocalsInit]
    private void Rows(float* a, int take, byte* b, int units, float* c, int cRowFloats)
    {
        const int lineFloats = AlignedBuffer.AlignmentBytes / sizeof(float);
        int blockLanes = take >= LongBlockRows ? LongBlockLanes : ShortBlockLanes;
        float* scratch = stackalloc float[LongBlockLanes * LinearWeights.PanelOutputs + lineFloats];
        scratch = (float*)(((nint)scratch + AlignedBuffer.AlignmentBytes - 1) & ~(AlignedBuffer.AlignmentBytes - 1));
        int rowBlocks = (take + RowQuantum - 1) / RowQuantum;
        for (int k = 0; k < _lanes; k += blockLanes)
        {
            int some = Math.Min(blockLanes, _lanes - k);
            float* block = TTile.Block(b, k, some, scratch), next = block + some * LinearWeights.PanelOutputs;
            bool streams = rowBlocks > 1 && block != scratch;
            TileColumns columns = TileColumns.SideBySide(block, LinearWeights.PanelOutputs);
            int shareFloats = blockLanes * LinearWeights.PanelOutputs / rowBlocks;
            for (int r = 0, blocksLeft = rowBlocks; r < take; blocksLeft--)
            {
                int n = (take - r + blocksLeft - 1) / blocksLeft;
                TTile.Multiply(a + (long)r * _xRowFloats + k, _xRowFloats, n, columns, units, some, c + (long)r * cRowFloats, cRowFloats, add: k > 0);
                r += n;

                // The rows share the fetching of the next block, so that it streams in behind the arithmetic. One block of rows
                // reads so fast that the hardware's own prefetching does better.
                if (!streams) continue;
                for (float* end = next + shareFloats; next < end; next += lineFloats) Isa.PrefetchToSecondLevel(next);
            }
        }
    }

    // The padding of the last panel must not reach y, so its tiles go through a block of their own.
    private void PartOfUnits(float* a, int take, byte* b, int outputs, float* c)
    {
        const int blockRows = 2 * RowQuantum;
        float* block = stackalloc float[blockRows * LinearWeights.PanelOutputs];
        int units = (outputs + Tile.UnitFloats - 1) / Tile.UnitFloats;
        for (int r = 0; r < take; r += blockRows)
        {
            int some = Math.Min(blockRows, take - r);
            Rows(a + (long)r * _xRowFloats, some, b, units, block, LinearWeights.PanelOutputs);
            for (int i = 0; i < some; i++)
                new ReadOnlySpan<float>(block + i * LinearWeights.PanelOutputs, outputs).CopyTo(new Span<float>(c + (long)(r + i) * _yRowFloats, outputs));
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
