using Coppice.Backends;
using Coppice.Cli.Bench.Measuring;
using Coppice.Kernels.Emitted;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Machine;

/// <summary>
/// The limits of the machine as contenders, so that they are measured in turn with what they are to judge: the fastest way to multiply
/// floats, bf16 and int8 on all threads, and reading memory.
/// </summary>
internal sealed class Ceilings : IDisposable
{
    private const string ReadName = "ceiling: read";

    // So many that the time until the last thread has woken does not count.
    private const int ItemsPerThread = 8;

    private readonly WorkerPool _pool;
    private readonly AlignedBuffer _operands;
    private readonly ReadBuffer _memory;
    private readonly List<(ComputePeak Peak, Contender Contender)> _peaks = [];

    public Ceilings(BenchRun run)
    {
        _pool = new WorkerPool(run.Threads, run.Placement);
        _operands = new AlignedBuffer(run.Threads * ComputePeak.OperandBytes);
        _memory = new ReadBuffer(run.BufferBytes);
        foreach (ComputePeak peak in ComputePeak.All(_operands))
            _peaks.Add((peak, new Contender($"ceiling: {peak.Name}", () => _pool.Run(new ComputePeak.OnEach(peak), _pool.Threads * ItemsPerThread))));
        Read = new Contender(ReadName, () => _memory.ReadSlice(_pool));
    }

    public Contender Read { get; }

    /// <summary>Memory larger than the caches, for rotations: what is used again only after so many bytes comes from memory.</summary>
    public long BufferBytes => _memory.Bytes;

    /// <summary>The peaks of these formats, where the machine has them, and reading.</summary>
    public IEnumerable<Contender> Contenders(params DotFormat[] formats) => [.. _peaks.Where(p => formats.Contains(p.Peak.Format)).Select(p => p.Contender), Read];

    public bool Has(DotFormat format) => _peaks.Any(p => p.Peak.Format == format);

    /// <summary>Operations per second on all threads, as measured in a race; NaN if the machine has no such peak.</summary>
    public double Operations(RaceTimes times, DotFormat format) => Fastest(times, format) is { } fastest ? Work(fastest.Peak) / times.Median(fastest.Contender.Name) : double.NaN;

    /// <summary>Operations per second in the fastest of the formats.</summary>
    public double Operations(RaceTimes times, params ReadOnlySpan<DotFormat> formats)
    {
        double most = double.NaN;
        foreach (DotFormat format in formats)
            if (Operations(times, format) is var rate && !(rate <= most)) most = double.IsNaN(rate) ? most : rate;
        return most;
    }

    /// <summary>The share of the peak that a contender with so many operations reached; NaN if the machine has no such peak.</summary>
    public double ShareOfPeak(RaceTimes times, string contender, double operations, DotFormat format) =>
        Fastest(times, format) is { } fastest ? operations / Work(fastest.Peak) * times.Ratio(fastest.Contender.Name, contender) : double.NaN;

    /// <summary>Bytes read per second on all threads.</summary>
    public double BytesPerSecond(RaceTimes times) => _memory.SliceBytes / times.Median(ReadName);

    /// <summary>The share of the read bandwidth that a contender reached which moves so many bytes.</summary>
    public double ShareOfBandwidth(RaceTimes times, string contender, double bytes) => bytes / _memory.SliceBytes * times.Ratio(ReadName, contender);

    public void Dispose()
    {
        _pool.Dispose();
        _operands.Dispose();
        _memory.Dispose();
    }

    private double Work(ComputePeak peak) => peak.OperationsPerRun * _pool.Threads * ItemsPerThread;

    private (ComputePeak Peak, Contender Contender)? Fastest(RaceTimes times, DotFormat format)
    {
        (ComputePeak Peak, Contender Contender)? fastest = null;
        foreach ((ComputePeak peak, Contender contender) in _peaks)
        {
            if (peak.Format != format || !times.Has(contender.Name)) continue;
            if (fastest is not { } other || Work(peak) / times.Median(contender.Name) > Work(other.Peak) / times.Median(other.Contender.Name)) fastest = (peak, contender);
        }
        return fastest;
    }
}
