using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>
/// The constraints that requests asked for lately, by their text. Requests for the same text share one building, which ends when the last of
/// them has left. A refusal is kept for a short while, so that whoever sends the same again costs nothing.
/// </summary>
internal sealed class ConstraintStore(PreparationQueue queue, TimeProvider time)
{
    private const int MostKept = 64;
    private const long MostBytes = 64 << 20;

    private static readonly TimeSpan s_refusalKept = TimeSpan.FromSeconds(10);

    private readonly Lock _lock = new();
    private readonly Dictionary<(ConstraintKind, SchemaStrictness, string), Entry> _entries = [];
    private readonly LinkedList<Entry> _recent = new();       // those that are built, latest first
    private long _bytes;

    /// <summary>Buildings begun so far. For tests.</summary>
    public int Begun { get; private set; }

    /// <exception cref="ApiException">It cannot be kept to, takes more than it may, or the caller has as much waiting as it may.</exception>
    public async Task<OutputConstraint> GetAsync(ConstraintSource source, Caller caller, Urgency urgency, CancellationToken cancellation)
    {
        Entry entry = Join(source, caller, urgency);
        try
        {
            return await entry.Built.WaitAsync(cancellation);
        }
        catch (InvalidRequestException reason)
        {
            throw source.Refusal(reason.Message);
        }
        finally
        {
            Leave(entry);
        }
    }

    private Entry Join(ConstraintSource source, Caller caller, Urgency urgency)
    {
        lock (_lock)
        {
            (ConstraintKind, SchemaStrictness, string) key = (source.Kind, source.Strictness, source.Text);
            if (_entries.TryGetValue(key, out Entry? entry) && entry.KeptUntil is long end && time.GetTimestamp() >= end)
            {
                Forget(entry);
                entry = null;
            }

            if (entry is null)
            {
                CancellationTokenSource stop = new();
                entry = new Entry(key, stop, queue.RunAsync(caller, urgency, source.Build, stop.Token));
                Begun++;
                _entries.Add(key, entry);
                _ = entry.Built.ContinueWith(_ => Ended(entry), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
            }
            else if (entry.Place is { } place)
            {
                _recent.Remove(place);
                _recent.AddFirst(place);
            }

            entry.Waiting++;
            return entry;
        }
    }

    /// <summary>One that asked for it has it, or has left.</summary>
    private void Leave(Entry entry)
    {
        lock (_lock)
        {
            if (--entry.Waiting > 0 || entry.Built.IsCompleted) return;
            Forget(entry);      // whoever comes now has it built anew
        }

        entry.Stop.Cancel();
    }

    private void Ended(Entry entry)
    {
        lock (_lock)
        {
            if (!entry.Built.IsCompletedSuccessfully && entry.Built.Exception?.InnerException is not InvalidRequestException)
            {
                Forget(entry);
                return;
            }

            if (entry.Built.IsCompletedSuccessfully) entry.Bytes = BytesOf(entry.Built.Result);
            else entry.KeptUntil = time.GetTimestamp() + (long)(s_refusalKept.TotalSeconds * time.TimestampFrequency);
            entry.Bytes += 2L * entry.Key.Text.Length;
            _bytes += entry.Bytes;
            entry.Place = _recent.AddFirst(entry);
            while (_recent.Count > MostKept || (_bytes > MostBytes && _recent.Count > 1)) Forget(_recent.Last!.Value);
        }
    }

    private void Forget(Entry entry)
    {
        if (_entries.GetValueOrDefault(entry.Key) == entry) _entries.Remove(entry.Key);
        if (entry.Place is null) return;
        _recent.Remove(entry.Place);
        entry.Place = null;
        _bytes -= entry.Bytes;
    }

    private static long BytesOf(OutputConstraint constraint) => 13L * constraint.Automaton.Nodes.Length + 8L * constraint.Automaton.Edges.Length;

    private sealed class Entry((ConstraintKind Kind, SchemaStrictness Strictness, string Text) key, CancellationTokenSource stop, Task<OutputConstraint> built)
    {
        public (ConstraintKind Kind, SchemaStrictness Strictness, string Text) Key => key;

        public CancellationTokenSource Stop => stop;

        public Task<OutputConstraint> Built => built;

        /// <summary>Requests that wait for it.</summary>
        public int Waiting { get; set; }

        /// <summary>Where it stands among those that are built; null until it is.</summary>
        public LinkedListNode<Entry>? Place { get; set; }

        public long Bytes { get; set; }

        /// <summary>The timestamp at which a refusal is forgotten; null for a constraint.</summary>
        public long? KeptUntil { get; set; }
    }
}
