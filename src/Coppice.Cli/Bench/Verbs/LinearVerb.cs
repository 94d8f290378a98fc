using System.CommandLine;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;
using Coppice.Kernels.Emitted;
using Coppice.Loading;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>The products of known models, one by one, against the machine's peak and bandwidth.</summary>
internal static class LinearVerb
{
    /// <summary>A weight format as the backend computes it.</summary>
    /// <param name="Name">As people type it.</param>
    /// <param name="Source">How a file keeps the weights.</param>
    /// <param name="Kept">What the backend makes of them.</param>
    /// <param name="Judge">The products that a kernel for it can use at best.</param>
    private sealed record Format(string Name, WeightType Source, WeightFormat Kept, DotFormat Judge);

    private static readonly Format[] Formats =
    [
        new("f32", WeightType.F32, WeightFormat.F32, DotFormat.F32),
        new("native-bf16", WeightType.BF16, WeightFormat.Native, DotFormat.F32),
        new("native-f16", WeightType.F16, WeightFormat.Native, DotFormat.F32),
        new("bf16", WeightType.F32, WeightFormat.BF16, DotFormat.BF16),
        new("q8_0", WeightType.F32, WeightFormat.Q8_0, DotFormat.Int8),
        .. BlockFormat.All.Where(format => format.Type != WeightType.Q8_0).Select(format => new Format(format.Type.ToString().ToLowerInvariant(), format.Type, WeightFormat.Native, DotFormat.Int8)),
    ];

    public static Command Create()
    {
        Setting<string[]> shapes = BenchOptions.Names("--shape", ModelShapes.Names, ["tinyllama"], "Models whose products are measured");
        Setting<string[]> formats = BenchOptions.Names("--weights", [.. Formats.Select(format => format.Name)], ["f32", "bf16", "q8_0"], "Weight formats; the native ones are multiplied as floats. Layers whose rows are no whole blocks of a format are left out");
        Setting<int[]> rows = BenchOptions.Wholes("--rows", "M", 1, 65_536, [1, 4, 16, 64, 256], "Rows of the inputs");
        return BenchCommand.Verb("linear", "Products of M rows with the weights of known models: GFLOP/s, GB/s, and the share of what the machine could do", [shapes.Option, formats.Option, rows.Option],
            (parsed, run) => Run(run, shapes.In(parsed), [.. Formats.Where(format => formats.In(parsed).Contains(format.Name, StringComparer.Ordinal))], rows.In(parsed)),
            ("One row and 64 with the weights of TinyLlama in bf16", "coppice bench linear --shape tinyllama --weights bf16 --rows 1,64"));
    }

    private static int Run(BenchRun run, string[] shapes, Format[] formats, int[] sizes)
    {
        using var ceilings = new Ceilings(run);
        List<BenchRow> rows = [];
        (string Name, int Inputs, int Outputs, Format Format)[] layers =
            [.. from shape in shapes from linear in ModelShapes.Linears(ModelShapes.Config(shape)) from format in formats where linear.Inputs % (BlockFormat.Of(format.Source)?.BlockElements ?? 1) == 0 select ($"{shape} {linear.Name} {format.Name}", linear.Inputs, linear.Outputs, format)];
        run.Expect(layers.Length);
        foreach ((string name, int inputs, int outputs, Format format) in layers)
        {
            using var backend = new CpuBackend(run.Threads, format.Kept, run.Placement);
            using var weights = new Rotation(backend, format.Source, inputs, outputs, ceilings.BufferBytes);
            using var memory = new AlignedBuffer((long)sizes.Max() * (inputs + outputs) * sizeof(float));
            Contender[] contenders = [.. sizes.Select(m => Product(backend, weights, memory, m, inputs, outputs))];
            RaceTimes times = run.Measure(name, [.. contenders, .. ceilings.Contenders(format.Judge)]);
            foreach (int m in sizes) rows.Add(Row(name, m, inputs, outputs, weights.Bytes, format, times, ceilings));
        }

        return run.Finish(rows,
            [Column.Case("layer"), Column.Of("M"), Column.Of("inputs"), Column.Of("outputs"), Column.Of("gigaOperationsPerSecond", "GFLOP/s", format: "0.0"), Column.Of("gigabytesPerSecond", "GB/s", format: "0.0"), Column.Percent("ofCeiling", "of ceiling"), Column.Percent("ofPeak", "of peak"), Column.Percent("ofBandwidth", "of bandwidth"), Column.Milliseconds],
            Plot,
            "Peak: of f32, bf16 or int8 products, whichever the format uses. Ceiling: the time that either the multiplications at the peak or the bytes (weights, inputs, outputs) at the read bandwidth take at least, both measured in turn with the products on the same threads.",
            "Copies of the weights are used in turn, so that they come from memory and not from a cache, as they do in a model.");
    }

    private static unsafe Contender Product(IBackend backend, Rotation weights, AlignedBuffer memory, int m, int inputs, int outputs)
    {
        var x = new Matrix(memory.Floats, m, inputs, inputs);
        var y = new Matrix(memory.Floats + (long)m * inputs, m, outputs, outputs);
        RandomFill.Floats(x.Floats, seed: m);
        return new Contender(Variant(m), () => backend.Linear(x, weights.Next(), y));
    }

    private static BenchRow Row(string name, int m, int inputs, int outputs, long weightBytes, Format format, RaceTimes times, Ceilings ceilings)
    {
        Spread seconds = times[Variant(m)];
        double operations = 2.0 * m * inputs * outputs, bytes = weightBytes + 4.0 * m * (inputs + outputs);
        double ofPeak = ceilings.ShareOfPeak(times, Variant(m), operations, format.Judge), ofBandwidth = ceilings.ShareOfBandwidth(times, Variant(m), bytes);
        return new BenchRow(name, Variant(m), Named.Numbers(("M", m), ("inputs", inputs), ("outputs", outputs)), seconds, Named.Numbers(
            ("gigaOperationsPerSecond", operations / seconds.Median / 1e9), ("gigabytesPerSecond", bytes / seconds.Median / 1e9),
            ("ofCeiling", Math.Max(ofPeak, ofBandwidth)), ("ofPeak", ofPeak), ("ofBandwidth", ofBandwidth),
            ("peakGigaOperationsPerSecond", ceilings.Operations(times, format.Judge) / 1e9), ("readGigabytesPerSecond", ceilings.BytesPerSecond(times) / 1e9)));
    }

    private static string Variant(int m) => $"M={m}";

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows) => new("Linear layers: share of the machine's ceiling", Axis.Log("M, rows", rows.Select(row => row["M"])),
        Axis.Linear("% of ceiling", rows.Select(row => row["ofCeiling"] * 100).Append(100)),
        [.. rows.GroupBy(row => row.Case).Select(layer => new Series(layer.Key, [.. layer.Select(row => (row["M"], row["ofCeiling"] * 100))]))]);

    /// <summary>Enough copies of a layer's weights that each has left the caches when its turn comes again.</summary>
    private sealed class Rotation : IDisposable
    {
        private const int MostCopies = 256;
        private readonly ILinearWeights[] _copies;
        private int _next;

        public Rotation(IBackend backend, WeightType source, int inputs, int outputs, long bytes)
        {
            ILinearWeights first = backend.Load(new RandomTensor("random", 1, source, outputs, inputs));
            _copies = new ILinearWeights[(int)Math.Clamp((bytes + first.Bytes - 1) / first.Bytes, 1, MostCopies)];
            _copies[0] = first;
            for (int i = 1; i < _copies.Length; i++) _copies[i] = backend.Load(new RandomTensor("random", i + 1, source, outputs, inputs));
        }

        /// <summary>Of one copy.</summary>
        public long Bytes => _copies[0].Bytes;

        public ILinearWeights Next() => _copies[_next = (_next + 1) % _copies.Length];

        public void Dispose()
        {
            foreach (ILinearWeights copy in _copies) copy.Dispose();
        }
    }
}
