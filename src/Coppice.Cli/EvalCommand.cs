using System.CommandLine;
using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Eval;
using Coppice.Cli.Eval.Sweeps;
using Coppice.Cli.Eval.Tasks;
using Coppice.Cli.Options;

namespace Coppice.Cli;

/// <summary><c>coppice eval</c>: how well a model does a task, under whatever options it runs.</summary>
internal static class EvalCommand
{
    private const string Name = "eval";

    public static Command Make(Streams streams, OpenModel open)
    {
        Command eval = new(Name, "How well a model does a task, so that ways of running it can be compared.");
        foreach (EvalTask task in (EvalTask[])[TextTasks.Bpc(), TextTasks.Repetition(), DocumentTasks.Needle(), DocumentTasks.DocumentQa(), DataTasks.Gsm8k(), DataTasks.MultipleChoice()])
            eval.Add(Make(task, streams, open));
        eval.Add(SweepCommand.Make(streams, open));
        HelpPage.Attach(eval,
            ("How long a context the sample model can use", "coppice eval needle -o needle"),
            ("The same with keys and values in bfloat16", "coppice eval needle --kv bf16 -o needle-bf16"),
            ("What approximate attention costs and saves", "coppice eval sweep --text book.txt"));
        return eval;
    }

    private static Command Make(EvalTask task, Streams streams, OpenModel open)
    {
        Option<string?> output = new("--output", "-o") { HelpName = "name", Description = $"Writes name.jsonl (each outcome as it comes), name.json and name.svg. Default: {Name}-{task.Name}" };
        Option<bool> resume = new("--resume") { Description = "Finish an evaluation that was interrupted: what is in name.jsonl is not asked again" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace the files of an earlier evaluation" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Show neither progress nor figures" };
        ModelOptions model = new();
        Command command = new(task.Name, task.Description + ".") { output, resume, overwrite, quiet };
        foreach (Option option in task.Options) command.Add(option);
        model.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(task, parsed, parsed.GetValue(output) ?? $"{Name}-{task.Name}", parsed.GetValue(resume), parsed.GetValue(overwrite), parsed.GetValue(quiet),
            model.ModelPath(parsed), model.Engine(parsed), streams, open, cancellation));
        HelpPage.Attach(command, task.More, task.Examples);
        return command;
    }

    private static async Task<int> RunAsync(EvalTask task, ParseResult parsed, string name, bool resume, bool overwrite, bool quiet, string modelPath, EngineOptions options, Streams streams, OpenModel open, CancellationToken cancellation)
    {
        ResultsTarget files = new("-", $"{name}.jsonl", resume, overwrite);
        files.Check();
        using ITextModel model = open(modelPath, options);
        Dictionary<string, string> settings = EvalSettings.Of(model.Name, options);
        EvalRun run = new(model, task.Items(model, parsed), settings);
        using (ResultLog log = await run.OpenLogAsync(files, cancellation))
        {
            Task work = Task.Run(() => run.RunAsync(log, cancellation), CancellationToken.None);
            try
            {
                if (quiet) await work;
                else await new ProgressDisplay(streams, run.Tally, () => model.Metrics, TimeProvider.System).ShowAsync(work);
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                await streams.Error.WriteLineAsync($"coppice: Interrupted; {run.Tally.Done} of {run.Tally.Total} are done. The same command with --resume goes on.");
                return ExitCodes.Interrupted;
            }
        }

        EvalReport report = new()
        {
            Task = task.Name,
            Command = EvalSettings.CommandLine(parsed),
            Version = EvalSettings.Version,
            Model = model.Name,
            Engine = settings,
            Figures = EvalReport.FiguresOf(run.Rows),
            Rows = run.Rows,
        };
        await File.WriteAllTextAsync($"{name}.json", report.ToJson(), cancellation);
        await File.WriteAllTextAsync($"{name}.svg", task.Plot(run.Rows), cancellation);
        if (!quiet) Table.Write(streams.Error, [.. report.Figures.Select(figure => (figure.Key.Replace('_', ' '), Shown(figure.Value))), .. RunSummary.Rows(run.Tally, model.Metrics, TimeSpan.Zero).Where(row => row.Label == "approximate attention"), ("written", $"{name}.jsonl, {name}.json, {name}.svg")]);
        return ExitCodes.Ok;
    }

    private static string Shown(EvalFigure figure) =>
        string.Create(CultureInfo.InvariantCulture, $"{figure.Mean:0.####}{(figure.StandardError is double error ? $", standard error {error:0.####}" : "")}, {figure.Items} items");
}
