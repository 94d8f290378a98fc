using Coppice.Memory;

namespace Coppice.Bench;

/// <summary>Native memory with random numbers in [-1, 1].</summary>
internal static unsafe class Operands
{
    public static AlignedBuffer Random(long floats, int seed)
    {
        var random = new Random(seed);
        var buffer = new AlignedBuffer(floats * sizeof(float));
        for (long i = 0; i < floats; i++) buffer.Floats[i] = (float)(random.NextDouble() * 2 - 1);
        return buffer;
    }
}
