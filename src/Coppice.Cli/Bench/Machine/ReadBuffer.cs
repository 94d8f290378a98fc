using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Machine;

/// <summary>Memory larger than the caches, read in slices one after another, so that each slice has left the caches when it is read again.</summary>
internal sealed unsafe class ReadBuffer : IDisposable
{
    private const long ItemBytes = 1L << 20, MostSliceBytes = 64L << 20, MostBytes = 1L << 30, LeastBytes = 8L << 20;

    private readonly AlignedBuffer _memory;
    private readonly long _slices;
    private long _next;

    public ReadBuffer(long bytes)
    {
        SliceBytes = Math.Clamp(bytes / 8 / ItemBytes * ItemBytes, ItemBytes, MostSliceBytes);
        _slices = Math.Max(1, bytes / SliceBytes);
        _memory = new AlignedBuffer(_slices * SliceBytes);
    }

    /// <summary>Read by one <see cref="ReadSlice"/>.</summary>
    public long SliceBytes { get; }

    public long Bytes => _memory.Bytes;

    /// <summary>Twice the last cache, within what the memory bears.</summary>
    public static long DefaultBytes(MachineInfo machine) => Math.Clamp(2 * machine.LastCacheBytes, LeastBytes, Math.Max(LeastBytes, Math.Min(MostBytes, machine.MemoryBytes / 8)));

    public void ReadSlice(WorkerPool pool)
    {
        float* slice = _memory.Floats + _next * (SliceBytes / sizeof(float));
        _next = (_next + 1) % _slices;
        pool.Run(new Read(slice), (int)(SliceBytes / ItemBytes));
    }

    public void Dispose() => _memory.Dispose();

    private readonly struct Read(float* slice) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            float* from = slice + item * (ItemBytes / sizeof(float));
            if (Isa.Width >= 512) Sum<F512>(from);
            else if (Isa.Width >= 256) Sum<F256>(from);
            else Sum<F128>(from);
        }

        private static void Sum<V>(float* x) where V : struct, ILanes<V>
        {
            V a = V.Zero, b = V.Zero, c = V.Zero, d = V.Zero;
            for (float* end = x + ItemBytes / sizeof(float); x < end; x += 4 * V.Count)
            {
                a += V.Load(x);
                b += V.Load(x + V.Count);
                c += V.Load(x + 2 * V.Count);
                d += V.Load(x + 3 * V.Count);
            }
            float* all = stackalloc float[16];
            V.Store(a + b + c + d, all);
            ComputePeak.Sink = all[0];
        }
    }
}
