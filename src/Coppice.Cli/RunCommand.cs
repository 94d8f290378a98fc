using System.CommandLine;
using System.Diagnostics;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Chat;
using Coppice.Cli.Options;
using Coppice.Server.Batches;

namespace Coppice.Cli;

/// <summary><c>coppice run</c>: a file of prompts in, a file of answers out.</summary>
internal static class RunCommand
{
    private sealed record Choices(ResultsTarget Files, bool Quiet, string Model, EngineOptions Engine, ChatTemplates? ChatTemplates, long? Seed);

    public static Command Make(Streams streams, OpenModel open)
    {
        Argument<string> input = new("file") { Description = "Requests, one JSON object a line; - for standard input", HelpName = "FILE.jsonl|-" };
        Option<string?> output = new("--output", "-o") { HelpName = "path", Description = "Where results go. Default: standard output" };
        Option<bool> resume = new("--resume") { Description = "Finish a results file that an earlier run left: lines that have a result are skipped" };
        Option<bool> overwrite = new("--overwrite") { Description = "Replace an existing results file" };
        Option<bool> quiet = new("--quiet", "-q") { Description = "Show neither progress nor summary" };
        Option<long?> seed = Checked.Seed("--seed", "Makes the run repeatable: lines without a seed draw theirs from this number and their custom_id");
        ChatTemplateOption template = new();
        ModelOptions model = new();

        Command command = new("run", "Answer all prompts of a file together, and share what they share.") { input, output, resume, overwrite, quiet, seed };
        template.AddTo(command);
        model.AddTo(command);
        command.SetAction((parsed, cancellation) => RunAsync(
            new Choices(new ResultsTarget(parsed.GetRequiredValue(input), parsed.GetValue(output), parsed.GetValue(resume), parsed.GetValue(overwrite)), parsed.GetValue(quiet),
                model.ModelPath(parsed), model.Engine(parsed), template.Read(parsed), parsed.GetValue(seed)),
            streams, open, cancellation));
        HelpPage.Attach(command, $$$"""
            A line is OpenAI's batch form, {"custom_id": ..., "method": "POST", "url": "/v1/completions", "body": {...}}, or the body
            alone, {"prompt": ..., "n": ..., "max_tokens": ...}. A prompt is a text or a list of token ids. A line may be a conversation:
            url "/v1/chat/completions" and a body with messages (and tools), or the body alone, {"messages": [{"role": "user",
            "content": ...}]}; the model's chat template writes it as a prompt. A call of a tool stays in the answer's content as the
            model wrote it. Without max_tokens the first form generates {{{LineParser.MaxTokensOfApi}}} tokens for a prompt and what the context leaves for a
            conversation, as the API does, the short form up to {{{LineParser.MaxTokensOfShortForm}}} for either. A line may say what is right in "expected", a text
            or a list: an answer is right if it begins with it, and the summary counts them. Results come in the order in which they
            end, named by custom_id (line-N where there is none). A bad line becomes an error result and the others run. Beside the results
            a run keeps PATH.begun, the lines that it is at, and removes it at its end: what a death of the process left there runs alone
            with --resume, and a line that was alone at a second one becomes an error result.

            Exit code: 0 every line was answered, 1 some lines failed, 2 the command line, a file or the model cannot be used,
            130 interrupted (finished results are kept; a second Ctrl+C quits at once).
            """,
            ("Answer a file", "coppice run prompts.jsonl -o answers.jsonl"),
            ("Go on after an interruption", "coppice run prompts.jsonl -o answers.jsonl --resume"),
            ("Compare with attention that shares nothing", "coppice run prompts.jsonl -o /dev/null --attention per-sequence"),
            ("From a pipe, with a model of one's own", "make-prompts | coppice run - --model ./my-model --kv bf16 --kv-memory 4GiB > answers.jsonl"));
        return command;
    }

    private static async Task<int> RunAsync(Choices choices, Streams streams, OpenModel open, CancellationToken cancellation)
    {
        ResultsTarget files = choices.Files;
        files.Check();
        List<BatchLine> lines = await files.ReadAsync(new LineParser(), streams, cancellation);
        using ITextModel model = open(choices.Model, choices.Engine);
        ChatPrompts? chats = ChatPrompts.Of(model, choices.ChatTemplates);
        if (chats is null && lines.OfType<PromptLine>().FirstOrDefault(line => line.Prompt.Chat is not null) is { } chat) throw ChatPrompts.NoTemplate($"Line {chat.Number} is a conversation");

        RunTally tally = new() { Total = lines.Count };
        using ResultLog log = files.OutputFile is null ? ResultLog.To(streams.Out) :
            await files.OpenAsync(lines, (line, result) => tally.Resume(result, (line as PromptLine)?.Expected ?? []), cancellation);

        using LineJournal journal = files.OpenJournal(log);
        using CancellationTokenRegistration stopping = cancellation.Register(journal.Stop);
        Stopwatch clock = Stopwatch.StartNew();
        bool interrupted = false;
        try
        {
            Task work = Task.Run(() => new BatchRun(model, chats, log, journal, tally, choices.Seed, TimeProvider.System).RunAsync(lines, cancellation), CancellationToken.None);
            if (choices.Quiet || !files.LeavesRoomForProgress(streams)) await work;
            else await new ProgressDisplay(streams, tally, () => model.Metrics, TimeProvider.System).ShowAsync(work);
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            interrupted = true;
        }

        if (!choices.Quiet) Table.Write(streams.Error, RunSummary.Rows(tally, model.Metrics, clock.Elapsed));
        if (interrupted)
        {
            string remedy = files.OutputFile is null ? "" : files.HowToGoOn;
            await streams.Error.WriteLineAsync($"coppice: Interrupted; {tally.Done} of {tally.Total} lines have their result.{remedy}");
            return ExitCodes.Interrupted;
        }
        return tally.Failed > 0 ? ExitCodes.SomeFailed : ExitCodes.Ok;
    }
}
