using System.Runtime.InteropServices;

namespace Coppice.Kernels;

/// <summary>y = Σ weights[i] · x[rows[i]], added up in the order of i.  x: [n][E], rows xRowFloats apart; rows, weights: [k]; y: [E], apart from x.</summary>
internal static unsafe class WeightedSum
{
    public static void Run(ReadOnlySpan<float> x, int xRowFloats, ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> y)
    {
        Shape.Same(rows.Length, weights.Length);
        foreach (int row in rows) Shape.Holds(x.Length, row + 1, xRowFloats, y.Length);
        if (Isa.Width >= 512) Simd<F512>(x, xRowFloats, rows, weights, y);
        else if (Isa.Width >= 256) Simd<F256>(x, xRowFloats, rows, weights, y);
        else if (Isa.Width >= 128) Simd<F128>(x, xRowFloats, rows, weights, y);
        else Reference(x, xRowFloats, rows, weights, y);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(ReadOnlySpan<float> x, int xRowFloats, ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> y)
    {
        for (int j = 0; j < y.Length; j++)
        {
            float sum = 0;
            for (int i = 0; i < rows.Length; i++) sum = MathF.FusedMultiplyAdd(x[rows[i] * xRowFloats + j], weights[i], sum);
            y[j] = sum;
        }
    }

    internal static void Simd<V>(ReadOnlySpan<float> x, int xRowFloats, ReadOnlySpan<int> rows, ReadOnlySpan<float> weights, Span<float> y) where V : struct, ILanes<V>
    {
        fixed (float* px = &MemoryMarshal.GetReference(x), py = &MemoryMarshal.GetReference(y))
        {
            int j = 0;
            for (; j <= y.Length - V.Count; j += V.Count)
            {
                V sum = V.Zero;
                for (int i = 0; i < rows.Length; i++) sum = V.Fma(V.Load(px + (long)rows[i] * xRowFloats + j), V.Broadcast(weights[i]), sum);
                V.Store(sum, py + j);
            }
            for (; j < y.Length; j++)
            {
                float sum = 0;
                for (int i = 0; i < rows.Length; i++) sum = MathF.FusedMultiplyAdd(px[(long)rows[i] * xRowFloats + j], weights[i], sum);
                py[j] = sum;
            }
        }
    }
}
