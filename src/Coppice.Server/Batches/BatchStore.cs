using System.Collections.Concurrent;
using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>The batches, each with its latest state on the disk.</summary>
internal sealed class BatchStore
{
    private static readonly TimeSpan s_tryAgain = TimeSpan.FromSeconds(60);

    private readonly Lock _lock = new();
    private readonly DataFolder _folder;
    private readonly ConcurrentDictionary<string, Owned<StoredBatch>> _batches = new(StringComparer.Ordinal);

    public BatchStore(DataFolder folder)
    {
        _folder = folder;
        foreach (Owned<StoredBatch> batch in folder.ReadAll("batches", StoredJson.Default.OwnedStoredBatch, batch => batch.Value?.Id)) _batches[batch.Value.Id] = batch;
    }

    public IEnumerable<Owned<StoredBatch>> All => _batches.Values;

    public IEnumerable<StoredBatch> Of(Caller caller) => _batches.Values.Where(batch => batch.Owner == caller.Name).Select(batch => batch.Value);

    public StoredBatch this[string id] => _batches[id].Value;

    /// <exception cref="ApiException">The caller has no such batch.</exception>
    public StoredBatch Find(Caller caller, string id) => _batches.TryGetValue(id, out Owned<StoredBatch>? batch) && batch.Owner == caller.Name
        ? batch.Value
        : throw new ApiException(404, $"No batch found with id '{Field.Shortened(id)}'.") { Param = "id", Code = "batch_not_found", Type = "invalid_request_error" };

    /// <summary>Stores a new batch. When this returns, it is on the disk.</summary>
    /// <exception cref="ApiException">The owner has as many open batches as it may have, or the disk refuses.</exception>
    public void Add(string owner, StoredBatch batch, int mostOpen)
    {
        lock (_lock)
        {
            int open = _batches.Values.Count(other => other.Owner == owner && !other.Value.IsOver);
            if (open >= mostOpen)
                throw new ApiException(429, $"You have {open} open batches and may have {mostOpen}. Begin another when one has ended, or cancel one.") { Code = "batch_limit_exceeded", RetryAfter = s_tryAgain };
            Put(new Owned<StoredBatch>(owner, batch));
        }
    }

    /// <summary>Stores a batch's next state. When this returns, it is on the disk.</summary>
    public StoredBatch Update(string id, Func<StoredBatch, StoredBatch> change)
    {
        lock (_lock)
        {
            Owned<StoredBatch> batch = _batches[id];
            Put(batch with { Value = change(batch.Value) });
            return _batches[id].Value;
        }
    }

    /// <summary>How far a batch is: seen at once, and counted again from its results after a restart.</summary>
    public void Count(string id, BatchCounts counts)
    {
        lock (_lock) _batches[id] = _batches[id] with { Value = _batches[id].Value with { RequestCounts = counts } };
    }

    private void Put(Owned<StoredBatch> batch)
    {
        _folder.Write("batches", batch.Value.Id, batch, StoredJson.Default.OwnedStoredBatch);
        _batches[batch.Value.Id] = batch;
    }
}
