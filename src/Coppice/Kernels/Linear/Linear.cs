using System.Runtime.InteropServices;
using Coppice.Backends;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>
/// y = x · Wᵀ.  x: [M, inputs], y: [M, outputs], rows may lie further apart. y must not overlap x. Every output is one chain over ascending
/// inputs (see <see cref="Tile"/>): its bits do not depend on M, on the other rows or on the number of threads.
/// </summary>
internal static unsafe class Linear
{
    // A block of a panel (16 or 32 KiB) stays in the first-level cache while all rows of an item pass over it. With few rows the next
    // block must arrive within a few tiles, and a short one does; with many the sums are loaded and stored less often by a long one.
    private const int ShortBlockInputs = 64, LongBlockInputs = 128, LongBlockRows = 64;

    // Rows of one item: enough to make the reading of the panel cheap, few enough that their inputs stay in the second-level cache.
    private const int ItemRows = 192;
    private const int RowQuantum = 6;

    // Items per thread below which rows are cut finer, so that few panels still keep all threads busy.
    private const int ItemsPerThread = 4;

    /// <param name="x">[rows, inputs], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">M; 0 does nothing.</param>
    /// <param name="xRowFloats">At least the weights' inputs.</param>
    /// <param name="weights">W.</param>
    /// <param name="pool">The threads that share the work. Nothing is allocated.</param>
    /// <param name="y">[rows, outputs], rows <paramref name="yRowFloats"/> apart; what lies between rows is not touched.</param>
    /// <param name="yRowFloats">At least the weights' outputs.</param>
    public static void Run(ReadOnlySpan<float> x, int rows, int xRowFloats, PackedWeights weights, WorkerPool pool, Span<float> y, int yRowFloats)
    {
        Shape.Holds(x.Length, rows, xRowFloats, weights.Inputs);
        Shape.Holds(y.Length, rows, yRowFloats, weights.Outputs);
        if (rows == 0) return;

        int chunks = (rows + ItemRows - 1) / ItemRows;
        int wanted = (pool.Threads * ItemsPerThread + weights.Panels - 1) / weights.Panels;
        if (pool.Threads > 1 && chunks < wanted) chunks = Math.Min(wanted, (rows + 2 * RowQuantum - 1) / (2 * RowQuantum));
        int chunkRows = ((rows + chunks - 1) / chunks + RowQuantum - 1) / RowQuantum * RowQuantum;
        chunks = (rows + chunkRows - 1) / chunkRows;

        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
            pool.Run(new Product(px, rows, xRowFloats, weights, py, yRowFloats, chunkRows), checked(chunks * weights.Panels));
        GC.KeepAlive(weights);
    }

    /// <summary>The definition, from plain weights [outputs, inputs]. Slow, obvious, never optimised.</summary>
    public static void Reference(ReadOnlySpan<float> x, int rows, int xRowFloats, ReadOnlySpan<float> weights, int inputs, int outputs, Span<float> y, int yRowFloats)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < outputs; j++)
            {
                float sum = 0f;
                for (int k = 0; k < inputs; k++) sum = MathF.FusedMultiplyAdd(x[r * xRowFloats + k], weights[j * inputs + k], sum);
                y[r * yRowFloats + j] = sum;
            }
        }
    }

    /// <summary>One item is a run of rows by one panel; the panels of the same rows follow one another, so that these rows stay in cache.</summary>
    private readonly struct Product(float* x, int rows, int xRowFloats, PackedWeights weights, float* y, int yRowFloats, int chunkRows) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int panel = item % weights.Panels, firstRow = item / weights.Panels * chunkRows;
            int take = Math.Min(chunkRows, rows - firstRow);
            int firstOutput = panel * PackedWeights.PanelOutputs, outputs = Math.Min(PackedWeights.PanelOutputs, weights.Outputs - firstOutput);
            float* a = x + (long)firstRow * xRowFloats, c = y + (long)firstRow * yRowFloats + firstOutput;
            float* b = weights.Panel(panel);

            if (outputs % Tile.UnitFloats == 0)
                WholeUnits(a, take, b, outputs / Tile.UnitFloats, c);
            else
                PartOfUnits(a, take, b, outputs, c);
        }

        private void WholeUnits(float* a, int take, float* b, int units, float* c)
        {
            int inputs = weights.Inputs, blockInputs = take >= LongBlockRows ? LongBlockInputs : ShortBlockInputs;
            int rowBlocks = (take + RowQuantum - 1) / RowQuantum;
            for (int k = 0; k < inputs; k += blockInputs)
            {
                int some = Math.Min(blockInputs, inputs - k);
                float* block = b + (long)k * PackedWeights.PanelOutputs, next = block + some * PackedWeights.PanelOutputs;
                TileColumns columns = TileColumns.SideBySide(block, PackedWeights.PanelOutputs);
                int shareFloats = blockInputs * PackedWeights.PanelOutputs / rowBlocks;
                for (int r = 0, blocksLeft = rowBlocks; r < take; blocksLeft--)
                {
                    int n = (take - r + blocksLeft - 1) / blocksLeft;
                    float* rowA = a + (long)r * xRowFloats + k, rowC = c + (long)r * yRowFloats;
                    if (k == 0) Tile.Multiply(rowA, xRowFloats, n, columns, units, some, rowC, yRowFloats);
                    else Tile.MultiplyAdd(rowA, xRowFloats, n, columns, units, some, rowC, yRowFloats);
                    r += n;

                    // The rows share the fetching of the next block, so that it streams in behind the arithmetic. One block of rows
                    // reads so fast that the hardware's own prefetching does better.
                    if (rowBlocks == 1) continue;
                    for (float* end = next + shareFloats; next < end; next += AlignedBuffer.AlignmentBytes / sizeof(float)) Isa.PrefetchToSecondLevel(next);
                }
            }
        }

        // The padding of the last panel must not reach y, so its tiles go through a block of their own.
        private void PartOfUnits(float* a, int take, float* b, int outputs, float* c)
        {
            const int blockRows = 2 * RowQuantum;
            float* block = stackalloc float[blockRows * PackedWeights.PanelOutputs];
            int units = (outputs + Tile.UnitFloats - 1) / Tile.UnitFloats;
            for (int r = 0; r < take; r += blockRows)
            {
                int some = Math.Min(blockRows, take - r);
                Tile.Multiply(a + (long)r * xRowFloats, xRowFloats, some, TileColumns.SideBySide(b, PackedWeights.PanelOutputs), units, weights.Inputs, block, PackedWeights.PanelOutputs);
                for (int i = 0; i < some; i++)
                    new ReadOnlySpan<float>(block + i * PackedWeights.PanelOutputs, outputs).CopyTo(new Span<float>(c + (long)(r + i) * yRowFloats, outputs));
            }
        }
    }
}
