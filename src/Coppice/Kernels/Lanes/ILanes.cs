using System.Runtime.Intrinsics;

namespace Coppice.Kernels;

/// <summary>
/// A vector of floats, so that a kernel is written once for 128, 256 and 512 bits: the JIT makes one body per implementing struct.
/// Every operation is exactly rounded (or exact), lane by lane, so a lane has the same bits at every width and in scalar code.
/// </summary>
internal interface ILanes<V> where V : struct, ILanes<V>
{
    /// <summary>Floats in a vector: 4, 8 or 16.</summary>
    static abstract int Count { get; }

    static abstract V Zero { get; }
    static abstract V Broadcast(float x);
    static abstract unsafe V Load(float* p);
    static abstract unsafe void Store(V x, float* p);

    static abstract V operator +(V a, V b);
    static abstract V operator -(V a, V b);
    static abstract V operator *(V a, V b);
    static abstract V operator /(V a, V b);

    /// <summary>a · b + c, rounded once.</summary>
    static abstract V Fma(V a, V b, V c);

    /// <summary>a &gt; b ? a : b. Which operand a NaN gives is the hardware's choice.</summary>
    static abstract V Max(V a, V b);

    /// <summary>a &lt; b ? a : b. Which operand a NaN gives is the hardware's choice.</summary>
    static abstract V Min(V a, V b);

    /// <summary>Lanes of <paramref name="yes"/> where a &lt; b, else of <paramref name="no"/>; false for NaN.</summary>
    static abstract V WhereLess(V a, V b, V yes, V no);

    /// <summary>True if a &gt; b in some lane; a NaN is not.</summary>
    static abstract bool AnyGreater(V a, V b);

    /// <summary>x · 2^n where x is about 1 and <paramref name="shifted"/> = 1.5 · 2^23 + n: adds n to the exponent bits.</summary>
    static abstract V AddExponent(V x, V shifted);

    /// <summary>Lanes (1, 0, 3, 2, …).</summary>
    static abstract V SwapPairs(V x);

    /// <summary>The first half of the tree over 16 lanes held in order by 16 / <see cref="Count"/> vectors (the others are ignored): 16 → 8 → 4.</summary>
    static abstract Vector128<float> FoldSum(V x0, V x1, V x2, V x3);

    /// <summary>As <see cref="FoldSum"/>, with <see cref="Max"/>.</summary>
    static abstract Vector128<float> FoldMax(V x0, V x1, V x2, V x3);
}
