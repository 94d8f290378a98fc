using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Exact attention of one row and KV head to chosen positions, for policies that keep no second copy of the keys: keys are read by whole
/// pages, those that have a chosen position.
/// </summary>
internal static unsafe class ChosenRow
{
    /// <summary>Floats of scratch for <paramref name="count"/> of so many positions.</summary>
    public static long ScratchFloats(KvLayout layout, int g, int count, int positions) => Math.Min((long)count, KvLayout.PagesFor(positions)) * KvLayout.PageTokens * g + (g + 1) * Padded(count) + 2 * g * layout.PaddedHeadSize + Padded(g);

    /// <param name="history">The sequence's keys and values.</param>
    /// <param name="q">Queries, [g, D].</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="factor">Makes exponents of two of scores.</param>
    /// <param name="chosen">Positions, ascending, [count].</param>
    /// <param name="count">At least one.</param>
    /// <param name="output">[g, D]; may be <paramref name="q"/>.</param>
    /// <param name="scratch">Of <see cref="ScratchFloats"/>.</param>
    /// <param name="weights">In the scratch: the softmax over the chosen positions not yet divided by its sum, [g][count rounded up to 16]; then 1 / sum, [g].</param>
    /// <returns>Bytes fetched.</returns>
    public static long Run(in History history, float* q, int g, float factor, int* chosen, int count, float* output, float* scratch, out ChosenWeights weights)
    {
        int d = history.Layout.HeadSize, padded = history.Layout.PaddedHeadSize;
        nint k16 = (nint)Padded(count);
        float* own = scratch;                               // [g][k]
        float* share = own + g * k16;                       // [g]
        float* sums = share + Padded(g);                    // [g][padded D]
        int* pages = (int*)(sums + 2 * g * padded);         // ascending
        float* scores = (float*)pages + k16;                // [g][pages · 16]
        int pageCount = 0;
        for (int j = 0; j < count; j++)
            if (pageCount == 0 || pages[pageCount - 1] != chosen[j] / KvLayout.PageTokens) pages[pageCount++] = chosen[j] / KvLayout.PageTokens;

        long bytes = 2L * d * history.Layout.ElementBytes;
        nint rowFloats = (nint)pageCount * KvLayout.PageTokens;
        KeyScores.Run(history, pages, pageCount, AllComponents.Of(d), q, g, scores, rowFloats, ref bytes);
        for (int h = 0; h < g; h++)
        {
            for (int j = 0, page = 0; j < count; j++)
            {
                if (pages[page] != chosen[j] / KvLayout.PageTokens) page++;
                own[h * k16 + j] = scores[h * rowFloats + page * KvLayout.PageTokens + chosen[j] % KvLayout.PageTokens];
            }

            share[h] = 1f / RowWeights.Run(own + h * k16, count, factor);
        }

        Gather.Values(history, chosen, count, own, k16, share, g, sums, ref bytes);
        for (int h = 0; h < g; h++) new ReadOnlySpan<float>(sums + h * padded, d).CopyTo(new Span<float>(output + h * d, d));
        weights = new ChosenWeights(own, k16, share);
        return bytes;
    }

    private static long Padded(int count) => (count + 15L) / 16 * 16;
}

/// <summary>Where the weights of chosen positions lie: head h's of the j-th one is Weights[h · RowFloats + j] · Share[h].</summary>
internal readonly unsafe struct ChosenWeights(float* weights, nint rowFloats, float* share)
{
    public readonly float* Weights = weights;

    public readonly nint RowFloats = rowFloats;

    public readonly float* Share = share;

    /// <summary>Summed over a group of <paramref name="g"/> heads.</summary>
    public float Sum(int j, int g)
    {
        float sum = 0f;
        for (int h = 0; h < g; h++) sum = MathF.FusedMultiplyAdd(Weights[h * RowFloats + j], Share[h], sum);
        return sum;
    }
}

/// <summary>0, 1, 2, …: every component of a head.</summary>
internal static class AllComponents
{
    private static readonly int[] All = [.. Enumerable.Range(0, 1024)];

    public static ReadOnlySpan<int> Of(int d) => All.AsSpan(0, d);
}
