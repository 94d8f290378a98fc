using System.Threading.Channels;
using Coppice.Cli.BatchFiles;
using Coppice.Server.Batches;

namespace Coppice.Cli.Scoring;

/// <summary>
/// Takes lines through a model. Results are written in the order of the lines; within a block of them, prompts with a common prefix
/// are submitted as neighbours, so that at most a block waits to be written, or is lost to a kill. A line that an earlier run was at when
/// it died is scored alone.
/// </summary>
internal sealed class ScoreRun(ITextModel model, ResultLog log, LineJournal journal, RunTally tally, ScoreTally right, int? topLogProbs, ScoreCheck? check = null)
{
    private const int BlockLines = 1024;

    private readonly ScoreJson _json = new(model, topLogProbs);
    private readonly long _mostRowsInFlight = 4L * model.MaxBatch;

    private sealed record Job(int Index, BatchLine Line, ScoredText[] Texts);

    private sealed record Ended(Job Job, Scored[]? Result, Exception? Error);

    /// <summary>Returns when every line has its result. On cancellation, what is finished without a gap is written and the rest is not.</summary>
    public async Task RunAsync(IReadOnlyList<BatchLine> lines, CancellationToken cancellation)
    {
        Channel<Ended> ended = Channel.CreateUnbounded<Ended>(new UnboundedChannelOptions { SingleReader = true });
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Dictionary<int, Ended> waiting = [];       // ended before a line in front of them
        int written = 0, requests = 0;
        long rows = 0;
        try
        {
            foreach (Job job in Jobs(lines, ended.Writer, stop.Token))
            {
                // A bad line has ended already, without rows.
                bool isAlone = journal.IsSuspect(job.Line.CustomId);
                while (job.Texts.Length > 0 && requests > 0 && (isAlone || rows + job.Texts.Length > _mostRowsInFlight)) await TakeAsync();
                requests++;
                rows += job.Texts.Length;
                if (job.Texts.Length > 0) journal.Begin(job.Line.CustomId);
                if (job.Texts.Length > 0) _ = ScoreAsync(job, ended.Writer, stop.Token);      // up to its queueing in the engine at once: in this order
                while (isAlone ? requests > 0 : ended.Reader.TryPeek(out _)) await TakeAsync();
            }
            while (requests > 0) await TakeAsync();
        }
        finally
        {
            await stop.CancelAsync();
            while (requests-- > 0) await ended.Reader.ReadAsync(CancellationToken.None);
        }
        cancellation.ThrowIfCancellationRequested();

        async Task TakeAsync()
        {
            Ended one = await ended.Reader.ReadAsync(CancellationToken.None);
            requests--;
            rows -= one.Job.Texts.Length;
            journal.Pause(one.Job.Line.CustomId);
            waiting.Add(one.Job.Index, one);
            // What was cancelled is a gap: nothing behind it is written, and a later run takes it up again.
            while (waiting.TryGetValue(written, out Ended? next) && next.Error is not OperationCanceledException)
            {
                waiting.Remove(written++);
                Write(next);
            }
        }
    }

    private IEnumerable<Job> Jobs(IReadOnlyList<BatchLine> lines, ChannelWriter<Ended> ended, CancellationToken cancellation)
    {
        for (int from = 0; from < lines.Count; from += BlockLines)
        {
            List<Job> block = [];
            PromptTree tree = new();
            for (int i = from; i < Math.Min(lines.Count, from + BlockLines); i++)
            {
                if (cancellation.IsCancellationRequested) yield break;
                Job job = new(i, lines[i], []);
                Exception? error = null;
                try
                {
                    if (lines[i] is ScoreLine line && !journal.IsCondemned(line.CustomId))
                    {
                        journal.Begin(line.CustomId);
                        job = job with { Texts = Texts(line) };
                    }
                }
                catch (InvalidRequestException e)
                {
                    error = e;
                }
                finally
                {
                    journal.Pause(lines[i].CustomId);
                }
                if (job.Texts.Length == 0)
                {
                    ended.TryWrite(new Ended(job, null, error));
                    yield return job;
                    continue;
                }
                tree.Add(block.Count, job.Texts[0].Tokens, ((ScoreLine)lines[i]).CacheSalt);
                block.Add(job);
            }
            foreach (int i in tree.Order())
            {
                if (cancellation.IsCancellationRequested) yield break;
                yield return block[i];
            }
        }
    }

    private ScoredText[] Texts(ScoreLine line)
    {
        int[] prompt = model.Encode(line.Prompt);
        return [.. line.Continuations.Select(continuation => ScoredText.Of(whole => model.Encode(whole), prompt, line.Prompt, continuation))];
    }

    private async Task ScoreAsync(Job job, ChannelWriter<Ended> ended, CancellationToken cancellation)
    {
        try
        {
            ScoreOptions options = new() { CacheSalt = ((ScoreLine)job.Line).CacheSalt, TopLogProbs = topLogProbs ?? 0, AsDecode = true };
            ScoreResult[] results = await Task.WhenAll(job.Texts.Select(text => model.ScoreAsync(text.Tokens, text.ScoredFrom, options, cancellation)));
            ended.TryWrite(new Ended(job, [.. job.Texts.Zip(results, (text, result) => new Scored(text, result))], null));
        }
        catch (Exception e)
        {
            ended.TryWrite(new Ended(job, null, e));
        }
    }

    private void Write(Ended ended)
    {
        (Job job, Scored[]? scored, Exception? error) = ended;
        switch (error)
        {
            case null when job.Line is BadLine bad:
                Fail(bad, bad.Error);
                break;
            case null when job.Texts.Length == 0:
                Fail(job.Line, LineError.CrashedTwice);
                break;
            case null:
                ScoreLine line = (ScoreLine)job.Line;
                log.Append(_json.Result(line, scored!));
                journal.End(line.CustomId);
                if (line.Answer is int answer) right.Add(scored!, answer);
                check?.Add(line, scored!);
                tally.Answered([], []);
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
}
