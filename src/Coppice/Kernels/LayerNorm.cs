using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>y[i] = (x[i] - mean) / sqrt(variance + eps) · w[i] + b[i].  x, w, b, y: [E]; y may be x. Sums run in <see cref="Lanes16"/>.  (Ba et al. 2016)</summary>
internal static unsafe class LayerNorm
{
    public static void Run(ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        Shape.Same(x.Length, w.Length);
        Shape.Same(x.Length, b.Length);
        Shape.Same(x.Length, y.Length);
        if (Isa.Width >= 512) Simd<F512>(x, w, b, eps, y);
        else if (Isa.Width >= 256) Simd<F256>(x, w, b, eps, y);
        else if (Isa.Width >= 128) Simd<F128>(x, w, b, eps, y);
        else Reference(x, w, b, eps, y);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y)
    {
        Span<float> sums = stackalloc float[Lanes16.Count];
        sums.Clear();
        for (int i = 0; i < x.Length; i++) sums[i % Lanes16.Count] += x[i];
        float mean = Lanes16.ReferenceSum(sums) / x.Length;
        sums.Clear();
        for (int i = 0; i < x.Length; i++)
        {
            y[i] = x[i] - mean;
            sums[i % Lanes16.Count] = MathF.FusedMultiplyAdd(y[i], y[i], sums[i % Lanes16.Count]);
        }
        float scale = Scale(Lanes16.ReferenceSum(sums), x.Length, eps);
        for (int i = 0; i < x.Length; i++) y[i] = MathF.FusedMultiplyAdd(y[i] * scale, w[i], b[i]);
    }

    internal static void Simd<V>(ReadOnlySpan<float> x, ReadOnlySpan<float> w, ReadOnlySpan<float> b, float eps, Span<float> y) where V : struct, ILanes<V>
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), pw = &MemoryMarshal.GetReference(w), pb = &MemoryMarshal.GetReference(b), py = &MemoryMarshal.GetReference(y))
        {
            float mean = Lanes16.Sum<V>(px, x.Length) / x.Length;
            V vmean = V.Broadcast(mean);
            int i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(V.Load(px + i) - vmean, py + i);
            for (; i < x.Length; i++) py[i] = px[i] - mean;
            float scale = Scale(Lanes16.SumOfSquares<V>(py, x.Length), x.Length, eps);
            V vscale = V.Broadcast(scale);
            i = 0;
            for (; i <= x.Length - V.Count; i += V.Count) V.Store(V.Fma(V.Load(py + i) * vscale, V.Load(pw + i), V.Load(pb + i)), py + i);
            for (; i < x.Length; i++) py[i] = MathF.FusedMultiplyAdd(py[i] * scale, pw[i], pb[i]);
        }
    }

    private static float Scale(float sumOfSquares, int count, float eps) => 1f / MathF.Sqrt(sumOfSquares / count + eps);
}
