using System.Runtime.CompilerServices;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Folds a block of 64 positions into the states of rows: s = q · k for the positions the row sees, p = 2^(s - m),
/// l = l + Σ p, o = o + Σ p · v. If a score exceeds m by more than <see cref="Slack"/>, then first m' = max s, and l and o
/// are multiplied by 2^(m - m'); else m stays, so that after the first blocks a row is hardly ever scaled again.
/// A cap c makes c · tanh(s / c) of s first. Scores and sums over values are chains in the order of D and of positions, Σ p goes through 16 lanes, and positions
/// that a row does not see weigh exactly nothing: a row's bits do not depend on the rows beside it.
/// </summary>
internal static unsafe class BlockFold
{
    /// <summary>Rows whose scores are in flight together.</summary>
    public const int TileRows = 24;

    /// <summary>Floats of scratch that a call needs.</summary>
    public const int ScoreFloats = TileRows * KvLayout.BlockTokens;

    /// <summary>
    /// Weights go up to 2^8 before m moves. The relative error of a weight does not depend on m, and sums are as far from
    /// overflow as before: what m is good for is only that some weight is about 1 or above.
    /// </summary>
    public const float Slack = 8f;

    /// <summary>Rows from which on the fetching of the next block pays.</summary>
    public const int FetchingRows = 8;

    // What a step of a tile can fetch without waiting for it.
    private const int MostStepBytes = 256;

    private const int BlockTokens = KvLayout.BlockTokens;
    private const int PageTokens = KvLayout.PageTokens;

    /// <param name="block">The block. Pages beyond what the rows see are not read.</param>
    /// <param name="rows">States, updated.</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    /// <param name="scores">Scratch of <see cref="ScoreFloats"/>.</param>
    /// <param name="ahead">What is fetched meanwhile; null for nothing. Fewer rows than <see cref="FetchingRows"/> read a block as fast as it arrives by itself.</param>
    public static void Run(in KvBlock block, in HeadRows rows, int first, int end, float* scores, BlockAhead* ahead = null)
    {
        if (Isa.Width >= 512) Simd<F512>(block, rows, first, end, scores, ahead);
        else if (Isa.Width >= 256) Simd<F256>(block, rows, first, end, scores, ahead);
        else if (Isa.Width >= 128) Simd<F128>(block, rows, first, end, scores, ahead);
        else Reference(block, rows, first, end);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(in KvBlock block, in HeadRows rows, int first, int end)
    {
        Span<float> p = stackalloc float[BlockTokens];
        for (int row = first; row < end; row++)
        {
            int visible = Visible(block, rows.Positions[row]);
            int hidden = Hidden(block, rows, row);
            if (hidden >= visible) continue;
            float max = float.NegativeInfinity;
            for (int t = hidden; t < visible; t++)
            {
                float* keys = block.Keys(t / PageTokens) + t % PageTokens;
                float score = 0f;
                for (int d = 0; d < rows.D; d++) score = MathF.FusedMultiplyAdd(rows.Q[row * rows.D + d], keys[d * block.KeyStepFloats], score);
                if (rows.Cap > 0f) score = rows.Cap * Tanh.Of(score * (1f / rows.Cap));
                p[t] = score;
                max = ScalarMath.Max(score, max);
            }

            float* l = rows.L + row * Lanes16.Count, o = rows.O + row * rows.PaddedD;
            if (max > rows.M[row] + Slack)
            {
                float correction = Exp2.Of(rows.M[row] - max);
                for (int i = 0; i < Lanes16.Count; i++) l[i] *= correction;
                for (int i = 0; i < rows.PaddedD; i++) o[i] *= correction;
                rows.M[row] = max;
            }

            for (int t = hidden; t < visible; t++)
            {
                p[t] = Exp2.Of(p[t] - rows.M[row]);
                l[t % Lanes16.Count] += p[t];
                for (int i = 0; i < rows.PaddedD; i++) o[i] = MathF.FusedMultiplyAdd(p[t], block.Values(t / PageTokens)[t % PageTokens * rows.PaddedD + i], o[i]);
            }
        }
    }

    /// <summary>Never inlined: with the caller's code before it the JIT's budget ends before the exp, which then costs a call per vector.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Simd<V>(in KvBlock block, in HeadRows rows, int first, int end, float* scores, BlockAhead* ahead = null) where V : struct, ILanes<V>
    {
        int d = rows.D, paddedD = rows.PaddedD;
        int share = ahead is null ? 0 : StepBytes(ahead->Bytes, end - first, d, BlockTokens, paddedD);
        for (; first < end; first += TileRows)
        {
            int count = Math.Min(TileRows, end - first), visible = 0;
            for (int i = 0; i < count; i++) visible = Math.Max(visible, Visible(block, rows.Positions[first + i]));
            if (visible == 0) continue;
            int pages = (visible + PageTokens - 1) / PageTokens;
            Multiply(null, rows.Q + (nint)first * d, d, count, new TileColumns(block.Keys0, block.Keys1, block.Keys2, block.Keys3, block.KeyStepFloats), pages, d, scores, BlockTokens, add: false, ahead, share);
            float* o = rows.O + (nint)first * paddedD;
            if (rows.Cap > 0f) Cap<V>(scores, count, pages, rows.Cap);
            for (int i = 0; i < count; i++)
            {
                int seen = Visible(block, rows.Positions[first + i]);
                if (rows.Window > 0) seen = Hide(scores + i * BlockTokens, block, rows, first + i, seen);
                Weigh<V>(scores + i * BlockTokens, pages, seen, rows.M + first + i, rows.L + (first + i) * Lanes16.Count, o + (nint)i * paddedD, paddedD);
            }

            // Pages that lie behind one another, as those of a long prompt do, are one matrix.
            int together = block.ValuesAreContiguous(pages, PageTokens * paddedD) ? pages : 1;
            for (int page = 0; page < pages; page += together)
            {
                float* values = block.Values(page);
                for (int column = 0; column < paddedD; column += BlockTokens)
                {
                    int units = Math.Min(Tile.MaxUnits, (paddedD - column) / Tile.UnitFloats);
                    Multiply(null, scores + page * PageTokens, BlockTokens, count, TileColumns.SideBySide(values + column, paddedD), units, together * PageTokens, o + column, paddedD, add: true, ahead, share);
                }
            }
        }
    }

    /// <summary>What each step of the products has to fetch, so that all is there at the end: steps over the components and over the positions of a block.</summary>
    public static int StepBytes(int bytes, int rows, int keySteps, int valueSteps, int paddedD)
    {
        int tiles = (rows + Tile.MaxRows - 1) / Tile.MaxRows, columns = (paddedD + BlockTokens - 1) / BlockTokens;
        return Math.Min(bytes / (tiles * (keySteps + columns * valueSteps)) + 1, MostStepBytes);
    }

    /// <summary>
    /// As <see cref="Tile.Multiply"/> or <see cref="Tile.MultiplyAdd"/>, with a share of what comes next fetched in each step of k; by <paramref name="pairs"/>
    /// where lanes hold two bf16, null where they are floats.
    /// </summary>
    public static void Multiply(EmittedTile? pairs, float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, BlockAhead* ahead, int share)
    {
        if (ahead is null && pairs is null)
        {
            if (add) Tile.MultiplyAdd(a, aRowFloats, rows, b, units, k, c, cRowFloats);
            else Tile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats);
            return;
        }

        for (int tiles = (rows + Tile.MaxRows - 1) / Tile.MaxRows; tiles > 0; tiles--)
        {
            int take = (rows + tiles - 1) / tiles;
            byte* fetched = ahead is null ? null : ahead->Take(k * share);
            byte* from = fetched is null ? (byte*)a : fetched;
            int step = fetched is null ? 0 : share;
            if (pairs is null) FloatTile.Multiply(a, aRowFloats, take, b, units, k, c, cRowFloats, add, from, step);
            else pairs.Run(a, aRowFloats, take, b, units, k, c, cRowFloats, add, from, step);
            a += take * aRowFloats;
            c += take * cRowFloats;
            rows -= take;
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static int Visible(in KvBlock block, int position) => Math.Clamp(position + 1 - block.StartPosition, 0, BlockTokens);

    /// <summary>Positions of the block that lie before the row's window.</summary>
    private static int Hidden(in KvBlock block, in HeadRows rows, int row) => Math.Clamp(rows.FirstSeen(row) - block.StartPosition, 0, BlockTokens);

    /// <summary>Masks the scores before the window; how far the row sees is the result, 0 where nothing is left.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static int Hide(float* s, in KvBlock block, in HeadRows rows, int row, int visible)
    {
        int hidden = Hidden(block, rows, row);
        if (hidden >= visible) return 0;
        new Span<float>(s, hidden).Fill(float.NegativeInfinity);
        return visible;
    }

    /// <summary>s = cap · tanh(s / cap), for rows of scores.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Cap<V>(float* scores, int rows, int pages, float cap) where V : struct, ILanes<V>
    {
        V limit = V.Broadcast(cap), inverse = V.Broadcast(1f / cap);
        for (int row = 0; row < rows; row++, scores += BlockTokens)
            for (int t = 0; t < pages * PageTokens; t += V.Count) V.Store(limit * Tanh.Of(V.Load(scores + t) * inverse), scores + t);
    }

    /// <summary>Turns a row of scores into weights and adds them to the row's l.</summary>
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

        if (V.Count == PageTokens && pages == KvLayout.PagesPerBlock)
        {
            WeighWhole<V>(s, m, l, o, paddedD);
            return;
        }

        V x = V.Load(s);
        for (int t = V.Count; t < tokens; t += V.Count) x = V.Max(x, V.Load(s + t));
        if (V.AnyGreater(x, V.Broadcast(*m + Slack))) Scale<V>(s, tokens, m, l, o, paddedD);
        V shift = V.Broadcast(*m);
        for (int lane = 0; lane < Lanes16.Count; lane += V.Count)
        {
            V sum = V.Load(l + lane);
            for (int t = lane; t < tokens; t += Lanes16.Count)
            {
                V p = Exp2.OfBelow128(V.Load(s + t) - shift);
                V.Store(p, s + t);
                sum += p;
            }

            V.Store(sum, l + lane);
        }
    }

    /// <summary>A whole block in four vectors of 16, which stay in registers.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void WeighWhole<V>(float* s, float* m, float* l, float* o, int paddedD) where V : struct, ILanes<V>
    {
        V s0 = V.Load(s), s1 = V.Load(s + 16), s2 = V.Load(s + 32), s3 = V.Load(s + 48);
        if (V.AnyGreater(V.Max(V.Max(s0, s1), V.Max(s2, s3)), V.Broadcast(*m + Slack))) Scale<V>(s, BlockTokens, m, l, o, paddedD);
        V shift = V.Broadcast(*m);
        V p0 = Exp2.OfBelow128(s0 - shift), p1 = Exp2.OfBelow128(s1 - shift), p2 = Exp2.OfBelow128(s2 - shift), p3 = Exp2.OfBelow128(s3 - shift);
        V.Store(p0, s);
        V.Store(p1, s + 16);
        V.Store(p2, s + 32);
        V.Store(p3, s + 48);
        V.Store(V.Load(l) + p0 + p1 + p2 + p3, l);
    }

    /// <summary>Brings m to the largest score, and l and o with it.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Scale<V>(float* s, int tokens, float* m, float* l, float* o, int paddedD) where V : struct, ILanes<V>
    {
        float max = s[0];
        for (int t = 1; t < tokens; t++) max = ScalarMath.Max(s[t], max);
        V scale = V.Broadcast(Exp2.Of(*m - max));
        *m = max;
        for (int i = 0; i < Lanes16.Count; i += V.Count) V.Store(V.Load(l + i) * scale, l + i);
        for (int i = 0; i < paddedD; i += V.Count) V.Store(V.Load(o + i) * scale, o + i);
    }
}
