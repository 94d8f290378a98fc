using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>y[i] = x[i] / sqrt(mean(x²) + eps) · w[i].  x, w, y: [E]; y may be x. The sum runs in <see cref="Lanes16"/>.  (Zhang &amp; Sennrich 2019)</summary>
internal static unsafe class RmsNorm
{
    public static void Run(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        Shape.Same(x.Length, w.Length);
        Shape.Same(x.Length, y.Length);
        if (Isa.Width >= 512) Simd<F512>(x, w, eps, y);
        else if (Isa.Width >= 256) Simd<F256>(x, w, eps, y);
        else if (Isa.Width >= 128) Simd<F128>(x, w, eps, y);
        else Reference(x, w, eps, y);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y)
    {
        Span<float> sums = stackalloc float[Lanes16.Count];
        sums.Clear();
        for (int i = 0; i < x.Length; i++) sums[i % Lanes16.Count] = MathF.FusedMultiplyAdd(x[i], x[i], sums[i % Lanes16.Count]);
        float scale = Scale(Lanes16.ReferenceSum(sums), x.Length, eps);
        for (int i = 0; i < x.Length; i++) y[i] = x[i] * scale * w[i];
    }

    internal static void Simd<V>(ReadOnlySpan<float> x, ReadOnlySpan<float> w, float eps, Span<float> y) where V : struct, ILanes<V>
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), pw = &MemoryMarshal.GetReference(w), py = &MemoryMarshal.GetReference(y))
        {
            float scale = Scale(Lanes16.SumOfSquares<V>(px, x.Length), x.Length, eps);
            V vscale = V.Broadcast(scale);
            int i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(V.Load(px + i) * vscale * V.Load(pw + i), py + i);
            for (; i < x.Length; i++) py[i] = px[i] * scale * pw[i];
        }
    }

    private static float Scale(float sumOfSquares, int count, float eps) => 1f / MathF.Sqrt(sumOfSquares / count + eps);
}
