using System.CommandLine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Bench.Scenes;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>Whole models: many sequences behind one prefix, decoding or computing their own prompts.</summary>
internal static class ModelVerb
{
    private const int MostTokens = 1 << 20;
    private const string DefaultShape = "small", NoAttentionOption = "none";

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
        Setting<string[]> kv = BenchOptions.Names("--kv", KvFormats.Names, ["f32"], "How keys and values are kept");
        Setting<string[]> modes = BenchOptions.Names("--mode", [.. ExactModes.Names, NoAttentionOption], [ExactModes.Baseline, ExactModes.Auto, NoAttentionOption], "Attention modes; none leaves attention out, as a bound");
        return BenchCommand.Verb(name, description, [model, shape.Option, prefixes.Option, batches.Option, tokens.Option, kv.Option, modes.Option], (parsed, run) =>
        {
            int[] ps = prefixes.In(parsed);
            int positions = ps.Max() + tokens.In(parsed) + 1;
            string? path = parsed.GetValue(model);
            if (path is not null && shape.IsGiven(parsed)) throw new BenchException("--model and --shape are both given. Give one of them.");
            using BenchModel benchModel = path is not null ? BenchModel.Open(path, run.Threads, positions) : BenchModel.OfShape(shape.In(parsed) ?? DefaultShape, run.Threads, positions);
            return Run(run, work, benchModel, ps, batches.In(parsed), tokens.In(parsed), [.. kv.In(parsed).Select(KvFormats.Of)], [.. modes.In(parsed).Select(mode => mode == NoAttentionOption ? SceneRuns.NoAttention : mode)]);
        });
    }

    private static int Run(BenchRun run, Work work, BenchModel model, int[] prefixes, int[] batches, int newTokens, KvFormat[] formats, string[] modes)
    {
        run.Expect(prefixes.Length * batches.Length * formats.Length);
        List<BenchRow> rows = [];
        foreach (KvFormat format in formats)
        {
            foreach (int p in prefixes)
            {
                foreach (int b in batches)
                {
                    using var scene = new ModelScene(model, b, p, newTokens, format);
                    SceneRuns[] runs = [.. modes.Select(mode => new SceneRuns(mode))];
                    string name = $"{model.Name} P={p} B={b} {(format == KvFormat.F32 ? "f32" : "bf16")} KV";
                    RaceTimes times = run.Measure(name, [.. runs.Select(r => new Contender(r.Mode, () => work.Run(scene, r)))]);
                    rows.AddRange(runs.Select(r => Row(name, r, times, model, scene, b, p, newTokens)));
                }
            }
        }

        return run.Finish(rows,
            [Column.Case("model"), Column.Of("P"), Column.Of("B"), Column.Variant("mode"), Column.Of("tokensPerSecond", "tokens/s", format: "0.0"), Column.Of("ofNoAttention", "of no attention", 100, "0'%'"), Column.Of("stepMilliseconds", "ms a step", format: "0.00"), Column.Percent("linearShare", "linear"), Column.Percent("attentionShare", "attention"), Column.Of("restShare", "rest", 100, "0.0'%'"), Column.Of("planShare", "plan", 100, "0.00'%'"), Column.Of("kvMegabytesRead", "KV MB read", format: "0.0"), Column.Of("kvMegabytes", "KV MB held", format: "0.0"), Column.Of("kvMegabytesUnshared", "unshared", format: "0.0"), Column.Milliseconds],
            all => Plot(all, work.Title),
            $"{model.Name}: {model.Llama.WeightBytes / 1e6:0} MB of weights as packed, process {Environment.WorkingSet / 1e6:0} MB. Every row gets {newTokens} new tokens behind the prefix; the times are of all of them together.",
            "Rest: norms, RoPE, storing keys and values, activations, residuals, embedding, plan and greedy sampling. No attention: the same steps with attention left out, which no attention can pass.");
    }

    private static BenchRow Row(string name, SceneRuns runs, RaceTimes times, BenchModel model, ModelScene scene, int b, int p, int newTokens)
    {
        Spread seconds = times[runs.Mode];
        StepSplit split = runs.Middle(times.Repetitions);
        double steps = split.Steps;
        double bound = times.Has(SceneRuns.NoAttention) ? times.Ratio(SceneRuns.NoAttention, runs.Mode) : double.NaN;
        return new BenchRow(name, runs.Mode, Named.Numbers(("P", p), ("B", b), ("newTokens", newTokens)), seconds, Named.Numbers(
            ("tokensPerSecond", b * (double)newTokens / seconds.Median), ("ofNoAttention", bound), ("stepMilliseconds", seconds.Median / steps * 1e3),
            ("linearShare", split.Linear / split.Total), ("attentionShare", split.Attention / split.Total), ("restShare", (split.Rest + split.Plan + split.Sampling) / split.Total),
            ("planShare", split.Plan / split.Total), ("samplingShare", split.Sampling / split.Total), ("kvMegabytesRead", runs.BytesRead / 1e6), ("kvMegabytes", scene.KvBytes / 1e6), ("kvMegabytesUnshared", scene.KvBytesUnshared / 1e6),
            ("weightMegabytes", model.Llama.WeightBytes / 1e6), ("scratchMegabytes", scene.ArenaBytes / 1e6)));
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows, string title)
    {
        bool overPrefix = rows.Select(row => row["P"]).Where(p => p > 0).Distinct().Skip(1).Any();
        string x = overPrefix ? "P" : "B", other = overPrefix ? "B" : "P";
        BenchRow[] shown = [.. rows.Where(row => row[x] > 0)];
        return new SvgPlot(title, Axis.Log(overPrefix ? "P, tokens of the prefix" : "B, rows", shown.Select(row => row[x])), Axis.Fitting("tokens/s", shown.Select(row => row["tokensPerSecond"])),
            [.. from row in shown
                let sizes = $"{other}={row[other]}{(row.Case.EndsWith("bf16 KV", StringComparison.Ordinal) ? " bf16" : "")}"
                group row by (row.Variant, Sizes: sizes) into line
                select new Series($"{line.Key.Variant}, {line.Key.Sizes}", [.. line.Select(row => (row[x], row["tokensPerSecond"])).OrderBy(point => point.Item1)], line.Key.Sizes, line.Key.Variant)]);
    }
}
