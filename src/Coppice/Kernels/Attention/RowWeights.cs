using System.Runtime.CompilerServices;

namespace Coppice.Kernels.Attention;

/// <summary>
/// x[t] = 2^((x[t] - max x) · factor) in place, and Σ x. The sum goes through 16 lanes, position t to lane t mod 16, whatever the
/// vector width. x: [n], with room up to the next multiple of 16, which becomes zeros.
/// </summary>
internal static unsafe class RowWeights
{
    public static float Run(float* x, int n, float factor)
    {
        if (Isa.Width >= 512) return Simd<F512>(x, n, factor);
        if (Isa.Width >= 256) return Simd<F256>(x, n, factor);
        if (Isa.Width >= 128) return Simd<F128>(x, n, factor);
        return Reference(x, n, factor);
    }

    /// <summary>The definition.</summary>
    public static float Reference(float* x, int n, float factor)
    {
        float max = float.NegativeInfinity;
        for (int t = 0; t < n; t++) max = ScalarMath.Max(x[t], max);
        Span<float> lanes = stackalloc float[Lanes16.Count];
        lanes.Clear();
        for (int t = 0; t < n; t++) lanes[t % Lanes16.Count] += x[t] = Exp2.Of((x[t] - max) * factor);
        for (int t = n; t % Lanes16.Count != 0; t++) x[t] = 0f;
        return Lanes16.ReferenceSum(lanes);
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static float Simd<V>(float* x, int n, float factor) where V : struct, ILanes<V>
    {
        int padded = (n + Lanes16.Count - 1) / Lanes16.Count * Lanes16.Count;
        new Span<float>(x + n, padded - n).Fill(float.NegativeInfinity);
        V top = V.Load(x);
        for (int t = V.Count; t < padded; t += V.Count) top = V.Max(V.Load(x + t), top);
        float* tops = stackalloc float[V.Count];
        V.Store(top, tops);
        float max = tops[0];
        for (int i = 1; i < V.Count; i++) max = ScalarMath.Max(tops[i], max);

        V shift = V.Broadcast(max), scale = V.Broadcast(factor);
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        for (int t = 0; t < padded; t += Lanes16.Count)
        {
            s0 += Weigh(x + t, shift, scale);
            if (V.Count < 16) s1 += Weigh(x + t + V.Count, shift, scale);
            if (V.Count < 8)
            {
                s2 += Weigh(x + t + 2 * V.Count, shift, scale);
                s3 += Weigh(x + t + 3 * V.Count, shift, scale);
            }
        }

        return Lanes16.Sum(V.FoldSum(s0, s1, s2, s3));
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Weigh<V>(float* x, V shift, V scale) where V : struct, ILanes<V>
    {
        V weight = Exp2.OfBelow128((V.Load(x) - shift) * scale);
        V.Store(weight, x);
        return weight;
    }
}

/// <summary>
/// total[t] += Σ weights[h][t] · share[h] over the heads of a group: with share = 1 / Σ weights[h] the sum of their softmax scores.
/// weights: [g][rowFloats], total: [n], n a multiple of 16.
/// </summary>
internal static unsafe class GroupSum
{
    public static void Add(float* weights, nint rowFloats, float* share, int g, int n, float* total)
    {
        if (Isa.Width >= 512) Simd<F512>(weights, rowFloats, share, g, n, total);
        else if (Isa.Width >= 256) Simd<F256>(weights, rowFloats, share, g, n, total);
        else if (Isa.Width >= 128) Simd<F128>(weights, rowFloats, share, g, n, total);
        else Reference(weights, rowFloats, share, g, n, total);
    }

    /// <summary>The definition.</summary>
    public static void Reference(float* weights, nint rowFloats, float* share, int g, int n, float* total)
    {
        for (int t = 0; t < n; t++)
            for (int h = 0; h < g; h++) total[t] = MathF.FusedMultiplyAdd(weights[h * rowFloats + t], share[h], total[t]);
    }

    internal static void Simd<V>(float* weights, nint rowFloats, float* share, int g, int n, float* total) where V : struct, ILanes<V>
    {
        for (int t = 0; t < n; t += V.Count)
        {
            V sum = V.Load(total + t);
            for (int h = 0; h < g; h++) sum = V.Fma(V.Load(weights + h * rowFloats + t), V.Broadcast(share[h]), sum);
            V.Store(sum, total + t);
        }
    }
}
