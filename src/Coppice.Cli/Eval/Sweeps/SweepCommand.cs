using System.CommandLine;
using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Eval.Tasks;
using Coppice.Cli.Options;

namespace Coppice.Cli.Eval.Sweeps;

/// <summary><c>coppice eval sweep</c>: what approximate attention costs in accuracy, by how much less it reads.</summary>
internal static class SweepCommand
{
    private const int DefaultLength = 1024, DefaultSamples = 100;

    public static Command Make(Streams streams, OpenModel open)
    {
        Option<string?> text = TaskOptions.Text("Prose: a file in UTF-8. Default: some plain sentences, which will do for needle and document-qa only");
        Option<string[]> tasks = Names("--tasks", SweepTask.Names, "What is asked"), methods = Names("--methods", [.. SweepMethod.All.Select(method => method.Name)], "What is compared with exact attention");
        Option<int[]> times = TaskOptions.Wholes("--compressions", "times", 2, [2, 4, 8, 16], "How many times less is to be read");
        Option<int?> length = TaskOptions.Whole("--length", "tokens", 64, DefaultLength, "Tokens of a document or passage"), samples = TaskOptions.Samples(DefaultSamples), seed = TaskOptions.Seed();
        Option<string?> output = new("--output", "-o") { HelpName = "name", Description = "Writes name.jsonl (each task under each setting as it is done), name.json and name.svg. Default: eval-sweep" };
        Option<bool> resume = new("--resume") { Description = "Finish a sweep that was interrupted: what is in name.jsonl is not asked again" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace the files of an earlier sweep" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Show neither progress nor figures" };
        ModelOptions model = new();
        Command command = new("sweep", "Accuracy by bytes read for SparQ, LM-Infinite, H2O and top-k.") { output, resume, overwrite, quiet, text, tasks, methods, times, length, samples, seed };
        model.AddTo(command);
        command.SetAction(async (parsed, cancellation) =>
        {
            EngineOptions options = model.Engine(parsed);
            if (options.Attention != AttentionMode.Auto) throw new UsageException("--attention is what a sweep varies. Leave it out; --methods and --compressions say which it compares.");
            SweepPlan plan = new(parsed.GetValue(tasks)!, parsed.GetValue(methods)!, parsed.GetValue(times)!, parsed.GetValue(length) ?? DefaultLength, parsed.GetValue(samples) ?? DefaultSamples, parsed.GetValue(seed) ?? 1, parsed.GetValue(text));
            string path = model.ModelPath(parsed), name = parsed.GetValue(output) ?? "eval-sweep";
            ResultsTarget files = new("-", $"{name}.jsonl", parsed.GetValue(resume), parsed.GetValue(overwrite));
            return await RunAsync(plan, files, name, parsed.GetValue(quiet), EvalSettings.CommandLine(parsed), options, given => open(path, given), streams, cancellation);
        });
        HelpPage.Attach(command, """
            The figure of the SparQ paper (arXiv 2312.04985), for any model: each task's score, with its standard error, over how many times
            fewer bytes of keys and values a mode read than exact attention would have. The bytes are those that the kernels counted. SparQ
            is drawn with and without the mean value. Documents are read exactly, as prompts are, and the question behind them is read
            under the mode like the answer: a question read exactly would have found its answer before the mode begins.

            For c times less, SparQ gets r = D / c components and k = S / 2c positions, and the others keep S / c positions. Top-k reads all
            keys to choose, so it cannot get to 2 times; H2O and top-k fetch keys by pages of 16 positions, so they read more than they keep.
            """,
            ("On the sample model", "coppice eval sweep --text book.txt"),
            ("One's own model at its length", "coppice eval sweep --model ./my-model --text book.txt --length 8192 --tasks needle,document-qa"));
        return command;
    }

    private sealed record SweepPlan(string[] Tasks, string[] Methods, int[] Times, int Length, int Samples, int Seed, string? Text);

    private static async Task<int> RunAsync(SweepPlan plan, ResultsTarget files, string name, bool quiet, string commandLine, EngineOptions options, Func<EngineOptions, ITextModel> open, Streams streams, CancellationToken cancellation)
    {
        files.Check();
        if (plan.Text is null && plan.Tasks.FirstOrDefault(SweepTask.NeedsText) is { } needy)
            throw new UsageException($"{needy} takes passages of a text, and --text is missing. Name one, or leave the task out with --tasks.");
        Prose prose = Prose.Read(plan.Text);
        string modelName;
        int headSize;
        List<SweepTask> tasks;
        using (ITextModel model = open(options))
        {
            DocumentTasks.CheckLength(model, "--length", plan.Length);
            (modelName, headSize) = (model.Name, model.HeadSize);
            tasks = [.. plan.Tasks.Select(task => SweepTask.Make(task, model, prose, plan.Length, plan.Samples, plan.Seed))];
        }

        int positions = tasks.Min(task => task.Items.Min(item => item.DecodeFrom));
        IReadOnlyList<SweepSetting> settings = SweepSetting.Of(SweepMethod.All.Where(method => plan.Methods.Contains(method.Name)), plan.Times, options, headSize, positions);
        SweepRun run = new(modelName, settings, tasks);
        using (ResultLog log = await run.OpenLogAsync(files, cancellation))
        {
            Task work = Task.Run(() => run.RunAsync(open, log, cancellation), CancellationToken.None);
            try
            {
                if (quiet) await work;
                else await new ProgressDisplay(streams, run.Tally, () => run.Metrics, TimeProvider.System).ShowAsync(work);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                await streams.Error.WriteLineAsync($"coppice: Interrupted; {run.Tally.Done} of {run.Tally.Total} are answered. The same command with --resume goes on.");
                return ExitCodes.Interrupted;
            }
        }

        IReadOnlyList<SweepTaskReport> reports = SweepReport.TasksOf(run, modelName, settings, tasks);
        SweepReport report = new() { Command = commandLine, Version = EvalSettings.Version, Model = modelName, HeadSize = headSize, Positions = positions, Tasks = reports };
        await File.WriteAllTextAsync($"{name}.json", report.ToJson(), cancellation);
        await File.WriteAllTextAsync($"{name}.svg", SweepReport.Plot(modelName, reports, tasks), cancellation);
        if (!quiet) Table.Write(streams.Error, [.. reports.SelectMany(task => task.Points.Select(point => ($"{task.Task}, {point.Method}{(point.Times > 1 ? $" {point.Times}" : "")}", Shown(point)))), ("written", $"{name}.jsonl, {name}.json, {name}.svg")]);
        return ExitCodes.Ok;
    }

    private static string Shown(SweepPoint point) =>
        string.Create(CultureInfo.InvariantCulture, $"{point.Result.Mean:0.000}{(point.Result.StandardError is double error ? $" ± {error:0.000}" : "")}, {point.Compression:0.0} times less read");

    private static Option<string[]> Names(string name, string[] known, string description) => new(name)
    {
        HelpName = "name,...",
        Description = $"{description}. Default: {string.Join(',', known)}",
        DefaultValueFactory = _ => known,
        CustomParser = argument =>
        {
            string[] given = [.. argument.Tokens[^1].Value.Split(',').Distinct()];
            if (given.FirstOrDefault(one => !known.Contains(one)) is { } stray) argument.AddError($"{name} has '{stray}'; known are {string.Join(", ", known)}.");
            return given;
        },
    };
}
