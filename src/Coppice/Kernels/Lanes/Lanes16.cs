using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.Kernels;

/// <summary>
/// Sixteen running sums (or maxima), the same ones at every width: element i of a row belongs to lane i mod 16, and the lanes fold in
/// one fixed tree, i with i + 8, then i + 4, i + 2, i + 1. That is what keeps a reduction's bits independent of the instruction set.
/// </summary>
internal static unsafe class Lanes16
{
    public const int Count = 16;

    /// <summary>The last steps of the tree, 4 → 2 → 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Sum(Vector128<float> x4) => (x4[0] + x4[2]) + (x4[1] + x4[3]);

    /// <summary>The last steps of the tree, 4 → 2 → 1.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(Vector128<float> x4) => ScalarMath.Max(ScalarMath.Max(x4[0], x4[2]), ScalarMath.Max(x4[1], x4[3]));

    /// <summary>Σ x², x: [count]. What is missing of the last 16 counts as zeros.</summary>
    public static float SumOfSquares<V>(float* x, int count) where V : struct, ILanes<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        float* tail = stackalloc float[Count];
        for (int i = 0; i < count; i += Count)
        {
            float* at = x + i;
            if (count - i < Count)
            {
                new Span<float>(tail, Count).Clear();
                new ReadOnlySpan<float>(at, count - i).CopyTo(new Span<float>(tail, Count));
                at = tail;
            }
            s0 = Square(at, s0);
            if (V.Count < 16) s1 = Square(at + V.Count, s1);
            if (V.Count < 8)
            {
                s2 = Square(at + 2 * V.Count, s2);
                s3 = Square(at + 3 * V.Count, s3);
            }
        }
        return Sum(V.FoldSum(s0, s1, s2, s3));
    }

    /// <summary>Σ x, x: [count]. What is missing of the last 16 counts as zeros.</summary>
    public static float Sum<V>(float* x, int count) where V : struct, ILanes<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        float* tail = stackalloc float[Count];
        for (int i = 0; i < count; i += Count)
        {
            float* at = x + i;
            if (count - i < Count)
            {
                new Span<float>(tail, Count).Clear();
                new ReadOnlySpan<float>(at, count - i).CopyTo(new Span<float>(tail, Count));
                at = tail;
            }
            s0 += V.Load(at);
            if (V.Count < 16) s1 += V.Load(at + V.Count);
            if (V.Count < 8)
            {
                s2 += V.Load(at + 2 * V.Count);
                s3 += V.Load(at + 3 * V.Count);
            }
        }
        return Sum(V.FoldSum(s0, s1, s2, s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Square<V>(float* x, V sum) where V : struct, ILanes<V> => V.Fma(V.Load(x), V.Load(x), sum);

    /// <summary>The whole tree in scalar code. Overwrites <paramref name="lanes"/>, 16 of them.</summary>
    public static float ReferenceSum(Span<float> lanes)
    {
        for (int half = Count / 2; half > 0; half /= 2)
            for (int i = 0; i < half; i++) lanes[i] += lanes[i + half];
        return lanes[0];
    }
}

/// <summary>Scalar forms with the bits of their vector forms in <see cref="ILanes{V}"/>.</summary>
internal static class ScalarMath
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Max(float a, float b) => a > b ? a : b;
}
