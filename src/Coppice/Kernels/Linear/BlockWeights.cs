using System.Runtime.CompilerServices;
using Coppice.Backends;
using Coppice.Kernels.Emitted;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>
/// Weights of a <see cref="BlockFormat"/>, kept at the format's bits. Activations become signed bytes with a scale for each row and as many
/// inputs as share a weight scale. Few rows meet the planes of bits directly (<see cref="BlockVnni"/>); for more, a panel's part of 256 inputs
/// is brought into bytes in the first-level cache and meets all rows there. The bytes are multiplied and summed exactly; then, block by block in order, y = fma(sum, weight scale · activation scale, y), and, after
/// the blocks of a part, in order, y = fma(min, sum of the block's activations, y). Whatever sums the bytes, the bits agree.
/// </summary>
internal sealed unsafe class BlockWeights : LinearWeights
{
    /// <summary>The mins of so many inputs follow behind all their sums.</summary>
    public const int PartInputs = 256;

    private const int ItemRows = 256, TileRows = Q8Layout.TileRows, MinRows = 6;

    private readonly BlockFormat _format;
    private readonly BlockPanels _panels;
    private readonly BlockVnni? _fused;
    private readonly Q8Kernel _kernel;

    public BlockWeights(WorkerPool pool, StackedTensors stacked)
        : this(pool, stacked, BlockVnni.Of(stacked.Type), Q8Kernel.AllOf(LayoutOf(stacked.Type))[0], BlockFormat.Of(stacked.Type)!)
    {
    }

    /// <summary>Products of any number of rows by one kernel.</summary>
    internal BlockWeights(WorkerPool pool, StackedTensors stacked, Q8Kernel kernel) : this(pool, stacked, null, kernel, BlockFormat.Of(stacked.Type)!)
    {
    }

    private BlockWeights(WorkerPool pool, StackedTensors stacked, BlockVnni? fused, Q8Kernel kernel, BlockFormat format)
        : this(pool, stacked, fused, kernel, format, new BlockPanels(format))
    {
    }

    private BlockWeights(WorkerPool pool, StackedTensors stacked, BlockVnni? fused, Q8Kernel kernel, BlockFormat format, BlockPanels panels)
        : base(stacked, (long)stacked.Inputs / panels.StepInputs * panels.StepBytes)
    {
        if (stacked.Inputs % format.BlockElements != 0) throw new ArgumentException($"Rows of {stacked.Inputs} weights are no whole blocks of {format.Type}'s {format.BlockElements}.", nameof(stacked));
        (_format, _panels, _fused, _kernel) = (format, panels, fused, kernel);
        PackBytes(pool, stacked, new Packing(format, panels));
    }

    /// <summary>What the kernels of a format must be for.</summary>
    public static Q8Layout LayoutOf(WeightType type) => new(BlockFormat.Of(type)!.GroupElements);

    private Q8Layout Layout => _panels.Layout;

    private int Blocks => Inputs / Layout.BlockInputs;

    // A part's bytes, and its mins.
    private int PartBytes => Layout.BlocksOf(PartInputs) * Layout.WeightBlockBytes;

    private int MinsBytes => Layout.BlocksOf(PartInputs) * PanelOutputs * sizeof(float);

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        if (_fused is not null && rows <= BlockVnni.MaxRows)
        {
            long recordsBytes = (long)Blocks * Layout.RecordBytes;
            byte* records = scratch.Take(recordsBytes + (long)rows * PanelOutputs * sizeof(float));
            pool.Run(new Quantising(x, rows, xRowFloats, this, records, null), 1);
            pool.Run(new FusedProduct(_fused, records, rows, this, (float*)(records + recordsBytes), y, yRowFloats, pool.Threads), Panels);
            return;
        }
        int tiles = (rows + TileRows - 1) / TileRows;
        int chunkRows = RowChunks.Rows(rows, ItemRows, TileRows, Panels, 4 * pool.Threads), chunks = (rows + chunkRows - 1) / chunkRows;
        long activationBytes = (long)tiles * Blocks * Layout.RecordBytes, sumsBytes = (long)tiles * TileRows * Blocks * sizeof(float);
        int workerBytes = PartBytes + MinsBytes + chunkRows * PanelOutputs * sizeof(float);
        byte* activations = scratch.Take(activationBytes + sumsBytes + (long)pool.Threads * workerBytes);
        float* sums = (float*)(activations + activationBytes);
        pool.Run(new Quantising(x, rows, xRowFloats, this, activations, sums), tiles);
        pool.Run(new Product(activations, sums, rows, this, activations + activationBytes + sumsBytes, workerBytes, y, yRowFloats, chunkRows, pool.Threads), checked(chunks * Panels));
    }

    /// <summary>The definition, from the blocks of a file. Slow, obvious, never optimised.</summary>
    /// <param name="format">Theirs.</param>
    /// <param name="x">[rows][inputs], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">Any.</param>
    /// <param name="xRowFloats">At least <paramref name="inputs"/>.</param>
    /// <param name="weights">[outputs][blocks of a row].</param>
    /// <param name="inputs">Whole blocks.</param>
    /// <param name="outputs">Any.</param>
    /// <param name="y">[rows][outputs], rows <paramref name="yRowFloats"/> apart.</param>
    /// <param name="yRowFloats">At least <paramref name="outputs"/>.</param>
    public static void Reference(BlockFormat format, ReadOnlySpan<float> x, int rows, int xRowFloats, ReadOnlySpan<byte> weights, int inputs, int outputs, Span<float> y, int yRowFloats)
    {
        int group = format.GroupElements, rowBytes = inputs / format.BlockElements * format.BlockBytes;
        Span<sbyte> a = stackalloc sbyte[group];
        BlockParts parts;
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < outputs; j++)
            {
                float sum = 0f;
                for (int part = 0; part < inputs; part += PartInputs)
                {
                    int end = Math.Min(inputs, part + PartInputs);
                    for (int pass = 0; pass < (format.HasMins ? 2 : 1); pass++)
                    {
                        for (int k = part; k < end; k += group)
                        {
                            fixed (byte* block = weights[(j * rowBytes + k / format.BlockElements * format.BlockBytes)..]) format.TakeApart(block, &parts);
                            int first = k % format.BlockElements, dot = 0, total = 0;
                            float scale = Q8_0.Quantise(x.Slice(r * xRowFloats + k, group), a);
                            for (int i = 0; i < group; i++)
                            {
                                dot += a[i] * format.QuantumOf(parts.Q[first + i]);
                                total += a[i];
                            }
                            sum = pass == 0 ? MathF.FusedMultiplyAdd(dot, parts.Scale(first / group) * scale, sum) : MathF.FusedMultiplyAdd(total * scale, parts.Min(first / group), sum);
                        }
                    }
                }
                y[r * yRowFloats + j] = sum;
            }
        }
    }

    private readonly struct Packing(BlockFormat format, BlockPanels panels) : IBytePacking
    {
        [SkipLocalsInit]
        public void PackOutput(byte* row, int from, int inputs, int output, byte* panel)
        {
            BlockParts parts;
            row += from / format.BlockElements * format.BlockBytes;
            panel += (long)from / format.BlockElements * panels.StepBytes;
            for (int k = 0; k < inputs; k += format.BlockElements, row += format.BlockBytes, panel += panels.StepBytes)
            {
                format.TakeApart(row, &parts);
                panels.Put(&parts, output, panel);
            }
        }
    }

    private readonly struct Quantising(float* x, int rows, int xRowFloats, BlockWeights weights, byte* activations, float* sums) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            Q8Layout layout = weights.Layout;
            int firstRow = item * TileRows, take = Math.Min(TileRows, rows - firstRow), blocks = weights.Blocks;
            byte* records = activations + (long)item * blocks * layout.RecordBytes;
            Q8Activations.Fill(x + (long)firstRow * xRowFloats, take, xRowFloats, weights.Inputs, layout, records);
            if (sums is null || !weights._format.HasMins) return;
            for (int block = 0; block < blocks; block++, records += layout.RecordBytes)
                for (int r = 0; r < take; r++)
                    sums[(long)(firstRow + r) * blocks + block] = ((int*)(records + layout.CorrectionsAt))[r] / -128 * ((float*)(records + layout.ScalesAt))[r];
        }
    }

    private readonly struct Product(byte* activations, float* sums, int rows, BlockWeights weights, byte* scratch, int workerBytes, float* y, int yRowFloats, int chunkRows, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            BlockPanels panels = weights._panels;
            Q8Kernel kernel = weights._kernel;
            Q8Layout layout = weights.Layout;
            int panel = weights.PanelOf(item, threads), firstRow = item / weights.Panels * chunkRows, take = Math.Min(chunkRows, rows - firstRow);
            int inputs = weights.Inputs, width = weights.PanelWidth(panel), allBlocks = weights.Blocks;
            byte* step = weights.Panel(panel), expanded = scratch + (long)worker * workerBytes;
            float* mins = (float*)(expanded + weights.PartBytes), mine = (float*)((byte*)mins + weights.MinsBytes);
            float* to = y + (long)firstRow * yRowFloats + panel * PanelOutputs, c = width == PanelOutputs ? to : mine;
            int cRowFloats = width == PanelOutputs ? yRowFloats : PanelOutputs;
            int stepBlocks = panels.StepInputs / layout.BlockInputs;
            for (int k = 0; k < inputs; k += PartInputs)
            {
                int part = Math.Min(PartInputs, inputs - k), blocks = part / layout.BlockInputs, firstBlock = k / layout.BlockInputs;
                panels.Expand(step, blocks / stepBlocks, kernel.WeightBias, expanded, mins);
                byte* next = step + blocks / stepBlocks * panels.StepBytes;
                byte* a = activations + ((long)firstRow / TileRows * allBlocks + firstBlock) * layout.RecordBytes;
                kernel.Multiply(a, (nint)allBlocks * layout.RecordBytes, take, expanded, blocks, c, cRowFloats, k > 0, next, (int)(next - step));
                step = next;
                if (!weights._format.HasMins) continue;
                TileColumns columns = TileColumns.SideBySide(mins, PanelOutputs);
                for (int r = 0; r < take; r += MinRows)
                    FloatTile.Multiply(sums + (long)(firstRow + r) * allBlocks + firstBlock, allBlocks, Math.Min(MinRows, take - r), columns, Tile.MaxUnits, blocks, c + (long)r * cRowFloats, cRowFloats, add: true, null, 0);
            }
            if (c == to) return;
            for (int r = 0; r < take; r++) new ReadOnlySpan<float>(mine + r * PanelOutputs, width).CopyTo(new Span<float>(to + (long)r * yRowFloats, width));
        }
    }
    /// <summary>Few rows, whole panels. Only the last panel can be narrow, so one place for its sums is enough.</summary>
    private readonly struct FusedProduct(BlockVnni kernel, byte* records, int rows, BlockWeights weights, float* narrow, float* y, int yRowFloats, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int panel = weights.PanelOf(item, threads), width = weights.PanelWidth(panel);
            float* to = y + panel * PanelOutputs;
            if (width == PanelOutputs)
            {
                kernel.Multiply(records, rows, weights.Panel(panel), weights.Inputs, to, yRowFloats);
                return;
            }
            kernel.Multiply(records, rows, weights.Panel(panel), weights.Inputs, narrow, PanelOutputs);
            for (int r = 0; r < rows; r++) new ReadOnlySpan<float>(narrow + r * PanelOutputs, width).CopyTo(new Span<float>(to + (long)r * yRowFloats, width));
        }
    }
}
