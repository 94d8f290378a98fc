using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>What one row reads.</summary>
/// <param name="Positions">That it sees.</param>
/// <param name="R">Components of the approximate scores, 1 to D.</param>
/// <param name="K">Positions attended to, 1 to <paramref name="Positions"/>.</param>
/// <param name="Local">Of these, the last ones, always chosen; up to <paramref name="K"/>.</param>
/// <param name="HasMeanValue">The mean value takes the weight of what is left out.</param>
internal readonly record struct SparqSize(int Positions, int R, int K, int Local, bool HasMeanValue);

/// <summary>
/// SparQ attention of one row and KV head, all heads of the group together (arXiv 2312.04985, algorithm 1 and appendix B). Every
/// sum has an order of its own that depends on the row's history only, so a row's bits do not depend on what else runs.
/// </summary>
internal static unsafe class SparqRow
{
    /// <summary>Floats of scratch.</summary>
    /// <param name="layout">Sizes.</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="positions">Of the row.</param>
    /// <param name="k">Positions attended to.</param>
    public static long ScratchFloats(KvLayout layout, int g, int positions, int k)
    {
        long padded = layout.PaddedHeadSize;
        return (g + 1) * Padded(positions) + (g + 1) * Padded(k) + padded * (3 * g + 3) + 2 * Padded(g);
    }

    /// <param name="history">The sequence's keys and values, its own row included.</param>
    /// <param name="q">Queries, [g, D].</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="factor">Makes exponents of two of exact scores.</param>
    /// <param name="size">What is read.</param>
    /// <param name="output">[g, D]; may be <paramref name="q"/>.</param>
    /// <param name="scratch">Of <see cref="ScratchFloats"/>.</param>
    /// <returns>Bytes fetched.</returns>
    public static long Run(in History history, float* q, int g, float factor, in SparqSize size, float* output, float* scratch)
    {
        KvLayout layout = history.Layout;
        int d = layout.HeadSize, padded = layout.PaddedHeadSize, n = size.Positions, k = size.K;
        nint n16 = (nint)Padded(n), k16 = (nint)Padded(k), g16 = (nint)Padded(g);
        float* approximate = scratch;                       // s^, [g][n]
        float* total = approximate + g * n16;               // [n]
        float* weights = total + n16;                       // [g][k]
        int* chosen = (int*)(weights + g * k16);            // [k]
        float* wide = (float*)chosen + k16;                 // queries, [g][padded D]
        float* packed = wide + g * padded;                  // their components, [g][r]
        float* sums = packed + g * padded;                  // [g][padded D]
        float* mean = sums + g * padded;                    // [padded D]
        float* magnitude = mean + padded;                   // [padded D]
        int* components = (int*)(magnitude + padded);       // [r]
        float* share = (float*)components + padded;         // [g]
        float* alpha = share + g16;                         // [g]
        long bytes = 0;

        ComponentSums(q, g, d, magnitude);
        TopPositions.Run(magnitude, d, size.R, components);
        for (int h = 0; h < g; h++)
            for (int j = 0; j < size.R; j++) packed[h * size.R + j] = q[h * d + components[j]];
        KeyScores.Run(history, null, KvLayout.PagesFor(n), new ReadOnlySpan<int>(components, size.R), packed, g, approximate, n16, ref bytes);
        for (int h = 0; h < g; h++) share[h] = 1f / RowWeights.Run(approximate + h * n16, n, Temper(q + h * d, d, packed + h * size.R, size.R) * factor);
        if (g == 1) total = approximate;                    // dividing by the sum changes no order
        else GroupSum.Run(approximate, n16, share, g, (int)n16, total);

        TopPositions.Run(total, n - size.Local, k - size.Local, chosen);
        for (int i = 0; i < size.Local; i++) chosen[k - size.Local + i] = n - size.Local + i;
        for (int h = 0; h < g; h++) alpha[h] = k == n ? 1f : Covered(approximate + h * n16, chosen, k, share[h]);

        new Span<float>(wide, g * padded).Clear();
        for (int h = 0; h < g; h++) new ReadOnlySpan<float>(q + h * d, d).CopyTo(new Span<float>(wide + h * padded, d));
        Gather.Scores(history, chosen, k, wide, g, weights, k16, ref bytes);
        for (int h = 0; h < g; h++) share[h] = 1f / RowWeights.Run(weights + h * k16, k, factor);
        Gather.Values(history, chosen, k, weights, k16, share, g, sums, ref bytes);
        if (size.HasMeanValue) bytes += history.Mean(n - 1, mean);
        for (int h = 0; h < g; h++)
            for (int i = 0; i < d; i++)
                output[h * d + i] = size.HasMeanValue ? MathF.FusedMultiplyAdd(alpha[h], sums[h * padded + i], (1f - alpha[h]) * mean[i]) : sums[h * padded + i];
        return bytes + 2L * d * layout.ElementBytes;        // and the new key and value, as exact attention's count has them
    }

    /// <summary>magnitude[i] = Σ |q[h][i]| over the group.</summary>
    internal static void ComponentSums(float* q, int g, int d, float* magnitude)
    {
        for (int i = 0; i < d; i++)
        {
            magnitude[i] = 0f;
            for (int h = 0; h < g; h++) magnitude[i] += MathF.Abs(q[h * d + i]);
        }
    }

    /// <summary>
    /// What the approximate scores' scale has beyond the exact one's: τ = √(D · |q_r| / |q|) in norms of L1 (equation 7), so the square
    /// root of |q| / |q_r|. A query that has nothing among the components has scores of zero, and any scale will do.
    /// </summary>
    internal static float Temper(float* q, int d, float* packed, int r)
    {
        float all = 0f, covered = 0f;
        for (int i = 0; i < d; i++) all += MathF.Abs(q[i]);
        for (int j = 0; j < r; j++) covered += MathF.Abs(packed[j]);
        return covered > 0 ? MathF.Sqrt(all / covered) : 1f;
    }

    /// <summary>α: the share of the approximate scores that the chosen positions have, at most 1.</summary>
    private static float Covered(float* weights, int* chosen, int k, float share)
    {
        Span<float> lanes = stackalloc float[Lanes16.Count];
        lanes.Clear();
        for (int j = 0; j < k; j++) lanes[j % Lanes16.Count] += weights[chosen[j]];
        return Math.Min(1f, Lanes16.ReferenceSum(lanes) * share);
    }

    private static long Padded(int count) => (count + 15L) / 16 * 16;
}
