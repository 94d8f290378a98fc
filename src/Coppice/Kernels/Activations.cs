using System.Runtime.CompilerServices;

namespace Coppice.Kernels;

/// <summary>x / (1 + e^-x).  (Elfwing et al. 2017)</summary>
internal readonly struct Silu : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float x) => x / (1f + Exp2.Of(x * -Exp2.Log2E));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of<V>(V x) where V : struct, ILanes<V> => x / (V.Broadcast(1f) + Exp2.Of(x * V.Broadcast(-Exp2.Log2E)));
}

/// <summary>x / 2 · (1 + tanh(u)) with u = √(2/π) · (x + 0.044715 x³), which is x / (1 + e^-2u).  (Hendrycks &amp; Gimpel 2016)</summary>
internal readonly struct GeluTanh : IUnary
{
    // -2 · √(2/π) · log2(e), and that times 0.044715.
    private const float Linear = -2.3022082f, Cubic = -0.10294324f;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float x) => x / (1f + Exp2.Of(x * MathF.FusedMultiplyAdd(x * x, Cubic, Linear)));

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of<V>(V x) where V : struct, ILanes<V> => x / (V.Broadcast(1f) + Exp2.Of(x * V.Fma(x * x, V.Broadcast(Cubic), V.Broadcast(Linear))));
}

/// <summary>
/// x · Φ(x), with Φ of the normal distribution.  (Hendrycks &amp; Gimpel 2016)  For x below 0, Φ(x) is (a1 t + … + a5 t⁵) · e^(-x²/2) / 2 with
/// t = 1 / (1 + p |x| / √2), and 1 - Φ(|x|) above: within 7.5e-8 (Abramowitz &amp; Stegun 1964, 7.1.26).
/// </summary>
internal readonly struct Gelu : IUnary
{
    // p / √2; a1 to a5, halved; -log2(e) / 2.
    private const float P = 0.3275911f * 0.70710678f, A1 = 0.254829592f / 2, A2 = -0.284496736f / 2, A3 = 1.421413741f / 2, A4 = -1.453152027f / 2, A5 = 1.061405429f / 2;
    private const float Half = -0.5f * Exp2.Log2E;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float x)
    {
        float magnitude = ScalarMath.Max(x, -x), t = 1f / MathF.FusedMultiplyAdd(magnitude, P, 1f);
        float p = MathF.FusedMultiplyAdd(A5, t, A4);
        p = MathF.FusedMultiplyAdd(p, t, A3);
        p = MathF.FusedMultiplyAdd(p, t, A2);
        p = MathF.FusedMultiplyAdd(p, t, A1);
        float tail = p * t * Exp2.Of(x * x * Half);
        return x * (x < 0f ? tail : 1f - tail);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of<V>(V x) where V : struct, ILanes<V>
    {
        V magnitude = V.Max(x, V.Zero - x), t = V.Broadcast(1f) / V.Fma(magnitude, V.Broadcast(P), V.Broadcast(1f));
        V p = V.Fma(V.Broadcast(A5), t, V.Broadcast(A4));
        p = V.Fma(p, t, V.Broadcast(A3));
        p = V.Fma(p, t, V.Broadcast(A2));
        p = V.Fma(p, t, V.Broadcast(A1));
        V tail = p * t * Exp2.Of(x * x * V.Broadcast(Half));
        return x * V.WhereLess(x, V.Zero, tail, V.Broadcast(1f) - tail);
    }
}

/// <summary>f(gate) · up.  (Shazeer 2020)</summary>
internal readonly struct Gated<TActivation> : IBinary where TActivation : struct, IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float gate, float up) => default(TActivation).Of(gate) * up;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V gate, V up) where V : struct, ILanes<V> => default(TActivation).Of(gate) * up;
}

/// <summary>x · factor.</summary>
internal readonly struct Times(float factor) : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float x) => x * factor;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of<V>(V x) where V : struct, ILanes<V> => x * V.Broadcast(factor);
}

/// <summary>cap · tanh(x / cap).  (arXiv 2408.00118)</summary>
internal readonly struct SoftCap(float cap) : IUnary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public float Of(float x) => cap * Tanh.Of(x / cap);

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public V Of<V>(V x) where V : struct, ILanes<V> => V.Broadcast(cap) * Tanh.Of(x / V.Broadcast(cap));
}
