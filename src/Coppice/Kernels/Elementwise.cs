using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>A function of two numbers, in scalar and vector form with the same bits.</summary>
internal interface IBinary
{
    static abstract float Of(float a, float b);
    static abstract V Of<V>(V a, V b) where V : struct, ILanes<V>;
}

/// <summary>y[i] = f(a[i], b[i]).  a, b, y: [n]; y may be a or b.</summary>
internal static unsafe class Elementwise
{
    public static void Apply<TOperation>(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) where TOperation : struct, IBinary
    {
        Shape.Same(a.Length, b.Length);
        Shape.Same(a.Length, y.Length);
        if (Isa.Width >= 512) Simd<F512, TOperation>(a, b, y);
        else if (Isa.Width >= 256) Simd<F256, TOperation>(a, b, y);
        else if (Isa.Width >= 128) Simd<F128, TOperation>(a, b, y);
        else Reference<TOperation>(a, b, y);
    }

    /// <summary>The definition.</summary>
    public static void Reference<TOperation>(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) where TOperation : struct, IBinary
    {
        for (int i = 0; i < a.Length; i++) y[i] = TOperation.Of(a[i], b[i]);
    }

    internal static void Simd<V, TOperation>(ReadOnlySpan<float> a, ReadOnlySpan<float> b, Span<float> y) where V : struct, ILanes<V> where TOperation : struct, IBinary
    {
        fixed (float* pa = &MemoryMarshal.GetReference(a), pb = &MemoryMarshal.GetReference(b), py = &MemoryMarshal.GetReference(y))
        {
            int i = 0;
            for (; i <= a.Length - V.Count; i += V.Count) V.Store(TOperation.Of(V.Load(pa + i), V.Load(pb + i)), py + i);
            for (; i < a.Length; i++) py[i] = TOperation.Of(pa[i], pb[i]);
        }
    }
}

/// <summary>a + b: a block's output onto the residual stream.</summary>
internal readonly struct Add : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float a, float b) => a + b;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V a, V b) where V : struct, ILanes<V> => a + b;
}

/// <summary>silu(gate) · up, with silu(g) = g / (1 + e^-g).  (Shazeer 2020)</summary>
internal readonly struct SwiGlu : IBinary
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static float Of(float gate, float up) => gate / (1f + Exp2.Of(gate * -Exp2.Log2E)) * up;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static V Of<V>(V gate, V up) where V : struct, ILanes<V> =>
        gate / (V.Broadcast(1f) + Exp2.Of(gate * V.Broadcast(-Exp2.Log2E))) * up;
}
