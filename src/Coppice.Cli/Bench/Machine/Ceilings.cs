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

    /// <param name="threads">Threads of the pool.</param>
    /// <param name="bytes">Of the buffer that is read.</param>
    public Ceilings(int threads, long bytes)
    {
        _pool = new WorkerPool(threads);
        _operands = new AlignedBuffer(threads * ComputePeak.OperandBytes);
        _memory = new ReadBuffer(bytes);
        IReadOnlyList<ComputePeak> all = ComputePeak.All(_operands);
        foreach (DotFormat format in Enum.GetValues<DotFormat>())
        {
            // The last of a format is the emitted one, where there is one; else the widest managed one.
            ComputePeak? peak = all.LastOrDefault(p => p.Format == format && p.Name.EndsWith("emitted", StringComparison.Ordinal)) ?? all.FirstOrDefault(p => p.Format == format);
            if (peak is not null) _peaks.Add((peak, new Contender($"ceiling: {peak.Name}", () => _pool.Run(new ComputePeak.OnEach(peak), _pool.Threads * ItemsPerThread))));
        }
        Read = new Contender(ReadName, () => _memory.ReadSlice(_pool));
    }

    public Contender Read { get; }

    /// <summary>Memory larger than the caches, for rotations: what is used again only after so many bytes comes from memory.</summary>
    public long BufferBytes => _memory.Bytes;

    /// <summary>The peaks of these formats, where the machine has them, and reading.</summary>
    public IEnumerable<Contender> Contenders(params DotFormat[] formats) => [.. _peaks.Where(p => formats.Contains(p.Peak.Format)).Select(p => p.Contender), Read];

    /// <summary>Operations per second on all threads, as measured in a race; NaN if the machine has no such peak or the race did not hold it.</summary>
    public double Operations(RaceTimes times, DotFormat format)
    {
        foreach ((ComputePeak peak, Contender contender) in _peaks)
            if (peak.Format == format) return peak.OperationsPerRun * _pool.Threads * ItemsPerThread / times.Median(contender.Name);
        return double.NaN;
    }

    /// <summary>Bytes read per second on all threads.</summary>
    public double BytesPerSecond(RaceTimes times) => _memory.SliceBytes / times.Median(ReadName);

    public void Dispose()
    {
        _pool.Dispose();
        _operands.Dispose();
        _memory.Dispose();
    }
}
