using System.Diagnostics;
using System.Runtime.CompilerServices;
using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;

namespace Coppice.Backends;

/// <summary>Work that falls into numbered items which may run in any order, at the same time.</summary>
internal interface IParallelWork
{
    /// <param name="item">0 to items - 1.</param>
    /// <param name="worker">0 to <see cref="WorkerPool.Threads"/> - 1, the same for all a thread does in one Run: it may index scratch.</param>
    void Run(int item, int worker);
}

/// <summary>
/// A fixed set of threads that share out the items of one piece of work at a time. The calling thread works too. A dispatch takes no lock
/// and allocates nothing. Idle workers spin for some tens of microseconds, as long as the gaps inside a step last, and then sleep.
/// </summary>
/// <remarks>
/// <c>_open</c> holds the dispatch's number and how many of its items nobody has taken yet. An item is taken by one compare-and-swap on
/// both, so a worker that comes late cannot take an item of one dispatch and run it as part of another; and whoever has taken an item
/// keeps that dispatch alive, since Run returns only when all are done.
/// </remarks>
internal sealed unsafe class WorkerPool : IDisposable
{
    private static readonly long SpinTicks = Stopwatch.Frequency * 40 / 1_000_000;

    private readonly Thread[] _threads;
    private readonly Sleeper[] _sleepers;
    private readonly Sleeper _caller = new();

    private Line _open;
    private Line _unfinished;
    private int _running;
    private int _stopping;

    // Written before _open is, read after an item was taken.
    private int _items;
    private void* _work;
    private delegate*<void*, int, int, void> _run;
    private ExceptionDispatchInfo? _failure;

    /// <param name="threads">Threads that work, the calling one included.</param>
    /// <param name="placement">Whether each worker keeps to one core. The calling thread sees to itself.</param>
    public WorkerPool(int threads, ThreadPlacement placement = ThreadPlacement.Free)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(threads, 1);
        _threads = new Thread[threads - 1];
        _sleepers = new Sleeper[threads - 1];
        for (int i = 0; i < _threads.Length; i++)
        {
            int worker = i + 1;
            _sleepers[i] = new Sleeper();
            _threads[i] = new Thread(() => Serve(worker, placement)) { IsBackground = true, Name = $"Coppice worker {worker}" };
            _threads[i].Start();
        }
    }

    /// <summary>Threads that work, the calling one included.</summary>
    public int Threads => _threads.Length + 1;

    /// <summary>Runs every item and returns when all are done. A struct is run in place, without boxing.</summary>
    /// <exception cref="InvalidOperationException">The pool is running already: called from an item, or from a second thread.</exception>
    /// <remarks>If an item throws, items not yet begun are dropped and the first error is thrown here.</remarks>
    public void Run<TWork>(TWork work, int items) where TWork : IParallelWork
    {
        ArgumentOutOfRangeException.ThrowIfNegative(items);
        ObjectDisposedException.ThrowIf(Volatile.Read(ref _stopping) != 0, this);
        if (Interlocked.CompareExchange(ref _running, 1, 0) != 0)
            throw new InvalidOperationException("The worker pool is running already and takes one piece of work at a time: not from inside an item, nor from a second thread.");
        try
        {
            if (_threads.Length == 0 || items <= 1)
                for (int i = 0; i < items; i++) work.Run(i, 0);
            else
                // The local lives in this frame until every item is done, and stacks do not move.
                Dispatch(Unsafe.AsPointer(ref work), &RunItem<TWork>, items);
        }
        finally
        {
            Volatile.Write(ref _running, 0);
        }
    }

    public void Dispose()
    {
        if (Interlocked.Exchange(ref _stopping, 1) != 0) return;
        foreach (Sleeper sleeper in _sleepers) sleeper.Wake();
        foreach (Thread thread in _threads) thread.Join();
        foreach (Sleeper sleeper in _sleepers) sleeper.Dispose();
        _caller.Dispose();
    }

    private static void RunItem<TWork>(void* work, int item, int worker) where TWork : IParallelWork => Unsafe.AsRef<TWork>(work).Run(item, worker);

    private void Dispatch(void* work, delegate*<void*, int, int, void> run, int items)
    {
        _work = work;
        _run = run;
        _items = items;
        _failure = null;
        _unfinished.Value = items;
        long number = (_open.Value >> 32) + 1;
        Interlocked.Exchange(ref _open.Value, number << 32 | (uint)items);

        for (int i = 0; i < _sleepers.Length && i < items - 1; i++) _sleepers[i].Wake();
        TakeItems(worker: 0);

        long start = Stopwatch.GetTimestamp();
        while (Volatile.Read(ref _unfinished.Value) != 0)
        {
            Thread.SpinWait(4);
            if (Stopwatch.GetTimestamp() - start < SpinTicks) continue;
            while (Volatile.Read(ref _unfinished.Value) != 0)
            {
                _caller.Announce();
                if (Volatile.Read(ref _unfinished.Value) != 0) _caller.Sleep();
            }
        }

        ExceptionDispatchInfo? failure = _failure;
        _failure = null;
        failure?.Throw();
    }

    /// <summary>Takes and runs items until none is left; returns the number of the dispatch that had none.</summary>
    private long TakeItems(int worker)
    {
        while (true)
        {
            long open = Volatile.Read(ref _open.Value);
            int left = (int)open;
            if (left == 0) return open >> 32;
            if (Interlocked.CompareExchange(ref _open.Value, open - 1, open) != open) continue;
            if (Volatile.Read(ref _failure) is null)
            {
                try
                {
                    _run(_work, _items - left, worker);
                }
                catch (Exception error)
                {
                    Interlocked.CompareExchange(ref _failure, ExceptionDispatchInfo.Capture(error), null);
                }
            }
            if (Interlocked.Decrement(ref _unfinished.Value) == 0) _caller.Wake();
        }
    }

    private void Serve(int worker, ThreadPlacement placement)
    {
        if (placement == ThreadPlacement.Pinned) ThreadAffinity.TryPin(worker);
        Sleeper sleeper = _sleepers[worker - 1];
        long seen = 0;
        while (true)
        {
            long start = Stopwatch.GetTimestamp();
            while (Idle(seen))
            {
                Thread.SpinWait(4);
                if (Stopwatch.GetTimestamp() - start < SpinTicks) continue;
                while (Idle(seen))
                {
                    sleeper.Announce();
                    if (Idle(seen)) sleeper.Sleep();
                }
            }
            if (Volatile.Read(ref _stopping) != 0) return;
            seen = TakeItems(worker);
        }
    }

    private bool Idle(long seen) => Volatile.Read(ref _open.Value) >> 32 == seen && Volatile.Read(ref _stopping) == 0;

    /// <summary>
    /// Announce, look again, sleep; the other side changes what is looked at and then wakes. Both go through an interlocked exchange, so
    /// one of the two always sees the other. A wake that comes too late only makes the next sleep short: sleepers look again.
    /// </summary>
    private sealed class Sleeper : IDisposable
    {
        private readonly AutoResetEvent _event = new(false);
        private Line _announced;

        public void Announce() => Interlocked.Exchange(ref _announced.Value, 1);

        public void Sleep() => _event.WaitOne();

        public void Dispose() => _event.Dispose();

        public void Wake()
        {
            if (Interlocked.Exchange(ref _announced.Value, 0) == 1) _event.Set();
        }
    }

    /// <summary>A number with the cache lines around it to itself, so that threads do not disturb each other's neighbours.</summary>
    [StructLayout(LayoutKind.Explicit, Size = 192)]
    private struct Line
    {
        [FieldOffset(64)] public long Value;
    }
}
