using Coppice.Backends;

namespace Coppice.Tests.Backends;

[Collection(Alone.Name)]
public sealed class WorkerPoolTests
{
    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(5)]
    public void Every_item_runs_exactly_once_in_many_dispatches_of_changing_size(int threads)
    {
        using var pool = new WorkerPool(threads);
        var counts = new int[200];
        var random = new Random(threads);
        for (int dispatch = 0; dispatch < 3000; dispatch++)
        {
            int items = random.Next(0, counts.Length);
            Array.Clear(counts);
            pool.Run(new Counting(counts, threads), items);
            for (int i = 0; i < counts.Length; i++)
                if (counts[i] != (i < items ? 1 : 0)) Assert.Fail($"Dispatch {dispatch} of {items}: item {i} ran {counts[i]} times.");
        }
    }

    [Fact]
    public void Workers_that_went_to_sleep_wake_for_the_next_dispatch()
    {
        using var pool = new WorkerPool(3);
        for (int round = 0; round < 20; round++)
        {
            // Each item waits for the others: they must all be running at once.
            pool.Run<IParallelWork>(new Meeting(3), 3);
            Thread.Sleep(round % 4);
        }
    }

    [Fact]
    public void A_dispatch_allocates_nothing_on_any_thread()
    {
        using var pool = new WorkerPool(3);
        var counts = new int[16];
        for (int i = 0; i < 2000; i++) pool.Run(new Counting(counts, 3), 16);
        // The test runner itself may allocate now and then: one quiet round is proof enough.
        long least = long.MaxValue;
        for (int round = 0; round < 10 && least != 0; round++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int i = 0; i < 10_000; i++)
            {
                pool.Run(new Counting(counts, 3), 16);
                if (i % 2500 == 0) Thread.Sleep(1);
            }
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }
        Assert.Equal(0, least);
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public void An_error_in_an_item_reaches_the_caller_and_the_pool_goes_on(int threads)
    {
        using var pool = new WorkerPool(threads);
        for (int i = 0; i < 100; i++)
        {
            var error = Assert.Throws<FormatException>(() => pool.Run(new Failing(i % 20), 20));
            Assert.Equal($"item {i % 20}", error.Message);
            var counts = new int[20];
            pool.Run(new Counting(counts, threads), 20);
            Assert.All(counts, count => Assert.Equal(1, count));
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    public void Nesting_is_refused(int threads)
    {
        using var pool = new WorkerPool(threads);
        Assert.Throws<InvalidOperationException>(() => pool.Run(new Nesting(pool), 4));
    }

    [Fact]
    public void A_disposed_pool_has_no_threads_and_takes_no_work()
    {
        var pool = new WorkerPool(4);
        pool.Run(new Counting(new int[8], 4), 8);
        pool.Dispose();
        pool.Dispose();
        Assert.Throws<ObjectDisposedException>(() => pool.Run(new Counting(new int[8], 4), 8));
    }

    [Fact]
    public void Threads_must_be_at_least_one() => Assert.Throws<ArgumentOutOfRangeException>(() => new WorkerPool(0));

    private readonly struct Counting(int[] counts, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            if ((uint)worker >= (uint)threads) throw new InvalidOperationException($"worker {worker}");
            Interlocked.Increment(ref counts[item]);
        }
    }

    private readonly struct Failing(int bad) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            if (item == bad) throw new FormatException($"item {item}");
        }
    }

    private readonly struct Nesting(WorkerPool pool) : IParallelWork
    {
        public void Run(int item, int worker) => pool.Run(this, 1);
    }

    private sealed class Meeting(int people) : IParallelWork
    {
        private int _arrived;

        public void Run(int item, int worker)
        {
            Interlocked.Increment(ref _arrived);
            Assert.True(SpinWait.SpinUntil(() => Volatile.Read(ref _arrived) == people, TimeSpan.FromSeconds(10)));
        }
    }
}
