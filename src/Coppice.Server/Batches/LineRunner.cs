using System.Buffers;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Batches;

/// <summary>
/// Has the lines of batches answered. Those of all batches share room in the engine. A line that was in flight when the server died runs
/// alone, before all others; one that was alone at a second such end gets an error.
/// </summary>
internal sealed class LineRunner(LineJournal journal, Func<string, Field, Caller, LineWork> read, Admission admission, int maxBatch, TimeProvider time, ILogger logger)
{
    // Enough that the engine always finds its next rows, bounded so that a file of a million lines is not a million requests.
    private readonly LineRoom _room = new(2 * maxBatch);
    private readonly SemaphoreSlim _alone = new(1);

    /// <summary>A line that may run, or the error that it has instead of an answer.</summary>
    private sealed record Entered(BatchRequest Request, LineWork? Work, IDisposable? Place, int Room, Exception? Error);

    /// <summary>Answers the lines of a batch that have no result. When it is cancelled, lines in flight end without one.</summary>
    /// <param name="batch">Whose lines.</param>
    /// <param name="caller">Who pays for them.</param>
    /// <param name="input">Its requests.</param>
    /// <param name="store">Keeps a result; called for one at a time.</param>
    /// <param name="cancellation">Ends it.</param>
    public async Task RunAsync(StoredBatch batch, Caller caller, BatchInput input, Func<LineResult, Task> store, CancellationToken cancellation)
    {
        SemaphoreSlim storing = new(1);
        List<Task> running = [];
        try
        {
            if (journal.Left.Any(id => id.StartsWith(batch.Id, StringComparison.Ordinal))) await LeftAsync();
            await journal.Cleared.WaitAsync(cancellation);
            await foreach (BatchRequest request in input.UnfinishedAsync(cancellation))
            {
                Entered line = await EnterAsync(request);
                running.RemoveAll(task => task.IsCompletedSuccessfully);
                running.Add(AnswerAsync(line));
            }
        }
        catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
        {
            // What runs is ended with the same token.
        }
        finally
        {
            await Task.WhenAll(running);
        }

        // What a death of the server left of this batch: the condemned get their error, suspects run one after another, alone.
        async Task LeftAsync()
        {
            await foreach (BatchRequest request in input.UnfinishedAsync(cancellation))
            {
                string id = Id(request);
                if (journal.IsCondemned(id)) await StoreAsync(request, LineResult.Of(request.CustomId, CrashedTwice()));
                if (!journal.IsSuspect(id)) continue;
                await _alone.WaitAsync(cancellation);
                try
                {
                    await AnswerAsync(await EnterAsync(request));
                }
                finally
                {
                    _alone.Release();
                }
            }

            Forget(batch.Id);       // those whose result was stored just before the end
        }

        // Reads a line and waits until its key may have it run, and then for room: a key that has to wait takes none from others.
        async Task<Entered> EnterAsync(BatchRequest request)
        {
            await Disk.UntilStoredAsync(() => journal.Begin(Id(request)), time, logger, cancellation);
            IDisposable? place = null;
            try
            {
                LineWork work;
                using (JsonDocument document = JsonDocument.Parse(request.Body)) work = read(batch.Endpoint, new Field("The body", document.RootElement), caller);
                place = await admission.EnterLineAsync(caller, work.Samples, work.Bytes, time, cancellation);
                return new Entered(request with { Body = [] }, work, place, await _room.EnterAsync(work.Samples, cancellation), null);
            }
            catch (Exception e) when (e is not OperationCanceledException and not ObjectDisposedException)
            {
                return new Entered(request, null, null, 0, e);
            }
            catch
            {
                place?.Dispose();
                journal.Pause(Id(request));
                throw;
            }
        }

        async Task AnswerAsync(Entered line)
        {
            try
            {
                await StoreAsync(line.Request, await ResultAsync(batch.Endpoint, line, cancellation));
            }
            catch (OperationCanceledException)
            {
                // Not finished: a resumed batch takes it up again.
            }
            finally
            {
                journal.Pause(Id(line.Request));
                line.Place?.Dispose();
                _room.Leave(line.Room);
            }
        }

        async Task StoreAsync(BatchRequest request, LineResult result)
        {
            await storing.WaitAsync(CancellationToken.None);
            try
            {
                await store(result);
                input.Finish(request);
            }
            finally
            {
                storing.Release();
            }

            journal.End(Id(request));
        }

        string Id(BatchRequest request) => $"{batch.Id} {request.Line}";
    }

    /// <summary>No line of this batch will run again.</summary>
    public void Forget(string batchId)
    {
        foreach (string id in journal.Left)
        {
            if (id.StartsWith(batchId, StringComparison.Ordinal)) journal.End(id);
        }
    }

    private async Task<LineResult> ResultAsync(string endpoint, Entered line, CancellationToken cancellation)
    {
        string customId = line.Request.CustomId;
        try
        {
            if (line.Error is { } error) throw error;
            ArrayBufferWriter<byte> body = new();
            await line.Work!.AnswerAsync(body, cancellation);
            return LineResult.Of(customId, body.WrittenSpan);
        }
        catch (Exception e) when (e is not OperationCanceledException and not ObjectDisposedException)
        {
            ApiException api = ApiException.Of(e);
            if (api.Status >= 500 && e is not ApiException) Log.Failed(logger, e, customId, endpoint);
            return LineResult.Of(customId, api);
        }
    }

    private static ApiException CrashedTwice()
    {
        const string Why = "The server died twice while it answered this line, the second time with no other line of a batch beside it, so the line is not tried again. ";
        return new(500, Why + "Change it, or send it in another batch to have it tried once more.") { Code = "line_crashed_server" };
    }
}
