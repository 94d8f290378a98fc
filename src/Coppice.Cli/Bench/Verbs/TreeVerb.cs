using System.CommandLine;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;
using Coppice.Kernels.Emitted;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>One layer's attention over trees of prefixes, and how much auto loses against the mode that turns out best.</summary>
internal static class TreeVerb
{
    private const string PlanPrefix = "plan ";

    private static readonly TreeShape[] Grid = [.. new[]
    {
        "1,2,64/8,256,32", "1,4,256/8,256,32", "1,4,8,256/8,256,256,32", "1,256/256,32", "1,1024/2048,32", "1,16,64/1024,256,32", "1,4,16,512/1024,256,128,32", "1,10/4000,400",
        "1,2,4,8,16,32,64,128,1024/16",
    }.Select(TreeShape.Parse)!];

    private static readonly Heads[] AllHeads = [new(16, 1, 128), new(32, 8, 128), new(32, 32, 128)];

    public static Command Create()
    {
        Setting<TreeShape[]> trees = BenchOptions.Many("--tree", "nodes/tokens", ';', "trees such as 1,4,256/8,256,32: nodes of each level, each a multiple of the one before, and tokens of a node of each; semicolons between trees", TreeShape.Parse, Grid,
            "Nodes per level / tokens per node of each level. Default: nine trees");
        Setting<Heads[]> heads = HeadOptions.Create(AllHeads[1] with { D = 64 });
        Option<bool> all = new("--all") { Description = "Heads 16/1, 32/8 and 32/32 of 128, which takes minutes" };
        Setting<string[]> kv = BenchOptions.Names("--kv", KvFormats.Names, ["f32"], "How keys and values are kept");
        Setting<int> layers = BenchOptions.Whole("--layers", "count", 1, 1_024, 12, "Layers that use one plan: for the plan's share of a step's attention");
        return BenchCommand.Verb("tree", "Attention over trees of prefixes in each exact mode; the regret of auto, and what planning costs", [trees.Option, heads.Option, all, kv.Option, layers.Option], (parsed, run) =>
            Run(run, trees.In(parsed), parsed.GetValue(all) ? AllHeads : heads.In(parsed), [.. kv.In(parsed).Select(KvFormats.Of)], layers.In(parsed)),
            ("One tree of three levels", "coppice bench tree --tree 1,4,256/8,256,32"));
    }

    private static int Run(BenchRun run, TreeShape[] trees, Heads[] heads, KvFormat[] formats, int layers)
    {
        using var backend = new CpuBackend(run.Threads, placement: run.Placement);
        using var ceilings = new Ceilings(run);
        run.Expect(trees.Length * heads.Length * formats.Length);
        List<BenchRow> rows = [];
        foreach (KvFormat format in formats)
            foreach (Heads h in heads)
                foreach (TreeShape tree in trees)
                    rows.AddRange(Measure(run, backend, ceilings, tree, h, format, layers));

        double worst = rows.Where(row => row.Variant == ExactModes.Auto).Max(row => row["regret"]);
        return run.Finish(rows,
            [Column.Case("tree"), Column.Of("H"), Column.Of("Hkv"), Column.Of("D"), Column.Variant("mode"), Column.Milliseconds, Column.Of("speedup", "× per-seq.", format: "0.00"), Column.Of("byteBound", "byte bound", format: "0.0"), Column.Of("kvMegabytes", "MB read", format: "0.0"), Column.Percent("ofF32Peak", "of f32 peak"), Column.Percent("ofBf16Peak", "of bf16 peak"), Column.Of("regret", "regret of auto", 100, "0.0'%'"), Column.Of("planMicroseconds", "plan µs", format: "0"), Column.Of("planShare", "of step", 100, "0.0'%'")],
            Plot,
            $"Regret: how much longer auto takes than the fastest other mode; the worst here is {worst * 100:0.0}%. Byte bound: tokens that per-sequence reads, over tokens there are.",
            $"Plan: remade for every step here; its share is of a step of {layers} layers of attention and nothing else.");
    }

    private static IEnumerable<BenchRow> Measure(BenchRun run, CpuBackend backend, Ceilings ceilings, TreeShape tree, Heads h, KvFormat format, int layers)
    {
        using var scene = new AttentionScene(tree, h, format, ceilings.BufferBytes);
        List<Contender> contenders = [];
        Dictionary<string, AttentionPlan> plans = [];
        foreach (string mode in ExactModes.Names)
        {
            IAttentionPolicy policy = ExactModes.Policy(mode);
            AttentionPlan plan = scene.NewPlan(), replanned = scene.NewPlan();
            scene.Plan(policy, plan, run.Threads);
            plans.Add(mode, plan);
            contenders.Add(new Contender(mode, () => scene.Attend(backend, plan)));
            contenders.Add(new Contender(PlanPrefix + mode, () => scene.Plan(policy, replanned, run.Threads)));
        }
        RaceTimes times = run.Measure($"{tree.Text}, heads {h.H}/{h.Hkv} of {h.D}", [.. contenders, .. ceilings.Contenders(DotFormat.F32, DotFormat.BF16)]);

        string best = ExactModes.Names.Where(mode => mode != ExactModes.Auto).MinBy(times.Median)!;
        foreach (string mode in ExactModes.Names)
        {
            Spread seconds = times[mode];
            double plan = times.Median(PlanPrefix + mode);
            yield return new BenchRow(tree.Text, mode, Named.Numbers(("B", tree.Rows), ("H", h.H), ("Hkv", h.Hkv), ("D", h.D), ("kvBytesPerElement", format == KvFormat.F32 ? 4 : 2)), seconds, Named.Numbers(
                ("speedup", times.Ratio(ExactModes.Baseline, mode)), ("byteBound", scene.ByteBound), ("kvMegabytes", scene.BytesRead(plans[mode]) / 1e6),
                ("ofF32Peak", ceilings.ShareOfPeak(times, mode, scene.Operations, DotFormat.F32)),
                ("ofBf16Peak", format == KvFormat.BF16 ? ceilings.ShareOfPeak(times, mode, scene.Operations, DotFormat.BF16) : double.NaN),
                ("regret", mode == ExactModes.Auto ? times.Ratio(mode, best) - 1 : double.NaN),
                ("planMicroseconds", plan * 1e6), ("planShare", plan / (plan + layers * seconds.Median))));
        }
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows)
    {
        string[] cases = [.. rows.Select(Label).Distinct()];
        return new SvgPlot("Trees of prefixes", Axis.Names("tree, in the order of the table", [.. Enumerable.Range(1, cases.Length).Select(i => i.ToString(System.Globalization.CultureInfo.InvariantCulture))]),
            Axis.Fitting("times as fast as per-sequence", rows.Select(row => row["speedup"]).Append(1)),
            [.. rows.Where(row => row.Variant != ExactModes.Baseline).GroupBy(row => row.Variant).Select(mode => new Series(mode.Key, [.. mode.Select(row => ((double)Array.IndexOf(cases, Label(row)), row["speedup"]))]))]);

        static string Label(BenchRow row) => $"{row.Case} {row["H"]}/{row["Hkv"]}/{row["D"]}/{row["kvBytesPerElement"]}";
    }
}
