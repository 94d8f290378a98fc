using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>
/// y[i] = 2^x[i], the one exponential of the program. x, y: [n]; y may alias x.
/// Exact at integers; below 1 ulp off elsewhere; 0 under -126 (no denormals), +inf from 128 on, NaN stays NaN.
/// </summary>
/// <remarks>
/// x = n + f with f in [-1/2, 1/2]; 2^f is a minimax polynomial whose constant is 1, so that 2^0 is 1; n goes into the exponent bits.
/// Adding and subtracting 1.5 · 2^23 rounds to an integer and leaves it in the low bits.
/// </remarks>
internal static unsafe class Exp2
{
    /// <summary>log2(e): e^x = 2^(x · Log2E).</summary>
    public const float Log2E = 1.442695040888963f;

    private const float Shift = 12582912f;
    private const float Lowest = -126f;
    private const float Highest = 128f;
    private const float C1 = 0.69314718246459960f;
    private const float C2 = 0.24022652208805084f;
    private const float C3 = 0.055503372102975845f;
    private const float C4 = 0.009617879055440426f;
    private const float C5 = 0.0013396813301369548f;
    private const float C6 = 0.00015527167124673724f;

    public static void Run(ReadOnlySpan<float> x, Span<float> y)
    {
        Shape.Same(x.Length, y.Length);
        if (Isa.Width >= 512) Simd<F512>(x, y);
        else if (Isa.Width >= 256) Simd<F256>(x, y);
        else if (Isa.Width >= 128) Simd<F128>(x, y);
        else Reference(x, y);
    }

    /// <summary>The definition, element by element.</summary>
    public static void Reference(ReadOnlySpan<float> x, Span<float> y)
    {
        for (int i = 0; i < x.Length; i++) y[i] = Of(x[i]);
    }

    internal static void Simd<V>(ReadOnlySpan<float> x, Span<float> y) where V : struct, ILanes<V>
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
        {
            int i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(Of(V.Load(px + i)), py + i);
            for (; i < x.Length; i++) py[i] = Of(px[i]);
        }
    }

    /// <summary>2^x of one number.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float x)
    {
        float shifted = x + Shift;
        float f = x - (shifted - Shift);
        float p = MathF.FusedMultiplyAdd(C6, f, C5);
        p = MathF.FusedMultiplyAdd(p, f, C4);
        p = MathF.FusedMultiplyAdd(p, f, C3);
        p = MathF.FusedMultiplyAdd(p, f, C2);
        p = MathF.FusedMultiplyAdd(p, f, C1);
        p = MathF.FusedMultiplyAdd(p, f, 1f);
        p = BitConverter.Int32BitsToSingle(BitConverter.SingleToInt32Bits(p) + (BitConverter.SingleToInt32Bits(shifted) << 23));
        p = x < Highest ? p : x + float.PositiveInfinity;
        return x < Lowest ? 0f : p;
    }

    /// <summary>2^x of every lane: the bits of the scalar form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V x) where V : struct, ILanes<V>
    {
        V p = V.WhereLess(x, V.Broadcast(Highest), InRange(x), x + V.Broadcast(float.PositiveInfinity));
        return V.WhereLess(x, V.Broadcast(Lowest), V.Zero, p);
    }

    /// <summary>2^x for x that is below 128 and no NaN, as a score minus the maximum is: the same bits without the upper check.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V OfBelow128<V>(V x) where V : struct, ILanes<V> => V.WhereLess(x, V.Broadcast(Lowest), V.Zero, InRange(x));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V InRange<V>(V x) where V : struct, ILanes<V>
    {
        V shifted = x + V.Broadcast(Shift);
        V f = x - (shifted - V.Broadcast(Shift));
        V p = V.Fma(V.Broadcast(C6), f, V.Broadcast(C5));
        p = V.Fma(p, f, V.Broadcast(C4));
        p = V.Fma(p, f, V.Broadcast(C3));
        p = V.Fma(p, f, V.Broadcast(C2));
        p = V.Fma(p, f, V.Broadcast(C1));
        p = V.Fma(p, f, V.Broadcast(1f));
        return V.AddExponent(p, shifted);
    }
}
