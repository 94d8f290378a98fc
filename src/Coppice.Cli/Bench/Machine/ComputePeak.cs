using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Machine;

/// <summary>A loop that does nothing but multiply and add: the most that any kernel of its kind can reach.</summary>
/// <param name="Name">"f32 managed 512", "bf16 emitted".</param>
/// <param name="Format">What is multiplied.</param>
/// <param name="OperationsPerRun">Multiplications and additions of one <see cref="Run"/>.</param>
/// <param name="Run">One item of work of some 100 µs; touches the first-level cache only. Any thread, with its number.</param>
internal sealed record ComputePeak(string Name, DotFormat Format, double OperationsPerRun, Action<int> Run)
{
    private const int Steps = 2_000;

    /// <summary>All that this machine can run at the level in force.</summary>
    /// <param name="operands"><see cref="OperandBytes"/> for each thread; filled here.</param>
    public static unsafe IReadOnlyList<ComputePeak> All(AlignedBuffer operands)
    {
        // Numbers of ordinary size whether read as floats or as bf16.
        EmittedTile.Fill(DotFormat.BF16, (uint*)operands.Pointer, (int)(operands.Bytes / sizeof(uint)), seed: 1);
        List<ComputePeak> peaks = [];
        if (Isa.Width >= 512 && Isa.Native >= 512) peaks.Add(Managed<F512>(512));
        if (Isa.Width >= 256 && Isa.Native >= 256) peaks.Add(Managed<F256>(256));
        if (peaks.Count == 0) peaks.Add(Managed<F128>(128));
        foreach (DotFormat format in Enum.GetValues<DotFormat>())
        {
            if (EmittedTile.Of(format) is EmittedTile tile) peaks.Add(Emitted(format, tile, operands));
            if (MatrixPeak.Of(format) is ComputePeak matrix) peaks.Add(matrix);
        }
        return peaks;
    }

    public static long OperandBytes => (TileRows * TileLanes + TileLanes * TileColumnsCount + TileRows * TileColumnsCount) * (long)sizeof(float);

    private static ComputePeak Managed<V>(int bits) where V : struct, ILanes<V> =>
        new($"f32 managed {bits}", DotFormat.F32, 2.0 * Chains * V.Count * Steps * 8, _ => Sink = Chain<V>(Steps * 8));

    // Enough chains to hide a multiply-add's latency of four cycles on two ports, with registers left over.
    private const int Chains = 12;

    /// <summary>Written so that the arithmetic has an effect.</summary>
    internal static float Sink;

    private static unsafe float Chain<V>(int steps) where V : struct, ILanes<V>
    {
        V x = V.Broadcast(0.999f), y = V.Broadcast(0.001f);
        V a = y, b = y, c = y, d = y, e = y, f = y, g = y, h = y, i = y, j = y, k = y, l = y;
        for (int step = 0; step < steps; step++)
        {
            a = V.Fma(a, x, y);
            b = V.Fma(b, x, y);
            c = V.Fma(c, x, y);
            d = V.Fma(d, x, y);
            e = V.Fma(e, x, y);
            f = V.Fma(f, x, y);
            g = V.Fma(g, x, y);
            h = V.Fma(h, x, y);
            i = V.Fma(i, x, y);
            j = V.Fma(j, x, y);
            k = V.Fma(k, x, y);
            l = V.Fma(l, x, y);
        }
        float* all = stackalloc float[16];
        V.Store(a + b + c + d + e + f + g + h + i + j + k + l, all);
        return all[0];
    }

    private const int TileRows = 6, TileLanes = 64, TileColumnsCount = Tile.UnitFloats * Tile.MaxUnits, TileCalls = 256;

    private static unsafe ComputePeak Emitted(DotFormat format, EmittedTile tile, AlignedBuffer operands)
    {
        int perLane = format switch { DotFormat.F32 => 1, DotFormat.BF16 => 2, _ => 4 };
        return new ComputePeak($"{format.ToString().ToLowerInvariant()} emitted", format, 2.0 * perLane * TileRows * TileLanes * TileColumnsCount * TileCalls, worker =>
        {
            float* a = operands.Floats + worker * OperandBytes / sizeof(float), b = a + TileRows * TileLanes, c = b + TileLanes * TileColumnsCount;
            for (int call = 0; call < TileCalls; call++)
                tile.Run(a, TileLanes, TileRows, TileColumns.SideBySide(b, TileColumnsCount), Tile.MaxUnits, TileLanes, c, TileColumnsCount, add: false);
        });
    }

    /// <summary>The same on every thread of a pool at once.</summary>
    internal readonly struct OnEach(ComputePeak peak) : IParallelWork
    {
        public void Run(int item, int worker) => peak.Run(worker);
    }
}
