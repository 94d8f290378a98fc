using System.Collections.Concurrent;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Batches;

/// <summary>Takes batches through the engine, behind the requests that somebody waits for. A batch that a stop or a kill interrupted goes on where it was.</summary>
internal sealed class BatchRunner(BatchStore batches, FileStore files, DataFolder folder, LineRunner lines, LineJournal journal, Callers callers, ServerLimits limits, TimeProvider time, ILogger logger)
{
    // One file at a time: while it is read, the ids of all its lines are held.
    private readonly SemaphoreSlim _reading = new(1);
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _cancels = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Takes up what an earlier run of the server left.</summary>
    public void Resume()
    {
        HashSet<string> open = [.. batches.All.Where(batch => !batch.Value.IsOver).Select(batch => batch.Value.Id)];
        foreach (string line in journal.Left)
        {
            if (!open.Contains(line.Split(' ')[0])) journal.End(line);
        }

        foreach (Owned<StoredBatch> batch in batches.All.Where(batch => !batch.Value.IsOver)) Start(batch.Owner, batch.Value.Id);
    }

    public void Start(string owner, string id)
    {
        CancellationTokenSource cancel = CancellationTokenSource.CreateLinkedTokenSource(_stop.Token);
        _cancels[id] = cancel;
        if (batches[id].Status == BatchStatus.Cancelling) cancel.Cancel();
        _running[id] = Task.Run(() => RunAsync(owner, id, cancel.Token));
    }

    /// <summary>Ends a batch; what is finished is kept.</summary>
    public StoredBatch Cancel(string id)
    {
        StoredBatch cancelling = batches.Update(id, batch => batch.Status is BatchStatus.Validating or BatchStatus.InProgress
            ? batch with { Status = BatchStatus.Cancelling, CancellingAt = Now }
            : throw new ApiException(409, $"The batch is {JsonNamingPolicy.SnakeCaseLower.ConvertName(batch.Status.ToString())} and cannot be cancelled.") { Type = "invalid_request_error", Code = "batch_not_cancellable" });
        // Its last act takes the source out of the table; until then it can be cancelled.
        lock (_cancels)
        {
            if (_cancels.TryGetValue(id, out CancellationTokenSource? cancel)) cancel.Cancel();
        }

        return cancelling;
    }

    /// <summary>Stops; the batches go on when the server is started again.</summary>
    public async Task StopAsync()
    {
        journal.Stop();
        await _stop.CancelAsync();
        await Task.WhenAll(_running.Values);
    }

    private long Now => time.GetUtcNow().ToUnixTimeSeconds();

    private async Task RunAsync(string owner, string id, CancellationToken cancellation)
    {
        try
        {
            if (callers.Named(owner) is not Caller caller)
            {
                batches.Update(id, batch => batch with { Status = BatchStatus.Failed, FailedAt = Now, Errors = new BatchErrors([new BatchError("unknown_key", "The key that made the batch is no longer one of the server's.", null, null)]) });
                return;
            }

            using Opened? opened = await OpenAsync(batches[id], cancellation);
            if (opened is not null) await AnswerAsync(caller, opened, cancellation);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Goes on when the server is started again.
        }
        catch (OperationCanceledException)      // before it began
        {
            batches.Update(id, batch => batch with { Status = BatchStatus.Cancelled, CancelledAt = Now });
        }
        catch (Exception e)
        {
            Log.BatchFailed(logger, e, id);
        }
        finally
        {
            if (!_stop.IsCancellationRequested) lines.Forget(id);
            lock (_cancels)
            {
                if (_cancels.TryRemove(id, out CancellationTokenSource? cancel)) cancel.Dispose();
            }

            _running.TryRemove(id, out _);
        }
    }

    /// <summary>A batch that is in progress, with its requests and its results.</summary>
    private sealed record Opened(StoredBatch Batch, BatchInput Input, ResultFile Output, ResultFile Failed) : IDisposable
    {
        public void Dispose()
        {
            Output.Dispose();
            Failed.Dispose();
        }
    }

    /// <summary>Reads a batch's requests, and the results that it has. Null if the requests are not what they should be, and the batch has failed.</summary>
    private async Task<Opened?> OpenAsync(StoredBatch batch, CancellationToken cancellation)
    {
        bool isBegun = batch.OutputFileId is not null;
        CancellationToken reading = isBegun ? _stop.Token : cancellation;       // one that is begun keeps its results when it is cancelled
        ResultFile? output = null, failed = null;
        await _reading.WaitAsync(reading);
        try
        {
            HashSet<UInt128> finished = [];
            if (isBegun) await OpenResultsAsync(finished);
            List<BatchError> errors = [];
            BatchInput? input = null;
            try
            {
                input = await BatchInput.OpenAsync(folder.Content(batch.InputFileId), batch.Endpoint, limits, finished, errors, reading);
            }
            catch (FileNotFoundException)
            {
                errors.Add(new BatchError("input_file_missing", "The server no longer has the bytes of the batch's file. Upload it again.", "input_file_id", null));
            }

            if (errors.Count > 0)
            {
                await StoredAsync(() => batches.Update(batch.Id, refused => refused with { Status = BatchStatus.Failed, FailedAt = Now, Errors = new BatchErrors(errors) }));
            }
            else if (!isBegun)
            {
                batch = await StoredAsync(() => batches.Update(batch.Id, begun => begun.Status != BatchStatus.Validating ? begun : begun with { Status = BatchStatus.InProgress, InProgressAt = Now, OutputFileId = FileStore.NewId(), ErrorFileId = FileStore.NewId() }));
                if (batch.OutputFileId is null) throw new OperationCanceledException(cancellation);
                await OpenResultsAsync(finished);
            }

            if (output is not null && failed is not null && errors.Count == 0)
            {
                Opened opened = new(batch, input!, output, failed);
                (output, failed) = (null, null);
                return opened;
            }

            return null;
        }
        finally
        {
            output?.Dispose();
            failed?.Dispose();
            _reading.Release();
        }

        async Task OpenResultsAsync(HashSet<UInt128> finished)
        {
            output = await OpenResultAsync(batch.OutputFileId!, finished);
            failed = await OpenResultAsync(batch.ErrorFileId!, finished);
        }
    }

    private async Task AnswerAsync(Caller caller, Opened opened, CancellationToken cancellation)
    {
        (StoredBatch batch, BatchInput input, ResultFile output, ResultFile failed) = opened;
        Count();
        await lines.RunAsync(batch, caller, input, async result =>
        {
            await Disk.UntilStoredAsync(() => (result.IsAnswer ? output : failed).Append(result.Line), time, logger, _stop.Token);
            Count();
        }, cancellation);
        _stop.Token.ThrowIfCancellationRequested();
        bool cancelled = cancellation.IsCancellationRequested;
        if (!cancelled) await StoredAsync(() => batches.Update(batch.Id, running => running with { Status = BatchStatus.Finalizing, FinalizingAt = Now }));
        await Disk.UntilStoredAsync(output.Sync, time, logger, _stop.Token);
        await Disk.UntilStoredAsync(failed.Sync, time, logger, _stop.Token);
        string? outputId = await ResultAsync(output, batch.OutputFileId!, "output"), errorId = await ResultAsync(failed, batch.ErrorFileId!, "errors");
        await StoredAsync(() => batches.Update(batch.Id, ending => ending with
        {
            Status = cancelled ? BatchStatus.Cancelled : BatchStatus.Completed,
            CompletedAt = cancelled ? null : Now,
            CancelledAt = cancelled ? Now : null,
            OutputFileId = outputId,
            ErrorFileId = errorId,
        }));

        void Count() => batches.Count(batch.Id, new BatchCounts(input.Count, output.Count, failed.Count));

        async Task<string?> ResultAsync(ResultFile results, string fileId, string name)
        {
            if (results.Count == 0) return null;
            await StoredAsync(() => files.Register(caller.Name, new StoredFile(fileId, results.Bytes, Now, $"{batch.Id}_{name}.jsonl", "batch_output")));
            return fileId;
        }
    }

    private Task<ResultFile> OpenResultAsync(string fileId, HashSet<UInt128> finished) =>
        Disk.UntilStoredAsync(() => ResultFile.OpenAsync(folder.Content(fileId), finished), time, logger, _stop.Token);

    private Task<T> StoredAsync<T>(Func<T> store) => Disk.UntilStoredAsync(() => Task.FromResult(store()), time, logger, _stop.Token);
}
