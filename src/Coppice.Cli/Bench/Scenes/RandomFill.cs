using System.Numerics;
using System.Runtime.InteropServices;
using Coppice.KvCache;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Random numbers in bulk: speed does not depend on the values, only on their being ordinary ones.</summary>
internal static unsafe class RandomFill
{
    private const int PoolFloats = 1 << 16;
    private static readonly float[] Pool = MakePool();
    private static readonly byte[] BytePool = MakeBytes();

    /// <summary>Numbers in [-scale, scale]; the same <paramref name="seed"/> gives the same ones.</summary>
    public static void Floats(Span<float> numbers, int seed, float scale = 1)
    {
        int at = (int)((uint)seed * 2654435761u % PoolFloats);
        while (numbers.Length > 0)
        {
            int some = Math.Min(numbers.Length, PoolFloats - at);
            Pool.AsSpan(at, some).CopyTo(numbers);
            if (scale != 1) Scale(numbers[..some], scale);
            numbers = numbers[some..];
            at = 0;
        }
    }

    /// <summary>Bytes in which any two are a half of ordinary size, as the scales of quantised blocks must be. At most 64 Ki.</summary>
    public static ReadOnlySpan<byte> Bytes(int count, int seed) => BytePool.AsSpan((int)((uint)seed * 2654435761u % (uint)(BytePool.Length - count)), count);

    /// <summary>Fills every page of every layer and head; of page 0 the keys, which nothing looks at.</summary>
    public static void Pages(KvPages kv)
    {
        KvLayout layout = kv.Layout;
        for (int layer = 0; layer < layout.Layers; layer++)
        {
            for (int head = 0; head < layout.KvHeads; head++)
            {
                Elements(kv.Keys(layer, head, 0), kv.HeadKeyBytes, layout.Format, layer * 64 + head);
                Elements(kv.Values(layer, head, 1), (kv.PageCount - 1L) * layout.ValuePageBytes, layout.Format, 7 + layer * 64 + head);
                if (layout.KeyRows) Elements(kv.KeyRow(layer, head, 1, 0), (kv.PageCount - 1L) * layout.KeyRowPageBytes, layout.Format, layer * 64 + head);
                if (layout.ValueSums) Elements((byte*)kv.ValueSum(layer, head, 1), (kv.PageCount - 1L) * layout.ValueSumBytes, KvFormat.F32, 11 + layer * 64 + head);
            }
        }
    }

    private static void Elements(byte* memory, long bytes, KvFormat format, int seed)
    {
        const long pieceBytes = 1L << 28;
        for (long done = 0; done < bytes; done += pieceBytes)
        {
            var piece = new Span<byte>(memory + done, (int)Math.Min(pieceBytes, bytes - done));
            Span<float> floats = MemoryMarshal.Cast<byte, float>(piece);
            Floats(floats, seed);
            if (format == KvFormat.F32) continue;
            // A float's upper half is a bf16 of ordinary size; its lower half may be anything, so it gets the upper one's bits.
            Span<uint> bits = MemoryMarshal.Cast<byte, uint>(piece);
            for (int i = 0; i < bits.Length; i++) bits[i] = (bits[i] & 0xFFFF0000) | (bits[i] >> 16);
        }
    }

    private static void Scale(Span<float> numbers, float scale)
    {
        Span<Vector<float>> vectors = MemoryMarshal.Cast<float, Vector<float>>(numbers);
        for (int i = 0; i < vectors.Length; i++) vectors[i] *= scale;
        for (int i = vectors.Length * Vector<float>.Count; i < numbers.Length; i++) numbers[i] *= scale;
    }

    private static byte[] MakeBytes()
    {
        byte[] pool = new byte[1 << 20];
        new Random(2).NextBytes(pool);
        // Without the highest bit of its exponent a half is below 2.
        for (int i = 0; i < pool.Length; i++) pool[i] &= 0xBF;
        return pool;
    }

    private static float[] MakePool()
    {
        var random = new Random(1);
        float[] pool = new float[PoolFloats];
        for (int i = 0; i < pool.Length; i++) pool[i] = (float)(random.NextDouble() * 2 - 1);
        return pool;
    }
}
