using System.CommandLine;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;
using Coppice.KvCache;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>Whole models: many sequences behind one prefix, decoding or computing their own prompts.</summary>
internal static class ModelVerb
{
    private const int MostTokens = 1 << 20;
    private const string DefaultShape = "small", NoAttentionOption = "none";

    private static readonly (string Name, WeightFormat Format)[] Formats = [("native", WeightFormat.Native), ("f32", WeightFormat.F32), ("bf16", WeightFormat.BF16), ("q8_0", WeightFormat.Q8_0)];
    private static readonly string[] SparqModes = ["sparq", "sparq-group"];

    /// <summary>What differs between decoding and prompt processing.</summary>
    private sealed record Work(string Title, Action<ModelScene, SceneRuns> Run);

    private static readonly Work Decode = new("Decoding behind a shared prefix", (scene, runs) => scene.Decode(runs));
    private static readonly Work Prefill = new("Prompts behind a shared prefix", (scene, runs) => scene.Prefill(runs));

    public static Command CreateDecode() => Create("decode", "Decode of a whole model behind a shared prefix: tokens/s in each attention mode, and where the time goes", Decode,
        prefix: [1_024, 4_096], batch: [1, 16, 64], newTokens: 4, "New tokens of each row");

    public static Command CreatePrefill() => Create("prefill", "Prompts of a whole model, each behind a shared prefix that is computed already", Prefill,
        prefix: [0, 2_048], batch: [1, 4], newTokens: 256, "Prompt tokens of each row");

    private static Command Create(string name, string description, Work work, int[] prefix, int[] batch, int newTokens, string newDescription)
    {
        Option<string?> model = BenchOptions.File("--model", "Hugging Face folder or .gguf file; its keys and values are made up, since speed does not depend on them");
        model.HelpName = "path";
        Setting<string?> shape = BenchOptions.Name("--shape", ModelShapes.Names, $"Random weights of these sizes, made in memory. Default: {DefaultShape}");
        Setting<int[]> prefixes = BenchOptions.Wholes("--prefix", "P", 0, MostTokens, prefix, "Tokens that all rows share");
        Setting<int[]> batches = BenchOptions.Wholes("--batch", "B", 1, EngineLimits.LargestBatch, batch, "Rows");
        Setting<int> tokens = BenchOptions.Whole(name == "decode" ? "--new" : "--prompt", "tokens", 1, MostTokens, newTokens, newDescription);
        Setting<string[]> weights = BenchOptions.Names("--weights", [.. Formats.Select(format => format.Name)], ["native"], "How weights are kept and multiplied");
        Setting<string[]> kv = BenchOptions.Names("--kv", KvFormats.Names, ["f32"], "How keys and values are kept");
        Setting<int> compression = BenchOptions.Whole("--compression", "times", SparqRule.LeastCompression, 64, 8, "Of the sparq modes");
        Setting<string[]> modes = BenchOptions.Names("--mode", [.. ExactModes.Names, .. work == Decode ? SparqModes : [], NoAttentionOption], [ExactModes.Baseline, ExactModes.Auto, NoAttentionOption], "Attention modes; none leaves attention out, as a bound");
        Setting<TreeShape[]> trees = BenchOptions.Many("--tree", "nodes/tokens", ';', "trees such as 1,8,128/512,2048,64: nodes of each level, each a multiple of the one before, and tokens of a node of each; semicolons between trees", TreeShape.Parse, [],
            "Nodes per level / tokens per node of each level, instead of one prefix; the last level is what each row gets");
        return BenchCommand.Verb(name, description, [model, shape.Option, prefixes.Option, batches.Option, tokens.Option, trees.Option, weights.Option, kv.Option, modes.Option, .. work == Decode ? [compression.Option] : Array.Empty<Option>()], (parsed, run) =>
        {
            if (trees.IsGiven(parsed) && (prefixes.IsGiven(parsed) || batches.IsGiven(parsed) || tokens.IsGiven(parsed)))
                throw new BenchException("--tree says prefixes, rows and new tokens at once. Leave out --prefix, --batch and the number of tokens.");
            TreeShape[] shapes = trees.IsGiven(parsed) ? trees.In(parsed)
                : [.. from p in prefixes.In(parsed) from b in batches.In(parsed) select TreeShape.OneLevel(b, p, tokens.In(parsed))];
            int positions = shapes.Max(tree => tree.Length) + 1;
            string? path = parsed.GetValue(model);
            if (path is not null && shape.IsGiven(parsed)) throw new BenchException("--model and --shape are both given. Give one of them.");
            string[] kvs = kv.In(parsed), ms = [.. modes.In(parsed).Select(mode => mode == NoAttentionOption ? SceneRuns.NoAttention : mode)];
            List<BenchRow> rows = [];
            List<string> notes = [];
            (string Name, WeightFormat Format)[] formats = [.. Formats.Where(format => weights.In(parsed).Contains(format.Name, StringComparer.Ordinal))];
            run.Expect(formats.Length * shapes.Length * kvs.Length);
            foreach ((string formatName, WeightFormat format) in formats)
            {
                CpuBackend Backend() => new(run.Threads, format, run.Placement);
                using BenchModel benchModel = path is not null ? BenchModel.Open(path, Backend, positions) : BenchModel.OfShape(shape.In(parsed) ?? DefaultShape, Backend, format, positions);
                foreach (string kvName in kvs)
                    foreach (TreeShape tree in shapes)
                        rows.AddRange(Measure(run, work, benchModel, $"{benchModel.Name} {formatName}, {kvName} KV", KvFormats.Of(kvName), tree, ms, work == Decode ? compression.In(parsed) : SparqRule.LeastCompression));
                notes.Add($"{benchModel.Name} {formatName}: {benchModel.Decoder.WeightBytes / 1e6:0} MB of weights as packed, process {Environment.WorkingSet / 1e6:0} MB.");
            }
            return Finish(run, work, rows, notes);
        }, ("A model of one's own, behind the usual prefixes", $"coppice bench {name} --model ./my-model"),
            ("Random weights of a known shape, 16 rows behind 2,048 tokens", $"coppice bench {name} --shape {DefaultShape} --prefix 2048 --batch 16"));
    }

    private static IEnumerable<BenchRow> Measure(BenchRun run, Work work, BenchModel model, string name, KvFormat kv, TreeShape tree, string[] modes, int compression)
    {
        int g = model.Config.Heads / model.Config.KvHeads;
        var rule = new SparqRule(new SparqOptions { Compression = compression }, model.Config.HeadSize, g);
        KvLayout plain = KvLayout.Of(model.Config, kv);
        SceneRuns[] runs = [.. modes.Select(mode => new SceneRuns(mode, mode switch
        {
            "sparq" => new SparqPolicy(rule),
            "sparq-group" => new SparqGroupPolicy(rule),
            SceneRuns.NoAttention => ExactModes.Policy(ExactModes.Auto),
            _ => ExactModes.Policy(mode),
        }))];
        // Keys lie in another way for SparQ, which would not be fair to the exact modes.
        using ModelScene? exact = runs.Any(r => r.Policy is not ISparsePolicy) ? new ModelScene(model, tree, plain) : null;
        using ModelScene? sparse = runs.Any(r => r.Policy is ISparsePolicy) ? new ModelScene(model, tree, plain with { KeyRows = true, ValueSums = rule.HasMeanValue }) : null;
        ModelScene Scene(SceneRuns r) => (r.Policy is ISparsePolicy ? sparse : exact)!;
        RaceTimes times = run.Measure($"{name} {tree.Text}", [.. runs.Select(r => new Contender(r.Mode, () => work.Run(Scene(r), r)))]);
        return [.. runs.Select(r => Row(tree.Nodes.Count > 2 ? $"{name}, {tree.Text}" : name, r, times, model, Scene(r), tree))];
    }

    private static int Finish(BenchRun run, Work work, List<BenchRow> rows, List<string> notes) => run.Finish(rows,
        [Column.Case("model"), Column.Of("P"), Column.Of("B"), Column.Of("newTokens", "new"), Column.Variant("mode"), Column.Of("tokensPerSecond", "tokens/s", format: "0.0"), Column.Percent("ofNoAttention", "of no attention"),
            Column.Of("stepMilliseconds", "ms a step", format: "0.00"), Column.Percent("linearShare", "linear"), Column.Percent("attentionShare", "attention"), Column.Of("restShare", "rest", 100, "0.0'%'"),
            Column.Of("planShare", "plan", 100, "0.00'%'"), Column.Of("kvMegabytesRead", "KV MB read", format: "0.0"), Column.Of("kvMegabytes", "KV MB held", format: "0.0"),
            Column.Of("kvMegabytesUnshared", "unshared", format: "0.0"), Column.Milliseconds],
        all => Plot(all, work.Title),
        [.. notes, "P: tokens before a row's new ones; the ms at the end and the KV MB read are of all of them together.",
            "Rest: norms, RoPE, storing keys and values, activations, residuals, embedding, plan and greedy sampling. No attention: the same steps with attention left out, which no attention can pass."]);

    private static BenchRow Row(string name, SceneRuns runs, RaceTimes times, BenchModel model, ModelScene scene, TreeShape tree)
    {
        int b = tree.Rows, newTokens = tree.Tokens[^1], p = tree.Length - newTokens;
        Spread seconds = times[runs.Mode];
        StepSplit split = runs.Middle(times.Repetitions);
        double steps = split.Steps;
        double bound = times.Has(SceneRuns.NoAttention) ? times.Ratio(SceneRuns.NoAttention, runs.Mode) : double.NaN;
        return new BenchRow(name, runs.Mode, Named.Numbers(("P", p), ("B", b), ("newTokens", newTokens)), seconds, Named.Numbers(
            ("tokensPerSecond", b * (double)newTokens / seconds.Median), ("ofNoAttention", bound), ("stepMilliseconds", seconds.Median / steps * 1e3),
            ("linearShare", split.Linear / split.Total), ("attentionShare", split.Attention / split.Total), ("restShare", (split.Rest + split.Plan + split.Sampling) / split.Total),
            ("planShare", split.Plan / split.Total), ("samplingShare", split.Sampling / split.Total), ("kvMegabytesRead", runs.BytesRead / 1e6), ("kvMegabytes", scene.KvBytes / 1e6), ("kvMegabytesUnshared", scene.KvBytesUnshared / 1e6),
            ("weightMegabytes", model.Decoder.WeightBytes / 1e6), ("scratchMegabytes", scene.ArenaBytes / 1e6)));
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows, string title)
    {
        bool several = rows.Select(row => row.Case).Distinct().Skip(1).Any();
        bool overPrefix = rows.Select(row => row["P"]).Where(p => p > 0).Distinct().Skip(1).Any();
        string x = overPrefix ? "P" : "B", other = overPrefix ? "B" : "P";
        BenchRow[] shown = [.. rows.Where(row => row[x] > 0)];
        return new SvgPlot(title, Axis.Log(overPrefix ? "P, tokens of the prefix" : "B, rows", shown.Select(row => row[x])), Axis.Fitting("tokens/s", shown.Select(row => row["tokensPerSecond"])),
            [.. from row in shown
                let sizes = several ? $"{other}={row[other]} {row.Case}" : $"{other}={row[other]}"
                group row by (row.Variant, Sizes: sizes) into line
                select new Series($"{line.Key.Variant}, {line.Key.Sizes}", [.. line.Select(row => (row[x], row["tokensPerSecond"])).OrderBy(point => point.Item1)], line.Key.Sizes, line.Key.Variant)]);
    }
}
