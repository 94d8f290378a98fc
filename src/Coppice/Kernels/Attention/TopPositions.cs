using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The places of the k largest of n numbers, ascending; among equals the first ones. Numbers below zero and NaN count as zero.
/// x: [n]; chosen: [min(k, n)].
/// </summary>
/// <remarks>
/// Not a sort: the k-th largest is found by bisection on its bits, each time counting how many are as large, which ends as soon
/// as exactly k are. Comparing bits as integers is comparing numbers that are not negative.
/// </remarks>
internal static unsafe class TopPositions
{
    private const int Lanes = 16;

    public static void Run(float* x, int n, int k, int* chosen)
    {
        if (k <= 0) return;
        if (k >= n)
        {
            for (int i = 0; i < n; i++) chosen[i] = i;
        }
        else if (Isa.Width >= 128)
        {
            Simd(x, n, k, chosen);
        }
        else
        {
            Reference(x, n, k, chosen);
        }
    }

    /// <summary>The definition.</summary>
    public static void Reference(float* x, int n, int k, int* chosen)
    {
        float[] values = new ReadOnlySpan<float>(x, n).ToArray();
        IEnumerable<int> best = Enumerable.Range(0, n).OrderByDescending(i => values[i] > 0 ? values[i] : 0f).ThenBy(i => i).Take(k).Order();
        foreach (int i in best) *chosen++ = i;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Simd(float* x, int n, int k, int* chosen)
    {
        // [least, beyond): of bits that at least k numbers reach, and of bits that fewer do.
        int least = 0, beyond = Top(x, n) + 1, reached = n, above = 0;
        while (reached != k && beyond - least > 1)
        {
            int middle = least + (beyond - least) / 2, count = Count(x, n, middle);
            if (count >= k) (least, reached) = (middle, count);
            else (beyond, above) = (middle, count);
        }

        // All that are larger than the k-th, and the first of those that equal it.
        int equals = k - above;
        Vector512<int> floor = Vector512.Create(least);
        for (int i = 0; i < n; i += Lanes)
        {
            Vector512<int> bits = Bits(x, n, i);
            ulong some = Vector512.ExtractMostSignificantBits(Vector512.GreaterThanOrEqual(bits, floor)) & Inside(n, i);
            ulong same = Vector512.ExtractMostSignificantBits(Vector512.Equals(bits, floor));
            for (; some != 0; some &= some - 1)
            {
                int lane = BitOperations.TrailingZeroCount(some);
                if (reached != k && (same >> lane & 1) != 0 && equals-- <= 0) continue;
                *chosen++ = i + lane;
            }
        }
    }

    private static int Top(float* x, int n)
    {
        Vector512<int> top = Vector512<int>.Zero;
        for (int i = 0; i < n; i += Lanes) top = Vector512.Max(top, Bits(x, n, i));
        int max = 0;
        for (int lane = 0; lane < Lanes; lane++) max = Math.Max(max, top[lane]);
        return max;
    }

    private static int Count(float* x, int n, int floor)
    {
        Vector512<int> from = Vector512.Create(floor), count0 = Vector512<int>.Zero, count1 = count0;
        int i = 0;
        for (; i + 2 * Lanes <= n; i += 2 * Lanes)
        {
            count0 -= Vector512.GreaterThanOrEqual(Positive(x + i), from);
            count1 -= Vector512.GreaterThanOrEqual(Positive(x + i + Lanes), from);
        }

        int count = Vector512.Sum(count0 + count1);
        for (; i < n; i += Lanes) count += BitOperations.PopCount(Vector512.ExtractMostSignificantBits(Vector512.GreaterThanOrEqual(Bits(x, n, i), from)) & Inside(n, i));
        return count;
    }

    private static ulong Inside(int n, int i) => n - i >= Lanes ? 0xFFFF : (1UL << (n - i)) - 1;

    private static Vector512<int> Bits(float* x, int n, int i)
    {
        if (n - i >= Lanes) return Positive(x + i);
        float* tail = stackalloc float[Lanes];
        new Span<float>(tail, Lanes).Clear();
        new ReadOnlySpan<float>(x + i, n - i).CopyTo(new Span<float>(tail, Lanes));
        return Positive(tail);
    }

    // Greater than zero is false for NaN.
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static Vector512<int> Positive(float* x)
    {
        Vector512<float> value = Vector512.Load(x);
        return value.AsInt32() & Vector512.GreaterThan(value, Vector512<float>.Zero).AsInt32();
    }
}
