using System.Buffers;
using System.Collections.Concurrent;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Batches;

/// <summary>Takes batches through the engine, behind the requests that somebody waits for. A batch that a stop or a kill interrupted goes on where it was.</summary>
internal sealed class BatchRunner(BatchStore batches, FileStore files, DataFolder folder, Func<string, Field, Caller, LineWork> read, Callers callers, Admission admission, int maxBatch, TimeProvider time, ILogger logger)
{
    private static readonly TimeSpan s_diskRetry = TimeSpan.FromSeconds(5);

    // Enough that the engine always finds its next rows, bounded so that a file of a million lines is not a million requests.
    private readonly SemaphoreSlim _room = new(2 * maxBatch);
    private readonly ConcurrentDictionary<string, CancellationTokenSource> _cancels = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, Task> _running = new(StringComparer.Ordinal);
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Takes up what an earlier run of the server left.</summary>
    public void Resume()
    {
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

            List<BatchError> errors = [];
            List<BatchRequest> requests = BatchInput.Read(folder.Content(batches[id].InputFileId), batches[id].Endpoint, errors);
            if (errors.Count > 0)
            {
                batches.Update(id, batch => batch with { Status = BatchStatus.Failed, FailedAt = Now, Errors = new BatchErrors(errors) });
                return;
            }

            await StoredAsync(() => batches.Update(id, batch => batch.Status != BatchStatus.Validating ? batch : batch with { Status = BatchStatus.InProgress, InProgressAt = Now, OutputFileId = FileStore.NewId(), ErrorFileId = FileStore.NewId() }), _stop.Token);
            await AnswerAsync(caller, id, requests, cancellation);
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // Goes on when the server is started again.
        }
        catch (Exception e)
        {
            Log.BatchFailed(logger, e, id);
        }
        finally
        {
            lock (_cancels)
            {
                if (_cancels.TryRemove(id, out CancellationTokenSource? cancel)) cancel.Dispose();
            }

            _running.TryRemove(id, out _);
        }
    }

    private async Task AnswerAsync(Caller caller, string id, List<BatchRequest> requests, CancellationToken cancellation)
    {
        StoredBatch batch = batches[id];
        if (batch.OutputFileId is null || batch.ErrorFileId is null)        // cancelled before it began
        {
            batches.Update(id, begun => begun with { Status = BatchStatus.Cancelled, CancelledAt = Now });
            return;
        }

        HashSet<string> finished = new(StringComparer.Ordinal);
        using ResultFile output = await OpenedAsync(batch.OutputFileId, finished), failed = await OpenedAsync(batch.ErrorFileId, finished);
        SemaphoreSlim writing = new(1);
        List<Task> running = [];
        Count();
        try
        {
            foreach (BatchRequest request in requests.Where(request => !finished.Contains(request.CustomId)))
            {
                // First the key's own limits: a key that has to wait takes no room from others.
                BatchLine line = await EnterAsync(batch.Endpoint, caller, request, cancellation);
                try
                {
                    await _room.WaitAsync(cancellation);
                }
                catch
                {
                    line.Place?.Dispose();
                    throw;
                }

                running.RemoveAll(task => task.IsCompletedSuccessfully);
                running.Add(OneAsync(line));
            }
        }
        catch (OperationCanceledException)
        {
            // What runs is ended with the same token.
        }

        await Task.WhenAll(running);
        _stop.Token.ThrowIfCancellationRequested();
        bool cancelled = cancellation.IsCancellationRequested;
        if (!cancelled) await StoredAsync(() => batches.Update(id, running => running with { Status = BatchStatus.Finalizing, FinalizingAt = Now }), _stop.Token);
        await StoredAsync(output.Sync, _stop.Token);
        await StoredAsync(failed.Sync, _stop.Token);
        string? outputId = await ResultAsync(output, batch.OutputFileId, "output"), errorId = await ResultAsync(failed, batch.ErrorFileId, "errors");
        await StoredAsync(() => batches.Update(id, ending => ending with
        {
            Status = cancelled ? BatchStatus.Cancelled : BatchStatus.Completed,
            CompletedAt = cancelled ? null : Now,
            CancelledAt = cancelled ? Now : null,
            OutputFileId = outputId,
            ErrorFileId = errorId,
        }), _stop.Token);

        void Count() => batches.Count(id, new BatchCounts(requests.Count, output.Count, failed.Count));

        async Task OneAsync(BatchLine entered)
        {
            try
            {
                (bool ok, byte[] line) = await LineAsync(batch.Endpoint, entered, cancellation);
                await writing.WaitAsync(CancellationToken.None);
                try
                {
                    await StoredAsync(() => (ok ? output : failed).Append(line), _stop.Token);
                    Count();
                }
                finally
                {
                    writing.Release();
                }
            }
            catch (OperationCanceledException)
            {
                // Not finished: a resumed batch takes it up again.
            }
            finally
            {
                entered.Place?.Dispose();
                _room.Release();
            }
        }

        async Task<string?> ResultAsync(ResultFile results, string fileId, string name)
        {
            if (results.Count == 0) return null;
            await StoredAsync(() => files.Register(caller.Name, new StoredFile(fileId, results.Bytes, Now, $"{id}_{name}.jsonl", "batch_output")), _stop.Token);
            return fileId;
        }
    }

    private async Task<ResultFile> OpenedAsync(string fileId, ISet<string> finished)
    {
        ResultFile? file = null;
        await StoredAsync(() => file = new ResultFile(folder.Content(fileId), finished), _stop.Token);
        return file!;
    }

    /// <summary>A result waits for room on the disk rather than being lost.</summary>
    private async Task StoredAsync(Action store, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                store();
                return;
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ApiException)
            {
                Log.DiskRefused(logger, e.Message);
                await Task.Delay(s_diskRetry, cancellation);
            }
        }
    }

    /// <summary>Reads a line and waits until its key may have it run. One that cannot be read keeps its error.</summary>
    private async Task<BatchLine> EnterAsync(string endpoint, Caller caller, BatchRequest request, CancellationToken cancellation)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(request.Body);
            LineWork work = read(endpoint, new Field("The body", document.RootElement), caller);
            return new BatchLine(request, work, await admission.EnterLineAsync(caller, work.Samples, work.Bytes, time, cancellation), null);
        }
        catch (Exception e) when (e is not OperationCanceledException and not ObjectDisposedException)
        {
            return new BatchLine(request, null, null, e);
        }
    }

    private async Task<(bool Ok, byte[] Line)> LineAsync(string endpoint, BatchLine entered, CancellationToken cancellation)
    {
        ArrayBufferWriter<byte> body = new();
        BatchRequest request = entered.Request;
        int status = 200;
        try
        {
            if (entered.Error is { } error) throw error;
            await entered.Work!.AnswerAsync(body, cancellation);
        }
        catch (Exception e) when (e is not OperationCanceledException and not ObjectDisposedException)
        {
            ApiException api = ApiException.Of(e);
            if (api.Status >= 500 && e is not ApiException) Log.Failed(logger, e, request.CustomId, endpoint);
            status = api.Status;
            body.Clear();
            AnswerJson.WriteError(body, api);
        }

        ArrayBufferWriter<byte> line = new();
        using (Utf8JsonWriter json = new(line, AnswerJson.Json))
        {
            json.WriteStartObject();
            json.WriteString("id", $"batch_req_{Guid.NewGuid():N}");
            json.WriteString("custom_id", request.CustomId);
            json.WriteStartObject("response");
            json.WriteNumber("status_code", status);
            json.WriteString("request_id", $"req_{Guid.NewGuid():N}");
            json.WritePropertyName("body");
            json.WriteRawValue(body.WrittenSpan);
            json.WriteEndObject();
            json.WriteNull("error");
            json.WriteEndObject();
        }

        line.Write("\n"u8);
        return (status == 200, line.WrittenSpan.ToArray());
    }

    /// <summary>A line that may run, or the error that it has instead of an answer.</summary>
    private sealed record BatchLine(BatchRequest Request, LineWork? Work, IDisposable? Place, Exception? Error);
}
