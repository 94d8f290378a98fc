using System.Runtime.CompilerServices;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Folds a block of 64 positions into the states of rows: s = q · k for the positions the row sees, m' = max(m, max s),
/// p = 2^(s - m'), l = l · 2^(m - m') + Σ p, o = o · 2^(m - m') + Σ p · v.
/// Scores and sums over values are chains in the order of D and of positions, Σ p goes through 16 lanes and a fixed
/// tree, and positions that a row does not see weigh exactly nothing: a row's bits do not depend on the rows beside it.
/// </summary>
internal static unsafe class BlockFold
{
    /// <summary>Rows whose scores are in flight together.</summary>
    public const int TileRows = 24;

    /// <summary>Floats of scratch that a call needs.</summary>
    public const int ScoreFloats = TileRows * KvLayout.BlockTokens;

    private const int BlockTokens = KvLayout.BlockTokens;
    private const int PageTokens = KvLayout.PageTokens;

    /// <param name="block">The block. Pages beyond what the rows see are not read.</param>
    /// <param name="rows">States, updated.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    /// <param name="scores">Scratch of <see cref="ScoreFloats"/>.</param>
    public static void Run(in KvBlock block, in HeadRows rows, int first, int end, float* scores)
    {
        if (Isa.Width >= 512) Simd<F512>(block, rows, first, end, scores);
        else if (Isa.Width >= 256) Simd<F256>(block, rows, first, end, scores);
        else if (Isa.Width >= 128) Simd<F128>(block, rows, first, end, scores);
        else Reference(block, rows, first, end);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(in KvBlock block, in HeadRows rows, int first, int end)
    {
        Span<float> p = stackalloc float[BlockTokens];
        Span<float> lanes = stackalloc float[Lanes16.Count];
        for (int row = first; row < end; row++)
        {
            int visible = Visible(block, rows.Positions[row]);
            if (visible == 0) continue;
            float max = rows.M[row];
            for (int t = 0; t < visible; t++)
            {
                float* keys = (t / PageTokens) switch { 0 => block.Keys0, 1 => block.Keys1, 2 => block.Keys2, _ => block.Keys3 } + t % PageTokens;
                float score = 0f;
                for (int d = 0; d < rows.D; d++) score = MathF.FusedMultiplyAdd(rows.Q[row * rows.D + d], keys[d * PageTokens], score);
                p[t] = score;
                max = ScalarMath.Max(score, max);
            }

            lanes.Clear();
            for (int t = 0; t < visible; t++)
            {
                p[t] = Exp2.Of(p[t] - max);
                lanes[t % Lanes16.Count] += p[t];
            }

            float correction = Exp2.Of(rows.M[row] - max);
            rows.M[row] = max;
            rows.L[row] = MathF.FusedMultiplyAdd(rows.L[row], correction, Lanes16.ReferenceSum(lanes));
            for (int d = 0; d < rows.PaddedD; d++)
            {
                float sum = rows.O[row * rows.PaddedD + d] * correction;
                for (int t = 0; t < visible; t++) sum = MathF.FusedMultiplyAdd(p[t], block.Values(t / PageTokens)[t % PageTokens * rows.PaddedD + d], sum);
                rows.O[row * rows.PaddedD + d] = sum;
            }
        }
    }

    internal static void Simd<V>(in KvBlock block, in HeadRows rows, int first, int end, float* scores) where V : struct, ILanes<V>
    {
        int d = rows.D, paddedD = rows.PaddedD;
        for (; first < end; first += TileRows)
        {
            int count = Math.Min(TileRows, end - first), visible = 0;
            for (int i = 0; i < count; i++) visible = Math.Max(visible, Visible(block, rows.Positions[first + i]));
            if (visible == 0) continue;
            int pages = (visible + PageTokens - 1) / PageTokens;
            Tile.Multiply(rows.Q + (nint)first * d, d, count, new TileColumns(block.Keys0, block.Keys1, block.Keys2, block.Keys3, PageTokens), pages, d, scores, BlockTokens);
            float* o = rows.O + (nint)first * paddedD;
            for (int i = 0; i < count; i++)
                Weigh<V>(scores + i * BlockTokens, pages, Visible(block, rows.Positions[first + i]), rows.M + first + i, rows.L + first + i, o + (nint)i * paddedD, paddedD);
            for (int page = 0; page < pages; page++)
            {
                float* values = block.Values(page);
                for (int column = 0; column < paddedD; column += BlockTokens)
                {
                    int units = Math.Min(Tile.MaxUnits, (paddedD - column) / Tile.UnitFloats);
                    Tile.MultiplyAdd(scores + page * PageTokens, BlockTokens, count, TileColumns.SideBySide(values + column, paddedD), units, PageTokens, o + column, paddedD);
                }
            }
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Visible(in KvBlock block, int position) => Math.Clamp(position + 1 - block.StartPosition, 0, BlockTokens);

    /// <summary>Turns a row of scores into weights and brings the row's m, l and o up to the new maximum.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Weigh<V>(float* s, int pages, int visible, float* m, float* l, float* o, int paddedD) where V : struct, ILanes<V>
    {
        int tokens = pages * PageTokens;
        if (visible < tokens)
        {
            // A row that sees nothing of the block keeps its state: its weights are zero.
            new Span<float>(s + visible, tokens - visible).Fill(visible == 0 ? 0f : float.NegativeInfinity);
            if (visible == 0) return;
        }

        V x0 = V.Load(s), x1 = V.Zero, x2 = V.Zero, x3 = V.Zero;
        if (V.Count <= 8) x1 = V.Load(s + V.Count);
        if (V.Count <= 4)
        {
            x2 = V.Load(s + 2 * V.Count);
            x3 = V.Load(s + 3 * V.Count);
        }

        for (int t = PageTokens; t < tokens; t += PageTokens)
        {
            x0 = V.Max(x0, V.Load(s + t));
            if (V.Count <= 8) x1 = V.Max(x1, V.Load(s + t + V.Count));
            if (V.Count <= 4)
            {
                x2 = V.Max(x2, V.Load(s + t + 2 * V.Count));
                x3 = V.Max(x3, V.Load(s + t + 3 * V.Count));
            }
        }

        float old = *m, max = ScalarMath.Max(Lanes16.Max(V.FoldMax(x0, x1, x2, x3)), old);
        V shift = V.Broadcast(max);
        x0 = x1 = x2 = x3 = V.Zero;
        for (int t = 0; t < tokens; t += PageTokens)
        {
            x0 += Weight(s + t, shift);
            if (V.Count <= 8) x1 += Weight(s + t + V.Count, shift);
            if (V.Count <= 4)
            {
                x2 += Weight(s + t + 2 * V.Count, shift);
                x3 += Weight(s + t + 3 * V.Count, shift);
            }
        }

        float correction = Exp2.Of(old - max);
        *m = max;
        *l = MathF.FusedMultiplyAdd(*l, correction, Lanes16.Sum(V.FoldSum(x0, x1, x2, x3)));
        if (max == old) return;     // the correction is exactly 1
        V scale = V.Broadcast(correction);
        for (int i = 0; i < paddedD; i += V.Count) V.Store(V.Load(o + i) * scale, o + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static V Weight<V>(float* s, V shift) where V : struct, ILanes<V>
    {
        V p = Exp2.Of(V.Load(s) - shift);
        V.Store(p, s);
        return p;
    }
}
