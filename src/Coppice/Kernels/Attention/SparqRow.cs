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
/// SparQ attention of one row and KV head, all heads of the group together (arXiv 2312.04985, algorithm 1 and appendix B), in four
/// phases. Every sum has an order of its own that depends on the row's history only, so a row's bits do not depend on what else runs.
/// </summary>
internal readonly unsafe struct SparqRow
{
    private readonly History _history;
    private readonly SparqSize _size;
    private readonly int _g, _d, _padded;
    private readonly float _factor;
    private readonly float* _q, _output;
    private readonly nint _n16, _k16;

    // Scratch: s^ [g][n], their sum over the group [n], weights [g][k], positions [k], queries [g][padded D] and their components [g][r],
    // weighted values [g][padded D], mean value [padded D], [padded D], components [r], 1 / sum of weights [g], α [g].
    private readonly float* _approximate, _total, _weights, _wide, _packed, _sums, _mean, _magnitude, _share, _alpha;
    private readonly int* _chosen, _components;

    /// <param name="history">The sequence's keys and values, its own row included.</param>
    /// <param name="q">Queries, [g, D].</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="factor">Makes exponents of two of exact scores.</param>
    /// <param name="size">What is read.</param>
    /// <param name="output">[g, D]; may be <paramref name="q"/>.</param>
    /// <param name="scratch">Of <see cref="ScratchFloats"/>.</param>
    public SparqRow(in History history, float* q, int g, float factor, in SparqSize size, float* output, float* scratch)
    {
        (_history, _size, _g, _factor) = (history, size, g, factor);
        _q = q;
        _output = output;
        (_d, _padded) = (history.Layout.HeadSize, history.Layout.PaddedHeadSize);
        (_n16, _k16) = ((nint)Padded(size.Positions), (nint)Padded(size.K));
        _approximate = scratch;
        // Dividing by the sum of the weights changes no order, so that one head is its own group's sum.
        _total = g == 1 ? _approximate : _approximate + g * _n16;
        _weights = _approximate + (g + 1) * _n16;
        _chosen = (int*)(_weights + g * _k16);
        _wide = (float*)_chosen + _k16;
        _packed = _wide + g * _padded;
        _sums = _packed + g * _padded;
        _mean = _sums + g * _padded;
        _magnitude = _mean + _padded;
        _components = (int*)(_magnitude + _padded);
        _share = (float*)_components + _padded;
        _alpha = _share + (nint)Padded(g);
    }

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

    /// <summary>All phases. Arguments and result are those of the constructor and of the phases.</summary>
    /// <returns>Bytes fetched.</returns>
    public static long Run(in History history, float* q, int g, float factor, in SparqSize size, float* output, float* scratch)
    {
        var row = new SparqRow(history, q, g, factor, size, output, scratch);
        long bytes = row.Approximate();
        row.Weigh();
        row.Choose();
        return bytes + row.Attend();
    }

    /// <summary>The largest components of the group's queries, and with them approximate scores of all positions.</summary>
    /// <returns>Bytes fetched.</returns>
    public long Approximate()
    {
        long bytes = 0;
        ComponentSums(_q, _g, _d, _magnitude);
        TopPositions.Run(_magnitude, _d, _size.R, _components);
        for (int h = 0; h < _g; h++)
            for (int j = 0; j < _size.R; j++) _packed[h * _size.R + j] = _q[h * _d + _components[j]];
        KeyScores.Run(_history, null, KvLayout.PagesFor(_size.Positions), new ReadOnlySpan<int>(_components, _size.R), _packed, _g, _approximate, _n16, ref bytes);
        return bytes;
    }

    /// <summary>Their softmax.</summary>
    public void Weigh()
    {
        for (int h = 0; h < _g; h++)
            _share[h] = 1f / RowWeights.Run(_approximate + h * _n16, _size.Positions, Temper(_q + h * _d, _d, _packed + h * _size.R, _size.R) * _factor);
    }

    /// <summary>The k positions with the largest sums over the group, the local ones among them; and α.</summary>
    public void Choose()
    {
        int n = _size.Positions, k = _size.K, local = _size.Local;
        if (_g > 1)
        {
            new Span<float>(_total, (int)_n16).Clear();
            GroupSum.Add(_approximate, _n16, _share, _g, (int)_n16, _total);
        }

        TopPositions.Run(_total, n - local, k - local, _chosen);
        for (int i = 0; i < local; i++) _chosen[k - local + i] = n - local + i;
        for (int h = 0; h < _g && _size.HasMeanValue; h++) _alpha[h] = k == n ? 1f : Covered(_approximate + h * _n16, _chosen, k, _share[h]);
    }

    /// <summary>Exact attention to the chosen positions, and the mean value for the rest.</summary>
    /// <returns>Bytes fetched, and those of the new key and value, as exact attention's count has them.</returns>
    public long Attend()
    {
        long bytes = 2L * _d * _history.Layout.ElementBytes;
        new Span<float>(_wide, _g * _padded).Clear();
        for (int h = 0; h < _g; h++) new ReadOnlySpan<float>(_q + h * _d, _d).CopyTo(new Span<float>(_wide + h * _padded, _d));
        Gather.Scores(_history, _chosen, _size.K, _wide, _g, _weights, _k16, ref bytes);
        for (int h = 0; h < _g; h++) _share[h] = 1f / RowWeights.Run(_weights + h * _k16, _size.K, _factor);
        Gather.Values(_history, _chosen, _size.K, _weights, _k16, _share, _g, _sums, ref bytes);
        if (_size.HasMeanValue) bytes += _history.Mean(_size.Positions - 1, _mean);
        for (int h = 0; h < _g; h++)
            for (int i = 0; i < _d; i++)
                _output[h * _d + i] = _size.HasMeanValue ? MathF.FusedMultiplyAdd(_alpha[h], _sums[h * _padded + i], (1f - _alpha[h]) * _mean[i]) : _sums[h * _padded + i];
        return bytes;
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
