using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>Attention of one row and KV head to the positions with the highest exact scores of the group. All keys are read, values only of these.</summary>
internal static unsafe class TopKRow
{
    /// <summary>Floats of scratch.</summary>
    public static long ScratchFloats(KvLayout layout, int g, int positions, int keep) =>
        (g + 1) * Padded(positions) + (g + 1) * Padded(keep) + g * layout.PaddedHeadSize + Padded(g);

    /// <param name="history">The sequence's keys and values.</param>
    /// <param name="q">Queries, [g, D].</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="factor">Makes exponents of two of scores.</param>
    /// <param name="positions">That the row sees.</param>
    /// <param name="keep">Of these, how many are attended to.</param>
    /// <param name="output">[g, D]; may be <paramref name="q"/>.</param>
    /// <param name="scratch">Of <see cref="ScratchFloats"/>.</param>
    /// <returns>Bytes fetched.</returns>
    public static long Run(in History history, float* q, int g, float factor, int positions, int keep, float* output, float* scratch)
    {
        int d = history.Layout.HeadSize, padded = history.Layout.PaddedHeadSize;
        nint n16 = (nint)Padded(positions), k16 = (nint)Padded(keep);
        float* weights = scratch;                           // [g][n]
        float* total = weights + g * n16;                   // [n]
        float* own = total + n16;                           // [g][k]
        int* chosen = (int*)(own + g * k16);                // [k]
        float* sums = (float*)chosen + k16;                 // [g][padded D]
        float* share = sums + g * padded;                   // [g]
        long bytes = 2L * d * history.Layout.ElementBytes;
        KeyScores.Run(history, null, KvLayout.PagesFor(positions), AllComponents.Of(d), q, g, weights, n16, ref bytes);
        for (int h = 0; h < g; h++) share[h] = 1f / RowWeights.Run(weights + h * n16, positions, factor);
        new Span<float>(total, (int)n16).Clear();
        GroupSum.Add(weights, n16, share, g, (int)n16, total);
        int k = Math.Min(keep, positions);
        TopPositions.Run(total, positions, k, chosen);
        for (int h = 0; h < g; h++)
        {
            float sum = 0f;
            for (int j = 0; j < k; j++) sum += own[h * k16 + j] = weights[h * n16 + chosen[j]];
            share[h] = 1f / sum;
        }

        Gather.Values(history, chosen, k, own, k16, share, g, sums, ref bytes);
        for (int h = 0; h < g; h++) new ReadOnlySpan<float>(sums + h * padded, d).CopyTo(new Span<float>(output + h * d, d));
        return bytes;
    }

    private static long Padded(int count) => (count + 15L) / 16 * 16;
}
