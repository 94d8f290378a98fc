using Coppice.Backends;
using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>Who waits for a piece of work.</summary>
internal enum Urgency
{
    /// <summary>An interactive request.</summary>
    Awaited,

    /// <summary>A line of a batch: its turn comes when nothing that is awaited waits.</summary>
    Batch,
}

/// <summary>
/// Threads that make requests ready: long prompts become tokens, constraints become automata. They are few, and run behind the engine's
/// threads, so that no request takes the time of steps. Callers take turns.
/// </summary>
internal sealed class PreparationQueue : IDisposable
{
    /// <summary>Pieces of work of one caller that may wait for a thread; more are refused with 429.</summary>
    public const int MostWaiting = 32;

    private const int ThreadCount = 2;

    private readonly object _lock = new();
    private readonly List<Lane>[] _lanes = [[], []];        // by urgency: the lanes that have work, the first of which has the next turn
    private readonly Thread[] _threads;
    private bool _stopped;

    public PreparationQueue()
    {
        _threads = [.. Enumerable.Range(0, ThreadCount).Select(i => new Thread(Loop) { IsBackground = true, Name = $"Coppice preparation {i}" })];
        foreach (Thread thread in _threads) thread.Start();
    }

    /// <summary>Has a piece of work done when its turn comes.</summary>
    /// <param name="caller">Whose work it is.</param>
    /// <param name="urgency">Work of a batch waits behind all other, and is never refused.</param>
    /// <param name="work">Is to look at the token that it is given.</param>
    /// <param name="cancellation">Takes waiting work out of the line, and ends work that runs.</param>
    /// <exception cref="ApiException">429: the caller has as much waiting as it may.</exception>
    public async Task<T> RunAsync<T>(Caller caller, Urgency urgency, Func<CancellationToken, T> work, CancellationToken cancellation)
    {
        TaskCompletionSource<T> done = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Action job = () =>
        {
            try
            {
                done.TrySetResult(work(cancellation));
            }
            catch (OperationCanceledException) when (cancellation.IsCancellationRequested)
            {
                done.TrySetCanceled(cancellation);
            }
            catch (Exception error)
            {
                done.TrySetException(error);
            }
        };
        Add(caller, urgency, job);
        await using (cancellation.UnsafeRegister(_ => Leave(), null)) return await done.Task;

        void Leave()
        {
            if (Remove(caller, urgency, job)) done.TrySetCanceled(cancellation);
        }
    }

    public void Dispose()
    {
        lock (_lock)
        {
            _stopped = true;
            Monitor.PulseAll(_lock);
        }

        foreach (Thread thread in _threads) thread.Join();
    }

    private void Add(Caller caller, Urgency urgency, Action job)
    {
        lock (_lock)
        {
            ObjectDisposedException.ThrowIf(_stopped, this);
            List<Lane> lanes = _lanes[(int)urgency];
            Lane? lane = lanes.Find(lane => lane.Caller == caller);
            if (lane is null) lanes.Add(lane = new Lane(caller, []));
            if (urgency == Urgency.Awaited && lane.Jobs.Count >= MostWaiting)
                throw new ApiException(429, $"Your key has {lane.Jobs.Count} requests waiting to be made ready (long prompts, constraints that are built), and may have {MostWaiting}. Try again soon.") { Code = "preparation_queue_full", RetryAfter = TimeSpan.FromSeconds(1) };
            lane.Jobs.AddLast(job);
            Monitor.Pulse(_lock);
        }
    }

    private bool Remove(Caller caller, Urgency urgency, Action job)
    {
        lock (_lock)
        {
            List<Lane> lanes = _lanes[(int)urgency];
            Lane? lane = lanes.Find(lane => lane.Caller == caller);
            if (lane is null || !lane.Jobs.Remove(job)) return false;
            if (lane.Jobs.Count == 0) lanes.Remove(lane);
            return true;
        }
    }

    private void Loop()
    {
        ThreadPriorities.LowerOwn();
        while (Next() is { } job) job();
    }

    /// <summary>The next piece of work; null at the end.</summary>
    private Action? Next()
    {
        lock (_lock)
        {
            while (!_stopped)
            {
                if (Array.Find(_lanes, lanes => lanes.Count > 0) is { } lanes)
                {
                    Lane lane = lanes[0];
                    Action job = lane.Jobs.First!.Value;
                    lane.Jobs.RemoveFirst();
                    lanes.RemoveAt(0);
                    if (lane.Jobs.Count > 0) lanes.Add(lane);
                    return job;
                }

                Monitor.Wait(_lock);
            }

            return null;
        }
    }

    private sealed record Lane(Caller Caller, LinkedList<Action> Jobs);
}
