using System.CommandLine;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;
using Coppice.Kernels.Emitted;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>One layer's attention of rows that share a prefix, in every exact mode.</summary>
internal static class AttentionVerb
{
    public static Command Create()
    {
        Setting<int[]> rows = BenchOptions.Wholes("--rows", "B", 1, 65_536, [1, 16, 64], "Rows: sequences that decode one token");
        Setting<int[]> prefix = BenchOptions.Wholes("--prefix", "P", 0, 1 << 20, [1_024, 4_096], "Tokens that all rows share");
        Setting<int[]> suffix = BenchOptions.Wholes("--suffix", "S", 1, 1 << 20, [64], "Tokens of each row's own");
        Setting<Heads[]> heads = HeadOptions.Create(new Heads(32, 8, 64));
        Setting<string[]> kv = BenchOptions.Names("--kv", KvFormats.Names, ["f32"], "How keys and values are kept");
        Setting<string[]> modes = BenchOptions.Names("--mode", ExactModes.Names, [.. ExactModes.Names], "Attention modes; per-sequence is always measured");
        Setting<string?> preset = BenchOptions.Name("--preset", AttentionPresets.Names, "A published grid instead of the sizes above; sizes that are given as well replace its own");
        return BenchCommand.Verb("attention", "Attention over a shared prefix in each exact mode, against per-sequence and against the machine", [preset.Option, rows.Option, prefix.Option, suffix.Option, heads.Option, kv.Option, modes.Option], (parsed, run) =>
        {
            string? name = preset.In(parsed);
            AttentionCase[] cases = name is not null ? AttentionPresets.Cases(name) :
                [.. from p in prefix.In(parsed) from s in suffix.In(parsed) from h in heads.In(parsed) from f in kv.In(parsed) from b in rows.In(parsed) select new AttentionCase(b, p, s, h, KvFormats.Of(f))];
            if (name is not null)
            {
                cases = Replace(cases, parsed, rows, (c, b) => c with { B = b });
                cases = Replace(cases, parsed, prefix, (c, p) => c with { P = p });
                cases = Replace(cases, parsed, suffix, (c, s) => c with { S = s });
                cases = Replace(cases, parsed, heads, (c, h) => c with { Heads = h });
                cases = Replace(cases, parsed, kv, (c, f) => c with { Kv = KvFormats.Of(f) });
            }
            return Run(run, [.. cases.Distinct()], [.. ExactModes.Names.Where(mode => mode == ExactModes.Baseline || modes.In(parsed).Contains(mode, StringComparer.Ordinal))], AttentionPresets.Plot(name));
        }, ("64 rows behind a prefix of 4,096 tokens", "coppice bench attention --rows 64 --prefix 4096"));
    }

    // A size that stands on the command line takes the place of the preset's.
    private static AttentionCase[] Replace<T>(AttentionCase[] cases, ParseResult parsed, Setting<T[]> option, Func<AttentionCase, T, AttentionCase> with) =>
        !option.IsGiven(parsed) ? cases : [.. (from c in cases from value in option.In(parsed) select with(c, value)).Distinct()];

    private static int Run(BenchRun run, AttentionCase[] cases, string[] modes, (string Title, string X) plot)
    {
        using var backend = new CpuBackend(run.Threads, placement: run.Placement);
        using var ceilings = new Ceilings(run);
        run.Expect(cases.Length);
        List<BenchRow> rows = [];
        foreach (AttentionCase c in cases)
        {
            using var scene = new AttentionScene(TreeShape.OneLevel(c.B, c.P, c.S), c.Heads, c.Kv, ceilings.BufferBytes);
            AttentionPlan[] plans = [.. modes.Select(_ => scene.NewPlan())];
            for (int i = 0; i < modes.Length; i++) scene.Plan(ExactModes.Policy(modes[i]), plans[i], run.Threads);
            Contender[] contenders = [.. modes.Zip(plans, (mode, plan) => new Contender(mode, () => scene.Attend(backend, plan)))];
            RaceTimes times = run.Measure(c.Name, [.. contenders, .. ceilings.Contenders(DotFormat.F32, DotFormat.BF16)]);
            rows.AddRange(modes.Zip(plans, (mode, plan) => Row(c, mode, plan, scene, times, ceilings)));
        }

        return run.Finish(rows,
            [Column.Of("B"), Column.Of("P"), Column.Of("S"), Column.Of("H"), Column.Of("Hkv"), Column.Of("D"), new Column("KV", row => row.Case.Split(' ')[^1], IsNumber: false), Column.Variant("mode"), Column.Milliseconds, Column.Of("speedup", "× per-seq.", format: "0.00"), Column.Of("byteBound", "byte bound", format: "0.0"), Column.Of("reachableSpeedup", "reachable", format: "0.0"), Column.Of("kvMegabytes", "MB read", format: "0.0"), Column.Percent("ofF32Peak", "of f32 peak"), Column.Percent("ofBf16Peak", "of bf16 peak")],
            all => Plot(all, plot.Title, plot.X),
            "Byte bound: (P+S)·B / (P+S·B), how many times as many bytes per-sequence reads. Reachable: the smaller of that and of what multiplications at the peak would leave (for bf16 pages the faster of f32 and bf16).",
            "The peaks are measured in turn with the modes, on the same threads. Layers are used in turn, so that keys and values come from memory where a model's would.");
    }

    private static BenchRow Row(AttentionCase c, string mode, AttentionPlan plan, AttentionScene scene, RaceTimes times, Ceilings ceilings)
    {
        Spread seconds = times[mode];
        double peak = c.Kv == KvFormat.BF16 ? ceilings.Operations(times, DotFormat.F32, DotFormat.BF16) : ceilings.Operations(times, DotFormat.F32);
        double computeBound = times.Median(ExactModes.Baseline) / (scene.Operations / peak);
        return new BenchRow(c.Name, mode, Named.Numbers(("B", c.B), ("P", c.P), ("S", c.S), ("H", c.Heads.H), ("Hkv", c.Heads.Hkv), ("D", c.Heads.D), ("kvBytesPerElement", c.Kv == KvFormat.F32 ? 4 : 2)), seconds, Named.Numbers(
            ("speedup", times.Ratio(ExactModes.Baseline, mode)), ("byteBound", scene.ByteBound), ("reachableSpeedup", Math.Min(scene.ByteBound, computeBound)),
            ("kvMegabytes", scene.BytesRead(plan) / 1e6), ("gigaOperationsPerSecond", scene.Operations / seconds.Median / 1e9), ("peakGigaOperationsPerSecond", peak / 1e9),
            ("ofF32Peak", ceilings.ShareOfPeak(times, mode, scene.Operations, DotFormat.F32)), ("ofBf16Peak", c.Kv == KvFormat.BF16 ? ceilings.ShareOfPeak(times, mode, scene.Operations, DotFormat.BF16) : double.NaN),
            ("gigabytesPerSecond", scene.BytesRead(plan) / seconds.Median / 1e9), ("ofBandwidth", ceilings.ShareOfBandwidth(times, mode, scene.BytesRead(plan)))));
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows, string title, string x)
    {
        string[] others = [.. new[] { "B", "P", "S", "H", "Hkv", "D", "kvBytesPerElement" }.Where(size => size != x && rows.Select(row => row[size]).Distinct().Skip(1).Any())];
        BenchRow[] shared = [.. rows.Where(row => row.Variant != ExactModes.Baseline && row[x] > 0)];
        return new SvgPlot(title, Axis.Log(x switch { "P" => "P, tokens of the prefix", "S" => "S, tokens of each row's own", _ => "B, rows" }, shared.Select(row => row[x])),
            Axis.Fitting("times as fast as per-sequence", shared.Select(row => row["speedup"]).Append(1)),
            [.. from row in shared
                let sizes = string.Join(' ', others.Select(size => $"{size}={row[size]}"))
                group row by (row.Variant, Sizes: sizes) into line
                select new Series($"{line.Key.Variant} {line.Key.Sizes}".TrimEnd(), [.. line.Select(row => (row[x], row["speedup"])).OrderBy(point => point.Item1)], others.Length == 0 ? line.Key.Variant : line.Key.Sizes, line.Key.Variant)]);
    }
}
