using System.CommandLine;
using Coppice.Backends;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>What the machine can do at most: reading memory, multiplying, and starting work on all threads.</summary>
internal static class MachineVerb
{
    private const string Read = "read", Compute = "compute", Region = "empty region";
    private const double IdleMicroseconds = 500;

    public static Command Create() => BenchCommand.Verb("machine", "Read bandwidth by threads, peaks of multiplication per core and for all, time of a parallel region", [], (_, run) => Run(run),
        ("What this machine can do", "coppice bench machine"));

    private static int Run(BenchRun run)
    {
        int[] threads = [.. Powers(run.Threads)];
        using var memory = new ReadBuffer(run.BufferBytes);
        using var operands = new AlignedBuffer(run.Threads * ComputePeak.OperandBytes);
        IReadOnlyList<ComputePeak> peaks = ComputePeak.All(operands);
        using var pools = new Pools(threads, run.Placement);
        run.Expect(3);
        List<BenchRow> rows = [];

        RaceTimes times = run.Measure("reading memory", [.. threads.Select(t => new Contender(Of(t), () => memory.ReadSlice(pools[t])))]);
        foreach (int t in threads)
            rows.Add(new BenchRow(Read, Of(t), Named.Numbers(("threads", t)), times[Of(t)], Named.Numbers(("gigabytesPerSecond", memory.SliceBytes / times.Median(Of(t)) / 1e9))));

        const int itemsPerThread = 8;
        int[] oneAndAll = [.. threads.Where(t => t == 1 || t == run.Threads)];
        times = run.Measure("multiplying", [.. from t in oneAndAll from peak in peaks select new Contender($"{peak.Name}, {Of(t)}", () => pools[t].Run(new ComputePeak.OnEach(peak), t * itemsPerThread))]);
        foreach (ComputePeak peak in peaks)
        {
            foreach (int t in oneAndAll)
            {
                Spread seconds = times[$"{peak.Name}, {Of(t)}"];
                double rate = peak.OperationsPerRun * t * itemsPerThread / seconds.Median / 1e9;
                rows.Add(new BenchRow(Compute, $"{peak.Name}, {Of(t)}", Named.Numbers(("threads", t)), seconds, Named.Numbers(("gigaOperationsPerSecond", rate), ("perCore", rate / t))));
            }
        }

        times = run.Measure("parallel regions",
        [
            .. threads.Where(t => t > 1).Select(t => new Contender(Of(t), () => pools[t].Run(default(Nothing), t))),
            .. threads.Where(t => t > 1).Select(t => new Contender(AfterIdle(t), () => Idle(pools[t], t))),
            new Contender("idling", () => Idle(null, 1)),
        ]);
        foreach (int t in threads.Where(t => t > 1))
        {
            rows.Add(new BenchRow(Region, Of(t), Named.Numbers(("threads", t)), times[Of(t)], Named.Numbers(("microseconds", times.Median(Of(t)) * 1e6))));
            double idled = times.Median(AfterIdle(t)) - times.Median("idling");
            rows.Add(new BenchRow(Region, AfterIdle(t), Named.Numbers(("threads", t)), times[AfterIdle(t)], Named.Numbers(("microseconds", Math.Max(0, idled) * 1e6))));
        }

        return run.Finish(rows,
            [Column.Case("what"), Column.Variant("how"), Column.Of("gigabytesPerSecond", "GB/s", format: "0.0"), Column.Of("gigaOperationsPerSecond", "GFLOP/s, GOP/s", format: "0"), Column.Of("perCore", "per core", format: "0"), Column.Of("microseconds", "µs", format: "0.00"), Column.Milliseconds],
            Plot,
            $"Reading goes through {memory.Bytes >> 20} MiB in slices of {memory.SliceBytes >> 20} MiB. \"After idling\" waits {IdleMicroseconds:0} µs first, so that the threads have gone to sleep; the wait is taken off the µs.");
    }

    private static SvgPlot Plot(IReadOnlyList<BenchRow> rows)
    {
        (double X, double Y)[] points = [.. rows.Where(row => row.Case == Read).Select(row => (row["threads"], row["gigabytesPerSecond"]))];
        return new SvgPlot("Read bandwidth", Axis.Log("threads", points.Select(p => p.X)), Axis.Linear("GB/s", points.Select(p => p.Y)), [new Series("read", points)]);
    }

    private static string Of(int threads) => threads == 1 ? "1 thread" : $"{threads} threads";

    private static string AfterIdle(int threads) => $"{Of(threads)}, after idling";

    private static void Idle(WorkerPool? pool, int items)
    {
        long start = System.Diagnostics.Stopwatch.GetTimestamp();
        while (System.Diagnostics.Stopwatch.GetElapsedTime(start).TotalMicroseconds < IdleMicroseconds) Thread.SpinWait(20);
        pool?.Run(default(Nothing), items);
    }

    private static IEnumerable<int> Powers(int threads)
    {
        for (int t = 1; t < threads; t *= 2) yield return t;
        yield return threads;
    }

    private readonly struct Nothing : IParallelWork
    {
        public void Run(int item, int worker)
        {
        }
    }

    /// <summary>A pool of each size; those that are not in use sleep.</summary>
    private sealed class Pools : IDisposable
    {
        private readonly Dictionary<int, WorkerPool> _pools = [];

        public Pools(IEnumerable<int> sizes, ThreadPlacement placement)
        {
            foreach (int threads in sizes) _pools.Add(threads, new WorkerPool(threads, placement));
        }

        public WorkerPool this[int threads] => _pools[threads];

        public void Dispose()
        {
            foreach (WorkerPool pool in _pools.Values) pool.Dispose();
        }
    }
}
