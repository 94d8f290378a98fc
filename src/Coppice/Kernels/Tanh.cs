using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>
/// y[i] = tanh(x[i]). x, y: [n]; y may alias x. Off by less than 5e-7 of the result: what attention's soft cap needs, a few times what
/// rounding the score does. ±1 at and beyond what rounds to it, NaN stays NaN.
/// </summary>
/// <remarks>1 - 2 / (e^2x + 1); near 0, where that cancels, the Taylor series.</remarks>
internal static unsafe class Tanh
{
    private const float TwoLog2E = 2.885390081777927f;

    /// <summary>0.35²: the series ends at x^11, and what it leaves out is below 2e-8 there.</summary>
    private const float Near = 0.1225f;

    private const float C3 = -1f / 3, C5 = 2f / 15, C7 = -17f / 315, C9 = 62f / 2835, C11 = -1382f / 155925;

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

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Simd<V>(ReadOnlySpan<float> x, Span<float> y) where V : struct, ILanes<V>
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
        {
            int i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(Of(V.Load(px + i)), py + i);
            for (; i < x.Length; i++) py[i] = Of(px[i]);
        }
    }

    /// <summary>tanh of one number.</summary>
    public static float Of(float x)
    {
        float square = x * x;
        if (square < Near)
        {
            float series = MathF.FusedMultiplyAdd(C11, square, C9);
            series = MathF.FusedMultiplyAdd(series, square, C7);
            series = MathF.FusedMultiplyAdd(series, square, C5);
            series = MathF.FusedMultiplyAdd(series, square, C3);
            return MathF.FusedMultiplyAdd(series * square, x, x);
        }

        return 1f - 2f / (Exp2.Of(x * TwoLog2E) + 1f);
    }

    /// <summary>tanh of every lane: the bits of the scalar form.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V x) where V : struct, ILanes<V>
    {
        V square = x * x, one = V.Broadcast(1f);
        V series = V.Fma(V.Broadcast(C11), square, V.Broadcast(C9));
        series = V.Fma(series, square, V.Broadcast(C7));
        series = V.Fma(series, square, V.Broadcast(C5));
        series = V.Fma(series, square, V.Broadcast(C3));
        V near = V.Fma(series * square, x, x), far = one - V.Broadcast(2f) / (Exp2.Of(x * V.Broadcast(TwoLog2E)) + one);
        return V.WhereLess(square, V.Broadcast(Near), near, far);
    }
}
