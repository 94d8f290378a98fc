using System.Runtime.Intrinsics;
using Coppice.Backends;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>
/// Signed bytes in blocks of 32 inputs with one f32 scale. A panel is [block]{[8][64][4] bytes, [64] scales}: four consecutive inputs of an
/// output in one lane. Activations become signed bytes too, once a product, with a scale per row and block. The bytes are multiplied and
/// summed exactly; then, block by block in order, y = fma(sum, weight scale · activation scale, y). Whatever sums the bytes, the bits agree.
/// </summary>
internal sealed unsafe class Q8_0 : LinearWeights
{
    public const int BlockInputs = 32, BlockBytes = BlockInputs * PanelOutputs + PanelOutputs * sizeof(float);

    private const int FileBlockBytes = 34, ScalesAt = BlockInputs * PanelOutputs;

    // 16 blocks of a panel (36 KiB) stay in the first-level cache while the rows of an item pass over them.
    private const int PartBlocks = 16, ItemRows = 256;

    private readonly Q8Kernel _kernel;

    public Q8_0(WorkerPool pool, StackedTensors stacked) : this(pool, stacked, Q8Kernel.Best)
    {
    }

    internal Q8_0(WorkerPool pool, StackedTensors stacked, Q8Kernel kernel) : base(stacked, (long)BlocksOf(stacked.Inputs) * BlockBytes)
    {
        _kernel = kernel;
        if (stacked.Type == WeightType.Q8_0) PackBytes(pool, stacked, new FilePacking(kernel.WeightBias));
        else Pack(pool, stacked, new Packing(kernel.WeightBias));
    }

    private static Q8Layout Layout => Q8Layout.Blocks32;

    private int Blocks => BlocksOf(Inputs);

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        int tiles = Q8Kernel.Tiles(rows);
        int chunkRows = RowChunks.Rows(rows, ItemRows, Q8Activations.TileRows, Panels, 4 * pool.Threads), chunks = (rows + chunkRows - 1) / chunkRows;
        long activationBytes = (long)tiles * Blocks * Layout.RecordBytes;
        byte* activations = scratch.Take(activationBytes + (long)pool.Threads * chunkRows * PanelOutputs * sizeof(float));
        pool.Run(new Quantising(x, rows, xRowFloats, Inputs, activations), tiles);
        pool.Run(new Product(activations, rows, this, (float*)(activations + activationBytes), y, yRowFloats, chunkRows, pool.Threads), checked(chunks * Panels));
    }

    /// <summary>The definition, from plain weights [outputs, inputs]. Slow, obvious, never optimised.</summary>
    public static void Reference(ReadOnlySpan<float> x, int rows, int xRowFloats, ReadOnlySpan<float> weights, int inputs, int outputs, Span<float> y, int yRowFloats)
    {
        Span<sbyte> a = stackalloc sbyte[BlockInputs], b = stackalloc sbyte[BlockInputs];
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < outputs; j++)
            {
                float sum = 0f;
                for (int k = 0; k < inputs; k += BlockInputs)
                {
                    int some = Math.Min(BlockInputs, inputs - k), dot = 0;
                    float scaleA = Quantise(x.Slice(r * xRowFloats + k, some), a), scaleB = Quantise(weights.Slice(j * inputs + k, some), b);
                    for (int i = 0; i < BlockInputs; i++) dot += a[i] * b[i];
                    sum = MathF.FusedMultiplyAdd(dot, scaleB * scaleA, sum);
                }
                y[r * yRowFloats + j] = sum;
            }
        }
    }

    /// <summary>
    /// q = round(x · 127 / max|x|), ties to even, and the scale max|x| / 127 to be multiplied with. Blocks below 1e-30 count as zeros; one
    /// that is not finite gives a scale that is not.
    /// </summary>
    /// <param name="x">The numbers of a block.</param>
    /// <param name="q">At least as many; zeros behind them.</param>
    public static float Quantise(ReadOnlySpan<float> x, Span<sbyte> q)
    {
        uint largest = 0;
        foreach (float value in x) largest = Math.Max(largest, BitConverter.SingleToUInt32Bits(value) & 0x7FFFFFFF);
        float max = BitConverter.UInt32BitsToSingle(largest);
        q.Clear();
        if (max < 1e-30f) return 0f;
        if (!float.IsFinite(max)) return max;
        float factor = 127f / max;
        for (int i = 0; i < x.Length; i++) q[i] = (sbyte)MathF.Round(x[i] * factor);
        return max / 127f;
    }

    private static int BlocksOf(int inputs) => (inputs + BlockInputs - 1) / BlockInputs;

    private readonly struct Packing(int bias) : IPanelPacking
    {
        public void PackUnit(float* rows, int rowFloats, int inputs, int unit, byte* panel)
        {
            sbyte* q = stackalloc sbyte[BlockInputs];
            for (int k = 0; k < inputs; k += BlockInputs)
            {
                byte* block = panel + (long)(k / BlockInputs) * BlockBytes;
                for (int lane = 0; lane < Tile.UnitFloats; lane++)
                {
                    int output = unit * Tile.UnitFloats + lane;
                    ((float*)(block + ScalesAt))[output] = Q8Activations.Quantise(rows + (long)lane * rowFloats + k, Math.Min(BlockInputs, inputs - k), q, BlockInputs);
                    for (int i = 0; i < BlockInputs; i++) block[i / 4 * Q8Layout.QuadBytes + output * 4 + i % 4] = (byte)(q[i] + bias);
                }
            }
        }
    }

    /// <summary>The bytes of the file as they are, and their scale as a float.</summary>
    private readonly struct FilePacking(int bias) : IBytePacking
    {
        public void PackOutput(byte* row, int from, int inputs, int output, byte* panel)
        {
            row += from / BlockInputs * FileBlockBytes;
            panel += (long)from / BlockInputs * BlockBytes;
            uint add = 0x01010101u * (uint)bias;
            for (int k = 0; k < inputs; k += BlockInputs, row += FileBlockBytes, panel += BlockBytes)
            {
                ((float*)(panel + ScalesAt))[output] = (float)*(Half*)row;
                uint* quads = (uint*)(row + sizeof(ushort));
                // The bias is the highest bit of each byte: adding it carries nothing over.
                for (int quad = 0; quad < BlockInputs / 4; quad++) *(uint*)(panel + quad * Q8Layout.QuadBytes + output * 4) = quads[quad] ^ add;
            }
        }
    }

    private readonly struct Quantising(float* x, int rows, int xRowFloats, int inputs, byte* activations) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int firstRow = item * Q8Activations.TileRows;
            Q8Activations.Fill(x + (long)firstRow * xRowFloats, Math.Min(Q8Activations.TileRows, rows - firstRow), xRowFloats, inputs, Layout, activations + (long)item * BlocksOf(inputs) * Layout.RecordBytes);
        }
    }

    private readonly struct Product(byte* activations, int rows, Q8_0 weights, float* sums, float* y, int yRowFloats, int chunkRows, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int panel = weights.PanelOf(item, threads), firstRow = item / weights.Panels * chunkRows;
            int take = Math.Min(chunkRows, rows - firstRow), blocks = weights.Blocks, width = weights.PanelWidth(panel);
            byte* b = weights.Panel(panel);
            float* to = y + (long)firstRow * yRowFloats + panel * PanelOutputs, mine = sums + (long)worker * chunkRows * PanelOutputs;
            int cRowFloats = width == PanelOutputs ? yRowFloats : PanelOutputs, partBlocks = take <= weights._kernel.StreamRows ? blocks : PartBlocks;
            float* c = width == PanelOutputs ? to : mine;
            byte* a = activations + (long)firstRow / Q8Activations.TileRows * blocks * Layout.RecordBytes;
            for (int block = 0; block < blocks; block += partBlocks)
            {
                int some = Math.Min(partBlocks, blocks - block);
                byte* part = b + (long)block * BlockBytes, next = block + some == blocks ? weights.LikelyNext(panel) : part + (long)some * BlockBytes;
                int nextBytes = some == blocks ? 0 : some * BlockBytes;
                // Few rows take each block once: what is fetched is a little ahead of what is read.
                if (take <= weights._kernel.StreamRows)
                {
                    next = part + 4 * BlockBytes;
                    nextBytes = some * BlockBytes;
                }
                weights._kernel.Multiply(a + (long)block * Layout.RecordBytes, (nint)blocks * Layout.RecordBytes, take, part, some, c, cRowFloats, block > 0, next, nextBytes);
            }
            if (c == to) return;
            for (int r = 0; r < take; r++) new ReadOnlySpan<float>(mine + r * PanelOutputs, width).CopyTo(new Span<float>(to + (long)r * yRowFloats, width));
        }
    }
}
