using Coppice.Backends;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Coppice.Loading;

namespace Coppice.Kernels;

/// <summary>How <see cref="BF16Dot"/> multiplies. Each way rounds in its own order, so which one runs is a property of machine and level.</summary>
internal enum Bf16Arithmetic
{
    /// <summary>One f32 chain over ascending inputs, in managed code.</summary>
    Chain,

    /// <summary>vdpbf16ps, by <see cref="Emitted.EmittedTile"/>.</summary>
    Dot,

    /// <summary>tdpbf16ps, by <see cref="Emitted.Bf16Matrix"/>.</summary>
    Matrix,
}

/// <summary>bfloat16 in memory and in arithmetic: activations are rounded to bf16, once a product; sums are f32.</summary>
internal sealed unsafe class BF16Dot : LinearWeights
{
    private const int StepInputs = HalfPairs<BF16.Half>.StepInputs;

    private const int ItemRows = 256;

    private readonly Bf16Arithmetic _arithmetic;

    public BF16Dot(WorkerPool pool, StackedTensors stacked) : this(pool, stacked, Best)
    {
    }

    internal BF16Dot(WorkerPool pool, StackedTensors stacked, Bf16Arithmetic arithmetic) : base(stacked, HalfPairs<BF16.Half>.PanelBytes(stacked.Inputs))
    {
        _arithmetic = arithmetic;
        if (stacked.Type == WeightType.BF16) PackBytes(pool, stacked, default(HalfPairs<BF16.Half>.FilePacking));
        else Pack(pool, stacked, default(HalfPairs<BF16.Half>.Packing));
    }

    /// <summary>The fastest that this machine has, by rule and not by measurement: the same machine always computes the same bits.</summary>
    public static Bf16Arithmetic Best { get; } =
        Bf16Matrix.Instance is not null ? Bf16Arithmetic.Matrix : EmittedTile.Of(DotFormat.BF16) is not null ? Bf16Arithmetic.Dot : Bf16Arithmetic.Chain;

    // Steps of a panel (4 KiB each) over which all rows of an item pass before the next ones. With a single row tile nothing is read twice. With two, and with
    // many, long blocks load and store the sums less often; with three and four a short one stays in the first-level cache beside rows and sums.
    private static int BlockSteps(int rows, int steps) => rows switch
    {
        <= Bf16Matrix.TileRows => steps,
        <= 2 * Bf16Matrix.TileRows => 8,
        <= 4 * Bf16Matrix.TileRows => 4,
        _ => 6,
    };

    private int Steps => HalfPairs<BF16.Half>.PaddedInputs(Inputs) / StepInputs;

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        if (_arithmetic == Bf16Arithmetic.Matrix)
        {
            int rowTiles = (rows + Bf16Matrix.TileRows - 1) / Bf16Matrix.TileRows;
            int chunkRows = RowChunks.Rows(rows, ItemRows, 2 * Bf16Matrix.TileRows, Panels, 4 * pool.Threads), chunks = (rows + chunkRows - 1) / chunkRows;
            long tileBytes = (long)rowTiles * Steps * Bf16Matrix.TileBytes, sumsBytes = (long)chunkRows * PanelOutputs * sizeof(float);
            byte* tiles = scratch.Take(tileBytes + pool.Threads * sumsBytes);
            pool.Run(new Rounding(x, rows, xRowFloats, Inputs, Steps, Bf16Matrix.TileRows, (ushort*)tiles), rowTiles);
            pool.Run(new MatrixProduct(tiles, rows, this, (float*)(tiles + tileBytes), y, yRowFloats, chunkRows, pool.Threads), checked(chunks * Panels));
            return;
        }

        int lanes = _arithmetic == Bf16Arithmetic.Dot ? Steps * StepInputs / 2 : Inputs;
        long roundedBytes = (long)rows * Steps * StepInputs * (_arithmetic == Bf16Arithmetic.Dot ? sizeof(ushort) : sizeof(float));
        byte* space = scratch.Take(roundedBytes + PanelProduct<Pairs>.ScratchBytes(rows, lanes));
        if (_arithmetic == Bf16Arithmetic.Dot)
        {
            // Row-major: tiles of one row.
            pool.Run(new Rounding(x, rows, xRowFloats, Inputs, Steps, 1, (ushort*)space), rows);
            PanelProduct<Pairs>.Run((float*)space, rows, lanes, lanes, this, pool, space + roundedBytes, y, yRowFloats);
        }
        else
        {
            pool.Run(new RoundingInPlace(x, xRowFloats, Inputs, (float*)space), rows);
            PanelProduct<HalfPairs<BF16.Half>.Widening>.Run((float*)space, rows, lanes, lanes, this, pool, space + roundedBytes, y, yRowFloats);
        }
    }

    /// <summary>The definition. weights: [outputs, inputs], rounded to bf16 like the rows of x. Slow, obvious, never optimised.</summary>
    public static void Reference(Bf16Arithmetic arithmetic, ReadOnlySpan<float> x, int rows, int xRowFloats, ReadOnlySpan<float> weights, int inputs, int outputs, Span<float> y, int yRowFloats)
    {
        ushort[] a = new ushort[HalfPairs<BF16.Half>.PaddedInputs(inputs)], b = new ushort[a.Length];
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < outputs; j++)
            {
                for (int k = 0; k < inputs; k++)
                {
                    a[k] = Bf16.Round(x[r * xRowFloats + k]);
                    b[k] = Bf16.Round(weights[j * inputs + k]);
                }
                y[r * yRowFloats + j] = arithmetic switch
                {
                    Bf16Arithmetic.Matrix => Bf16Matrix.Reference(a, b, 0f),
                    Bf16Arithmetic.Dot => DotChain(a, b),
                    _ => FloatChain(a, b, inputs),
                };
            }
        }
    }

    private static float DotChain(ushort[] a, ushort[] b)
    {
        uint sum = 0;
        for (int k = 0; k < a.Length; k += 2)
            sum = Emitted.Dot.Reference(DotFormat.BF16, a[k] | (uint)a[k + 1] << 16, b[k] | (uint)b[k + 1] << 16, sum);
        return BitConverter.UInt32BitsToSingle(sum);
    }

    private static float FloatChain(ushort[] a, ushort[] b, int inputs)
    {
        float sum = 0f;
        for (int k = 0; k < inputs; k++) sum = MathF.FusedMultiplyAdd(Bf16.Widen(a[k]), Bf16.Widen(b[k]), sum);
        return sum;
    }

    /// <summary>Rows of x as tiles [row tile][step][rows of a tile][32]; an item is one row tile. Missing inputs are zeros, missing rows are left out.</summary>
    private readonly struct Rounding(float* x, int rows, int xRowFloats, int inputs, int steps, int tileRows, ushort* tiles) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            ushort* tile = tiles + (long)item * steps * tileRows * StepInputs;
            for (int r = 0; r < tileRows && item * tileRows + r < rows; r++)
            {
                float* row = x + (long)(item * tileRows + r) * xRowFloats;
                for (int step = 0; step < steps; step++)
                    Bf16Rows.Round(row + step * StepInputs, Math.Min(StepInputs, inputs - step * StepInputs), tile + ((long)step * tileRows + r) * StepInputs, StepInputs);
            }
        }
    }

    /// <summary>Rows of x rounded to bf16 and kept as floats, [rows][inputs].</summary>
    private readonly struct RoundingInPlace(float* x, int xRowFloats, int inputs, float* rounded) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            for (int k = 0; k < inputs; k++) rounded[(long)item * inputs + k] = Bf16.Widen(Bf16.Round(x[(long)item * xRowFloats + k]));
        }
    }

    /// <summary>Pairs as they lie, against <see cref="EmittedTile"/>.</summary>
    private readonly struct Pairs : IPanelTile
    {
        private static readonly EmittedTile? Emitted = EmittedTile.Of(DotFormat.BF16);

        public static int LaneBytes => PanelOutputs * sizeof(float);

        public static float* Block(byte* panel, int lane, int count, float* scratch) => (float*)panel + (long)lane * PanelOutputs;

        public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch, nint prefetchStepBytes) =>
            Emitted!.Run(a, aRowFloats, rows, b, units, k, c, cRowFloats, add, prefetch, prefetchStepBytes);
    }

    private readonly struct MatrixProduct(byte* tiles, int rows, BF16Dot weights, float* sums, float* y, int yRowFloats, int chunkRows, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            Bf16Matrix unit = Bf16Matrix.Instance!;
            int panel = weights.PanelOf(item, threads), firstRow = item / weights.Panels * chunkRows;
            int take = Math.Min(chunkRows, rows - firstRow), steps = weights.Steps, width = weights.PanelWidth(panel);
            nint rowTileBytes = (nint)steps * Bf16Matrix.TileBytes;
            byte* a = tiles + firstRow / Bf16Matrix.TileRows * rowTileBytes, b = weights.Panel(panel);
            float* to = y + (long)firstRow * yRowFloats + panel * PanelOutputs, mine = sums + (long)worker * chunkRows * PanelOutputs;

            // The sums of a part of the inputs stay close together; only the last part writes to y, whose rows lie far apart.
            int blockSteps = BlockSteps(take, steps);
            for (int step = 0; step < steps; step += blockSteps)
            {
                int some = Math.Min(blockSteps, steps - step);
                bool last = step + some == steps, direct = last && width == PanelOutputs;
                byte* block = b + (long)step * StepInputs * PanelOutputs * sizeof(ushort), behind = block + (long)some * StepInputs * PanelOutputs * sizeof(ushort);
                unit.Run(
                    a + step * Bf16Matrix.TileBytes, rowTileBytes, take, block, some, last ? weights.LikelyNext(panel) : behind,
                    step == 0 ? null : mine, PanelOutputs, direct ? to : mine, direct ? yRowFloats : PanelOutputs);
            }
            if (width == PanelOutputs) return;
            for (int r = 0; r < take; r++) new ReadOnlySpan<float>(mine + r * PanelOutputs, width).CopyTo(new Span<float>(to + (long)r * yRowFloats, width));
        }
    }
}
