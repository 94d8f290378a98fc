using System.Threading.Channels;
using Coppice.Cli.Chat;
using Coppice.Server.Batches;

namespace Coppice.Cli.BatchFiles;

/// <summary>
/// Takes lines through a model. Prompts with a common prefix are submitted as neighbours; results are written as requests end. Lines
/// that an earlier run was at when it died come first, each alone.
/// </summary>
internal sealed class BatchRun(ITextModel model, ChatPrompts? chats, ResultLog log, LineJournal journal, RunTally tally, long? seed, TimeProvider time)
{
    private readonly ResultJson _json = new(model, time);

    // Enough that the engine always finds its next rows, bounded so that a file of a million lines is not a million tasks.
    private readonly long _mostRowsInFlight = 4L * model.MaxBatch;

    private sealed record Job(PromptLine Line, int[] Prompt, GenerateOptions Options);

    private sealed record Ended(Job Job, GenerateResult? Result, Exception? Error);

    /// <summary>Returns when every line has its result. On cancellation, finished results are written and the others are not.</summary>
    public async Task RunAsync(IReadOnlyList<BatchLine> lines, CancellationToken cancellation)
    {
        List<Job> jobs = Prepare(lines, cancellation);
        Channel<Ended> ended = Channel.CreateUnbounded<Ended>(new UnboundedChannelOptions { SingleReader = true });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        int next = 0, requests = 0, alone = jobs.FindIndex(job => !journal.IsSuspect(job.Line.CustomId));
        if (alone < 0) alone = jobs.Count;      // jobs [0, alone) run one by one
        long rows = 0;
        try
        {
            while (true)
            {
                // What has ended is written before more is begun.
                while (next < jobs.Count && !stop.IsCancellationRequested && !ended.Reader.TryPeek(out _) && (requests == 0 || (next > alone && rows + jobs[next].Options.Samples <= _mostRowsInFlight)))
                {
                    Job job = jobs[next++];
                    journal.Begin(job.Line.CustomId);
                    if (!TryConstrain(ref job)) continue;
                    requests++;
                    rows += job.Options.Samples;
                    _ = CompleteAsync(job, ended.Writer, stop.Token);      // up to its queueing in the engine at once: in this order
                }
                if (requests == 0) break;
                Ended one = await ended.Reader.ReadAsync(CancellationToken.None);
                requests--;
                rows -= one.Job.Options.Samples;
                Write(one);
            }
        }
        finally
        {
            await stop.CancelAsync();   // a failing disk or a closed pipe: the engine stops working for nobody
            while (requests-- > 0) await ended.Reader.ReadAsync(CancellationToken.None);
        }
        cancellation.ThrowIfCancellationRequested();
    }

    /// <summary>Writes the results of lines that cannot run, and puts the others in the order of their prefix tree.</summary>
    private List<Job> Prepare(IReadOnlyList<BatchLine> lines, CancellationToken cancellation)
    {
        List<Job> jobs = [];
        PromptTree tree = new();
        foreach (BatchLine line in lines)
        {
            cancellation.ThrowIfCancellationRequested();
            if (line is BadLine || journal.IsCondemned(line.CustomId))
            {
                Fail(line, line is BadLine bad ? bad.Error : LineError.CrashedTwice);
                continue;
            }
            PromptLine request = (PromptLine)line;
            int[] prompt;
            journal.Begin(line.CustomId);
            try
            {
                CheckTokens("logit_bias", request.Options.LogitBias?.Keys ?? []);
                CheckTokens("stop_token_ids", request.Options.StopTokens);
                prompt = request.Prompt.Encode(model.Encode, chats);
            }
            catch (Exception e) when (e is ChatTemplateException or InvalidRequestException)
            {
                Fail(line, LineError.Invalid(e.Message));
                continue;
            }
            finally
            {
                journal.Pause(line.CustomId);
            }
            tree.Add(jobs.Count, prompt, request.Options.CacheSalt);
            jobs.Add(new Job(request, prompt, request.Options with
            {
                MaxTokens = request.MaxTokens ?? Math.Clamp(model.MaxContextTokens - prompt.Length, 1, request.DefaultMaxTokens),
                Seed = request.Options.Seed ?? (seed is long common ? SeedOf(common, line.CustomId) : null),
            }));
        }
        return [.. tree.Order().Select(i => jobs[i]).OrderBy(job => journal.IsSuspect(job.Line.CustomId) ? 0 : 1)];    // a stable sort
    }

    /// <summary>Builds a line's constraint, here and not in the engine's step; false: that failed, and so has the line.</summary>
    private bool TryConstrain(ref Job job)
    {
        if (job.Line.Constraint is not { } build) return true;
        try
        {
            job = job with { Options = job.Options with { Constraint = build() } };
            return true;
        }
        catch (InvalidRequestException e)
        {
            Fail(job.Line, LineError.Invalid(e.Message));
            return false;
        }
    }

    /// <summary>Refuses tokens that the model does not have, by the name that the field has in the file.</summary>
    private void CheckTokens(string field, IEnumerable<int> tokens)
    {
        foreach (int token in tokens)
            if (model.Refusal(token) is string why) throw new InvalidRequestException($"{field} has token {token}, {why}.");
    }

    private async Task CompleteAsync(Job job, ChannelWriter<Ended> ended, CancellationToken cancellation)
    {
        try
        {
            GenerateResult result = await model.CompleteAsync(job.Prompt, job.Options, cancellation);
            ended.TryWrite(new Ended(job, result, null));
        }
        catch (Exception e)
        {
            ended.TryWrite(new Ended(job, null, e));
        }
    }

    private void Write(Ended ended)
    {
        (Job job, GenerateResult? result, Exception? error) = ended;
        switch (error)
        {
            case null when result!.Choices.Any(choice => choice.Finish == FinishReason.Cancelled):
            case OperationCanceledException:
                journal.Pause(job.Line.CustomId);
                break;   // not finished: a later run takes the line up again
            case null:
                log.Append(_json.Result(job.Line, result));
                journal.End(job.Line.CustomId);
                tally.Answered(job.Line.Expected, result.Choices.Select(choice => choice.Text));
                break;
            case ContextTooLongException:
                Fail(job.Line, new LineError(400, "context_length_exceeded", error.Message));
                break;
            case InvalidRequestException or ArgumentException:
                Fail(job.Line, LineError.Invalid(error.Message));
                break;
            default:
                Fail(job.Line, new LineError(500, "internal_error", $"{error.GetType().Name}: {error.Message}"));
                break;
        }
    }

    private void Fail(BatchLine line, LineError error)
    {
        log.Append(ResultJson.Error(line, error));
        journal.End(line.CustomId);
        tally.Fail();
    }

    // A seed of its own for each line, or lines with the same prompt would draw the same samples. FNV-1a over the id, so that it
    // does not depend on what else is in the file; then SplitMix64's finish (Steele et al. 2014).
    internal static long SeedOf(long common, string customId)
    {
        ulong hash = 14695981039346656037;
        foreach (char c in customId) hash = (hash ^ c) * 1099511628211;
        hash += (ulong)common * 0x9E3779B97F4A7C15;
        hash = (hash ^ (hash >> 30)) * 0xBF58476D1CE4E5B9;
        hash = (hash ^ (hash >> 27)) * 0x94D049BB133111EB;
        return (long)((hash ^ (hash >> 31)) >> 1);
    }
}
