using System.CommandLine;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>One layer's attention of decoding rows, exact and as SparQ reads it.</summary>
internal static class SparqVerb
{
    private const string Tree = "tree";
    private const int OwnTokens = 64;

    private static readonly string[] s_compressions = ["2", "4", "8", "16", "32"];

    public static Command Create()
    {
        Setting<int[]> lengths = BenchOptions.Wholes("--length", "S", 2, 1 << 20, [16_384, 65_536], "Positions that each row sees");
        Setting<int[]> rows = BenchOptions.Wholes("--rows", "B", 1, 1_024, [1, 8], $"Rows that decode one token; several share all but their last {OwnTokens} positions");
        Setting<Heads[]> heads = HeadOptions.Create(new Heads(8, 8, 128));
        Setting<string[]> kv = BenchOptions.Names("--kv", KvFormats.Names, ["f32"], "How keys and values are kept");
        Setting<string[]> compressions = BenchOptions.Names("--compression", s_compressions, ["8"], "Compressions of SparQ");
        return BenchCommand.Verb("sparq", "SparQ attention against exact attention, per sequence and shared", [lengths.Option, rows.Option, heads.Option, kv.Option, compressions.Option], (parsed, run) =>
            Run(run, [.. from f in kv.In(parsed) from h in heads.In(parsed) from s in lengths.In(parsed) from b in rows.In(parsed) select (b, s, h, KvFormats.Of(f))], compressions.In(parsed)),
            ("One row and eight that see 65,536 positions", "coppice bench sparq --length 65536 --rows 1,8"));
    }

    private static int Run(BenchRun run, (int B, int S, Heads Heads, KvFormat Kv)[] cases, string[] compressions)
    {
        using var backend = new CpuBackend(run.Threads, placement: run.Placement);
        run.Expect(cases.Length);
        List<BenchRow> rows = [];
        foreach ((int b, int s, Heads heads, KvFormat kv) in cases)
        {
            int own = Math.Min(OwnTokens, s - 1);
            TreeShape shape = b == 1 ? TreeShape.OneLevel(1, 0, s) : TreeShape.OneLevel(b, s - own, own);
            using AttentionScene exactScene = new(shape, heads, kv, run.BufferBytes), sparqScene = new(shape, heads, kv, run.BufferBytes, forSparq: true);
            AttentionScene Scene(IAttentionPolicy policy) => policy is ISparsePolicy ? sparqScene : exactScene;
            List<(string Name, IAttentionPolicy Policy)> modes = [(ExactModes.Baseline, new PerSequencePolicy())];
            if (b > 1) modes.Add((Tree, new TreePolicy()));
            Dictionary<string, SparqRule> rules = [];
            foreach (string c in compressions)
            {
                // As long as it is asked for, however short the rows.
                var rule = new SparqRule(new SparqOptions { Compression = int.Parse(c, System.Globalization.CultureInfo.InvariantCulture) }, heads.D, heads.H / heads.Hkv);
                modes.Add(($"sparq 1/{c}", new SparqPolicy(rule, leastPositions: 0)));
                rules.Add($"sparq 1/{c}", rule);
                if (b > 1) modes.Add(($"sparq-group 1/{c}", new SparqGroupPolicy(rule, leastPositions: 0)));
            }

            AttentionPlan[] plans = [.. modes.Select(_ => exactScene.NewPlan())];
            for (int i = 0; i < plans.Length; i++) Scene(modes[i].Policy).Plan(modes[i].Policy, plans[i], run.Threads);
            double[] bytes = [.. modes.Select((mode, i) => Bytes(Scene(mode.Policy), backend, mode.Policy, plans[i]))];
            string name = $"B={b} S={s} H={heads.H}/{heads.Hkv} D={heads.D} {(kv == KvFormat.F32 ? "f32" : "bf16")}";
            RaceTimes times = run.Measure(name, [.. modes.Select((mode, i) => new Contender(mode.Name, () => Scene(mode.Policy).Attend(backend, plans[i])))]);
            SparqPhases[] phases = [.. modes.Select(mode => rules.TryGetValue(mode.Name, out SparqRule? rule) ? sparqScene.Phases(rule) : new SparqPhases(double.NaN, double.NaN, double.NaN, double.NaN))];
            rows.AddRange(modes.Select((mode, i) => new BenchRow(name, mode.Name,
                Named.Numbers(("B", b), ("S", s), ("H", heads.H), ("Hkv", heads.Hkv), ("D", heads.D), ("kvBytesPerElement", kv == KvFormat.F32 ? 4 : 2)), times[mode.Name],
                Named.Numbers(("speedup", times.Ratio(ExactModes.Baseline, mode.Name)), ("overTree", b > 1 ? times.Ratio(Tree, mode.Name) : double.NaN), ("byteRatio", bytes[0] / bytes[i]),
                    ("kvMegabytes", bytes[i] / 1e6), ("keptMegabytes", Scene(mode.Policy).LayerBytes / 1e6), ("gigabytesPerSecond", bytes[i] / times[mode.Name].Median / 1e9),
                    ("approximateShare", phases[i].Approximate / phases[i].Total), ("weighShare", phases[i].Weigh / phases[i].Total), ("chooseShare", phases[i].Choose / phases[i].Total), ("attendShare", phases[i].Attend / phases[i].Total)))));
        }

        return run.Finish(rows,
            [Column.Of("B"), Column.Of("S"), Column.Of("H"), Column.Of("Hkv"), Column.Of("D"), new Column("KV", row => row.Case.Split(' ')[^1], IsNumber: false), Column.Variant("attention"), Column.Milliseconds, Column.Of("speedup", "× per-seq.", format: "0.00"), Column.Of("overTree", "× tree", format: "0.00"), Column.Of("byteRatio", "bytes: 1 in", format: "0.0"), Column.Of("kvMegabytes", "MB read", format: "0.0"), Column.Of("keptMegabytes", "MB kept", format: "0.0"), Column.Of("gigabytesPerSecond", "GB/s", format: "0.0"),
                Column.Percent("approximateShare", "components"), Column.Percent("weighShare", "softmax"), Column.Percent("chooseShare", "choice"), Column.Percent("attendShare", "positions")],
            Plot,
            "SparQ per row (sparq): each row chooses for itself, so what rows share is read again by each. Per group (sparq-group): one choice of what they share for all rows, read once. Bytes are what the kernels count; MB kept is one layer's keys and values, with SparQ's second copy of the keys and its sums of values.",
            "Components, softmax, choice, positions: where the time of one row on one thread goes. The first and the last of them each fetch half of the bytes.",
            "Layers are used in turn, and each time with other queries, so that keys and values come from memory where a model's would. Random keys: the chosen positions lie anywhere, which is the worst case.");
    }

    /// <summary>Bytes that one time through fetches.</summary>
    private static double Bytes(AttentionScene scene, CpuBackend backend, IAttentionPolicy policy, AttentionPlan plan)
    {
        if (policy is not ISparsePolicy sparse) return scene.BytesRead(plan);
        long before = sparse.Traffic.Bytes;
        scene.Attend(backend, plan);
        return sparse.Traffic.Bytes - before;
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows)
    {
        BenchRow[] shown = [.. rows.Where(row => row.Variant != ExactModes.Baseline)];
        return new SvgPlot("SparQ against exact attention", Axis.Log("S, positions of each row", shown.Select(row => row["S"])), Axis.Fitting("times as fast as exact attention per sequence", shown.Select(row => row["speedup"]).Append(1)),
            [.. from row in shown
                let sizes = $"B={row["B"]} H={row["H"]}/{row["Hkv"]} D={row["D"]} {row.Case.Split(' ')[^1]}"
                group row by (row.Variant, Sizes: sizes) into line
                select new Series($"{line.Key.Variant} {line.Key.Sizes}", [.. line.Select(row => (row["S"], row["speedup"])).OrderBy(point => point.Item1)], line.Key.Sizes, line.Key.Variant)]);
    }
}
