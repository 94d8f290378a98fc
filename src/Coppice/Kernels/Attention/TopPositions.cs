using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The places of the k largest of n numbers, ascending; among equals the first ones. Numbers below zero and NaN count as zero, and
/// become it.  x: [n]; chosen: [min(k, n)].
/// </summary>
/// <remarks>
/// Not a sort: the k-th largest is found by bisection on its bits, each time counting how many are as large, which ends as soon
/// as exactly k are. Comparing bits as integers is comparing numbers that are not negative. Once no more than k are in doubt they are
/// copied out, and only they are counted.
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
        for (int i = 0; i < n; i++) x[i] = x[i] > 0 ? x[i] : 0f;
        float[] values = new ReadOnlySpan<float>(x, n).ToArray();
        IEnumerable<int> best = Enumerable.Range(0, n).OrderByDescending(i => values[i]).ThenBy(i => i).Take(k).Order();
        foreach (int i in best) *chosen++ = i;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Simd(float* x, int n, int k, int* chosen)
    {
        int* bits = (int*)x;
        // [least, beyond): of bits that at least k numbers reach, and of bits that fewer do.
        (int least, int beyond) = Clean(x, n);
        beyond++;
        int reached = n, above = 0, doubtful = 0, aboveDoubt = 0;
        while (reached != k && beyond - least > 1)
        {
            if (doubtful == 0 && reached - above <= k)
            {
                doubtful = CopyOut(bits, n, least, beyond, chosen);
                aboveDoubt = above;
            }

            int middle = least + (beyond - least) / 2;
            int count = doubtful > 0 ? aboveDoubt + Count(chosen, doubtful, middle) : Count(bits, n, middle);
            if (count >= k) (least, reached) = (middle, count);
            else (beyond, above) = (middle, count);
        }

        // All that are larger than the k-th, and the first of those that equal it.
        int equals = k - above;
        for (int i = 0; i < n; i += Lanes)
        {
            uint some = AtLeast(bits, n, i, least);
            if (some == 0) continue;
            uint larger = reached == k ? some : AtLeast(bits, n, i, least + 1);
            for (; some != 0; some &= some - 1)
            {
                int lane = BitOperations.TrailingZeroCount(some);
                if ((larger >> lane & 1) == 0 && equals-- <= 0) continue;
                *chosen++ = i + lane;
            }
        }
    }

    /// <summary>Makes zeros of what is not above zero; the least and the largest bits.</summary>
    private static (int Least, int Most) Clean(float* x, int n)
    {
        Vector512<int> least = Vector512.Create(int.MaxValue), most = Vector512<int>.Zero;
        int i = 0;
        for (; i + Lanes <= n; i += Lanes)
        {
            Vector512<float> value = Vector512.Load(x + i);
            Vector512<int> bits = value.AsInt32() & Vector512.GreaterThan(value, Vector512<float>.Zero).AsInt32();     // false for NaN
            bits.Store((int*)x + i);
            least = Vector512.Min(least, bits);
            most = Vector512.Max(most, bits);
        }

        int* lanes = stackalloc int[2 * Lanes];
        least.Store(lanes);
        most.Store(lanes + Lanes);
        (int min, int max) = (int.MaxValue, 0);
        for (int lane = 0; lane < Lanes; lane++) (min, max) = (Math.Min(min, lanes[lane]), Math.Max(max, lanes[Lanes + lane]));
        for (; i < n; i++)
        {
            x[i] = x[i] > 0 ? x[i] : 0f;
            (min, max) = (Math.Min(min, ((int*)x)[i]), Math.Max(max, ((int*)x)[i]));
        }

        return (min, max);
    }

    /// <summary>Of the numbers those in [<paramref name="least"/>, <paramref name="beyond"/>).</summary>
    private static int CopyOut(int* bits, int n, int least, int beyond, int* some)
    {
        int count = 0;
        for (int i = 0; i < n; i += Lanes)
            for (uint mask = AtLeast(bits, n, i, least) & ~AtLeast(bits, n, i, beyond); mask != 0; mask &= mask - 1)
                some[count++] = bits[i + BitOperations.TrailingZeroCount(mask)];
        return count;
    }

    private static int Count(int* bits, int n, int floor)
    {
        Vector512<int> from = Vector512.Create(floor);
        int count = 0, i = 0;
        for (; i + 4 * Lanes <= n; i += 4 * Lanes)
        {
            count += Ones(Vector512.Load(bits + i), from) + Ones(Vector512.Load(bits + i + Lanes), from)
                + Ones(Vector512.Load(bits + i + 2 * Lanes), from) + Ones(Vector512.Load(bits + i + 3 * Lanes), from);
        }

        for (; i < n; i += Lanes) count += BitOperations.PopCount(AtLeast(bits, n, i, floor));
        return count;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Ones(Vector512<int> bits, Vector512<int> from) => BitOperations.PopCount((uint)Vector512.ExtractMostSignificantBits(Vector512.GreaterThanOrEqual(bits, from)));

    /// <summary>Which of the up to 16 numbers from <paramref name="i"/> on reach a floor.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static uint AtLeast(int* bits, int n, int i, int floor)
    {
        if (i + Lanes <= n) return (uint)Vector512.ExtractMostSignificantBits(Vector512.GreaterThanOrEqual(Vector512.Load(bits + i), Vector512.Create(floor)));
        uint mask = 0;
        for (int lane = 0; i + lane < n; lane++)
            if (bits[i + lane] >= floor) mask |= 1u << lane;
        return mask;
    }
}
