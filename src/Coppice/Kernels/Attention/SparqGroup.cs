using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Kernels.Attention;

/// <summary>What a group of rows reads of the blocks that they share.</summary>
/// <param name="Blocks">Shared from the beginning.</param>
/// <param name="R">Components of the approximate scores, 1 to D.</param>
/// <param name="K">Positions attended to, a multiple of <see cref="KvLayout.BlockTokens"/>, at most those that there are.</param>
internal readonly record struct SparqGroupSize(int Blocks, int R, int K)
{
    public int Positions => Blocks * KvLayout.BlockTokens;
}

/// <summary>
/// SparQ for rows that share a beginning, one KV head: one choice of components and one of positions for all of them, each by the sum
/// of what single rows go by. The chosen keys and values are gathered once and folded into all rows; what a row does not share it
/// reads whole. So what a row gets depends on the rows beside it.
/// </summary>
internal static unsafe class SparqGroup
{
    // Queries whose approximate scores are held at a time.
    private const int BatchQueries = 32;

    /// <summary>Floats of scratch.</summary>
    /// <param name="layout">Sizes.</param>
    /// <param name="queries">Rows times query heads to a KV head.</param>
    /// <param name="positions">Shared.</param>
    public static long ScratchFloats(KvLayout layout, int queries, int positions)
    {
        long padded = layout.PaddedHeadSize, block = KvLayout.BlockTokens * (layout.HeadSize + padded);
        return (Math.Min(BatchQueries, queries) + 1L) * positions + positions + 2 * padded + BatchQueries
            + queries * (layout.HeadSize * 2 + padded + Lanes16.Count + 2) + 2 * block + BlockFold.ScoreFloats + 128;
    }

    /// <param name="call">The layer.</param>
    /// <param name="rows">One row of each sequence, all decoding, in the order of the batch.</param>
    /// <param name="head">KV head.</param>
    /// <param name="size">What is read.</param>
    /// <param name="scratch">Of <see cref="ScratchFloats"/>.</param>
    /// <returns>Bytes fetched.</returns>
    public static long Run(in AttentionCall call, ReadOnlySpan<BatchSegment> rows, int head, in SparqGroupSize size, float* scratch)
    {
        KvLayout layout = call.Kv.Layout;
        int g = call.G, d = layout.HeadSize, padded = layout.PaddedHeadSize, queries = rows.Length * g, r = size.R, n = size.Positions;
        float* total = scratch;                                         // votes, [n]
        float* approximate = total + n;                                 // [some queries][n]
        int* chosen = (int*)(approximate + (long)Math.Min(BatchQueries, queries) * n);        // [k]
        float* magnitude = (float*)chosen + n;                          // [padded D]
        int* components = (int*)(magnitude + padded);                   // [r]
        float* share = (float*)components + padded;                     // [some queries]
        float* o = share + BatchQueries;                    // [queries][padded D]
        float* l = o + queries * padded;                                // [queries][16]
        float* q = l + queries * Lanes16.Count;                         // [queries][D], scaled
        float* packed = q + queries * d;                                // [queries][r]
        float* m = packed + queries * d;                                // [queries]
        int* positions = (int*)(m + queries);                           // [queries]
        float* keys = (float*)(((nuint)(positions + queries) + 63) & ~(nuint)63);             // [4][D][16]
        float* values = keys + KvLayout.BlockTokens * d;                // [64][padded D]
        float* widened = values + KvLayout.BlockTokens * padded;        // a block
        float* scores = widened + KvLayout.BlockTokens * (d + padded);
        var history = new History(call.Kv, call.Layer, head, rows[0].Table.Pages);
        long bytes = 0;

        for (int at = 0; at < queries; at++)
        {
            float* from = call.Query(rows[at / g].FirstRow, head) + at % g * d;
            for (int i = 0; i < d; i++) q[at * d + i] = from[i] * call.Rule.QueryFactor;
            positions[at] = rows[at / g].Start;
        }

        SparqRow.ComponentSums(q, queries, d, magnitude);
        TopPositions.Run(magnitude, d, r, components);
        for (int at = 0; at < queries; at++)
            for (int j = 0; j < r; j++) packed[at * r + j] = q[at * d + components[j]];
        new Span<float>(total, n).Clear();
        for (int first = 0; first < queries; first += BatchQueries)
        {
            int some = Math.Min(BatchQueries, queries - first);
            KeyScores.Run(history, null, KvLayout.PagesFor(n), new ReadOnlySpan<int>(components, r), packed + first * r, some, approximate, n, ref bytes);
            // Queries are scaled already: what is left of the temperature is its part beyond the exact one.
            for (int at = 0; at < some; at++)
                share[at] = 1f / RowWeights.Run(approximate + (long)at * n, n, SparqRow.Temper(q + (first + at) * d, d, packed + (first + at) * r, r));
            GroupSum.Add(approximate, n, share, some, n, total);
        }

        TopPositions.Run(total, n, size.K, chosen);
        new Span<float>(m, queries).Fill(float.NegativeInfinity);
        new Span<float>(l, queries * Lanes16.Count).Clear();
        new Span<float>(o, queries * padded).Clear();
        var states = new HeadRows(q, m, l, o, positions, d, padded);
        KvBlock gathered = KvBlock.Contiguous(0, keys, d * KvLayout.PageTokens, values, padded * KvLayout.PageTokens);
        for (int first = 0; first < size.K; first += KvLayout.BlockTokens)
        {
            Fetch(history, chosen + first, keys, values, ref bytes);
            BlockFold.Run(gathered, states, 0, queries, scores);
        }

        for (int row = 0; row < rows.Length; row++)
        {
            for (int block = size.Blocks; block < AttentionPolicies.Blocks(rows[row]); block++)
                BlockFold.Run(HeadAttention.Load(call.Kv, call.Layer, head, rows[row].Table.Pages, block, widened), states, row * g, (row + 1) * g, scores);
            bytes += (2L * (rows[row].Length - n) + 2) * d * layout.ElementBytes;
            for (int h = 0; h < g; h++)
                StateMerge.Divide(Lanes16.ReferenceSum(new Span<float>(l + (row * g + h) * Lanes16.Count, Lanes16.Count)), o + (row * g + h) * padded, d, call.OutputOf(rows[row].FirstRow, head) + h * d);
        }

        return bytes;
    }

    /// <summary>64 positions as a block of floats: keys [4][D][16], values [64][padded D].</summary>
    private static void Fetch(in History history, int* chosen, float* keys, float* values, ref long bytes)
    {
        int d = history.Layout.HeadSize, padded = history.Layout.PaddedHeadSize;
        float* widened = stackalloc float[padded];
        for (int j = 0; j < KvLayout.BlockTokens; j++)
        {
            float* key = history.KeyRow(chosen[j], widened);
            float* to = keys + j / KvLayout.PageTokens * d * KvLayout.PageTokens + j % KvLayout.PageTokens;
            for (int i = 0; i < d; i++) to[i * KvLayout.PageTokens] = key[i];
            new ReadOnlySpan<float>(history.ValueRow(chosen[j], widened), padded).CopyTo(new Span<float>(values + j * padded, padded));
        }

        bytes += (long)KvLayout.BlockTokens * (history.KeyRowSize + history.ValueRowSize);
    }
}
