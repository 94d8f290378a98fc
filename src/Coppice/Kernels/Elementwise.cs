using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>A function of two numbers, in scalar and vector form with the same bits.</summary>
internal interface IBinary
{
    static abstract float Of(float a, float b);
    static abstract V Of<V>(V a, V b) where V : struct, ILanes<V>;
}

/// <summary>A function of one number, in scalar and vector form with the same bits. It may hold parameters.</summary>
internal interface IUnary
{
    float Of(float x);
    V Of<V>(V x) where V : struct, ILanes<V>;
}

/// <summary>y[i] = f(a[i], b[i]) or f(x[i]).  a, b, x, y: [n]; y may be one of the others.</summary>
internal static unsafe class Elementwise
{
    public static void Map<TOperation>(TOperation f, ReadOnlySpan<float> x, Span<float> y) where TOperation : struct, IUnary
    {
        Shape.Same(x.Length, y.Length);
        if (Isa.Width >= 512) MapSimd<F512, TOperation>(f, x, y);
        else if (Isa.Width >= 256) MapSimd<F256, TOperation>(f, x, y);
        else if (Isa.Width >= 128) MapSimd<F128, TOperation>(f, x, y);
        else MapReference(f, x, y);
    }

    /// <summary>The definition.</summary>
    public static void MapReference<TOperation>(TOperation f, ReadOnlySpan<float> x, Span<float> y) where TOperation : struct, IUnary
    {
        for (int i = 0; i < x.Length; i++) y[i] = f.Of(x[i]);
    }

    internal static void MapSimd<V, TOperation>(TOperation f, ReadOnlySpan<float> x, Span<float> y) where V : struct, ILanes<V> where TOperation : struct, IUnary
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
        {
            int i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(f.Of(V.Load(px + i)), py + i);
            for (; i < x.Length; i++) py[i] = f.Of(px[i]);
        }
    }

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
