using System.CommandLine;
using System.Diagnostics;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Options;
using Coppice.Cli.Scoring;
using Coppice.Server.Batches;

namespace Coppice.Cli;

/// <summary><c>coppice score</c>: prompts and continuations in, log probabilities out.</summary>
internal static class ScoreCommand
{
    public static Command Make(Streams streams, OpenModel open)
    {
        Argument<string> input = new("file") { Description = "Lines to score, one JSON object a line; - for standard input", HelpName = "FILE.jsonl|-" };
        Option<string?> output = new("--output", "-o") { HelpName = "path", Description = "Where results go. Default: standard output" };
        Option<bool> resume = new("--resume") { Description = "Finish a results file that an earlier run left: lines that have a result are skipped" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace an existing results file" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Show neither progress nor summary" };
        Option<int?> tokens = Checked.Whole("--token-scores", "count", 0, 20, "List every scored token with its log probability and rank, and this many alternatives");
        Option<int?> verify = Checked.Whole("--verify", "lines", 1, int.MaxValue, "Then score so many of the lines again, each continuation alone with an empty cache, and compare every log probability bit by bit");
        ModelOptions model = new();

        Command command = new("score", "Log probabilities of given continuations of prompts; what texts share is computed once.") { input, output, resume, overwrite, quiet, tokens, verify };
        model.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(
            new ResultsTarget(parsed.GetRequiredValue(input), parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(overwrite)),
            parsed.GetValue(quiet), parsed.GetValue(tokens), parsed.GetValue(verify), model.ModelPath(parsed), model.Engine(parsed), streams, open, cancellation));
        HelpPage.Attach(command, """
            A line is {"id": ..., "prompt": "...", "continuations": ["...", "..."], "answer": 0}; or {"context": "...", "continuation": "..."}.
            The id may be left out (line-N) and so may answer, the index of the right continuation; the summary counts how often it
            is the likeliest. Nothing is put between prompt and continuation: most models want a continuation to begin with a space.
            Both are encoded as one text, and a token that reaches across their boundary counts as the continuation's.

            A result has for each continuation the natural logarithm of its probability as a sum and per token, byte and character,
            its rank among the line's by the sum, and whether greedy decoding would have produced it. Results come in the order of
            the lines. The bits do not depend on what else is in the file, which --verify shows for lines that lie evenly among those
            that this run scores.

            Exit code: 0 every line was scored, 1 some lines failed or were otherwise alone, 2 the command line, a file or the model cannot be used,
            130 interrupted (written results are kept; --resume goes on).
            """,
            ("Score a file", "coppice score questions.jsonl -o scores.jsonl"),
            ("One question from the shell", "echo '{\"prompt\": \"The cat sat on the\", \"continuations\": [\" mat\", \" moon\"]}' | coppice score -"),
            ("And see that a hundred lines have the same bits alone", "coppice score questions.jsonl -o scores.jsonl --verify 100"),
            ("Show every token and its three likeliest alternatives", "coppice score questions.jsonl --token-scores 3"));
        return command;
    }

    private static async Task<int> RunAsync(ResultsTarget files, bool quiet, int? tokenScores, int? verify, string modelPath, EngineOptions options, Streams streams, OpenModel open, CancellationToken cancellation)
    {
        files.Check();
        List<BatchLine> lines = await files.ReadAsync(new LineParser(ScoreLine.Read, "id", "custom_id"), streams, cancellation);
        using ITextModel model = open(modelPath, options);

        RunTally tally = new() { Total = lines.Count };
        ScoreTally right = new();
        using ResultLog log = files.OutputFile is null ? ResultLog.To(streams.Out) : await files.OpenAsync(lines, (_, result) =>
        {
            tally.Resume(result, []);
            right.Resume(result.Body);
        }, cancellation);

        using LineJournal journal = files.OpenJournal(log);
        using CancellationTokenRegistration stopping = cancellation.Register(journal.Stop);
        Stopwatch clock = Stopwatch.StartNew();
        ScoreCheck? check = verify is int count ? new ScoreCheck(model, lines, count, tokenScores) : null;
        bool interrupted = !await FinishesAsync(Task.Run(() => new ScoreRun(model, log, journal, tally, right, tokenScores, check).RunAsync(lines, cancellation), CancellationToken.None), tally);
        if (!quiet) Table.Write(streams.Error, ScoreSummary.Rows(tally, right, model.Metrics, clock.Elapsed));
        if (check is not null && !interrupted)
        {
            RunTally again = new() { Total = check.Chosen };
            interrupted = !await FinishesAsync(check.RunAsync(again, cancellation), again);
            if (!quiet) Table.Write(streams.Error, [("scored again alone", ScoreSummary.Of(check))]);
            if (check.Different.Count > 0)
            {
                await streams.Error.WriteLineAsync($"coppice: {RunSummary.Count(check.Different.Count)} lines have other log probabilities alone than in the file: {string.Join(", ", check.Different.Take(5))}{(check.Different.Count > 5 ? ", ..." : "")}.");
                return ExitCodes.SomeFailed;
            }
        }
        if (interrupted)
        {
            string remedy = files.OutputFile is null ? "" : files.HowToGoOn;
            await streams.Error.WriteLineAsync($"coppice: Interrupted; {tally.Done} of {tally.Total} lines have their result.{remedy}");
            return ExitCodes.Interrupted;
        }
        return tally.Failed > 0 ? ExitCodes.SomeFailed : ExitCodes.Ok;

        // False: interrupted.
        async Task<bool> FinishesAsync(Task work, RunTally of)
        {
            try
            {
                if (quiet || !files.LeavesRoomForProgress(streams)) await work;
                else await new ProgressDisplay(streams, of, () => model.Metrics, TimeProvider.System).ShowAsync(work);
                return true;
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                return false;
            }
        }
    }
}
