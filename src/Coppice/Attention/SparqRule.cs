using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>How much of a row's history SparQ reads: r, k and the local window by head size and length.</summary>
internal sealed class SparqRule
{
    /// <summary>The paper keeps k at this and tunes r; under a compression it is the least.</summary>
    public const int DefaultK = 128;

    /// <summary>Below this, fetching costs more than reading everything.</summary>
    public const int LeastCompression = 2;

    /// <summary>Down to here the paper's models lose next to nothing.</summary>
    public const double DefaultCompression = 4;

    /// <summary>
    /// A fetched byte costs about this much more than one of a stream: lines and rows are read from here and there. Rows that
    /// fetch more than one part in this of what exact attention reads are attended exactly. A constant, and not a stopwatch,
    /// since what a row gets must not depend on what else the machine does.
    /// </summary>
    public const int FetchCost = 2;

    private readonly int _d;
    private readonly SparqOptions _options;
    private readonly double? _compression;

    public SparqRule(SparqOptions options, int d, int g)
    {
        (_d, _options) = (d, options);
        _compression = options.Compression ?? (options.R is null && options.K is null ? DefaultCompression : null);
        R = _compression is double compression ? Math.Clamp((int)Math.Round(d / compression), 1, d) : options.R ?? Math.Max(1, d / 4);
        HasMeanValue = TakesMeanValue(options, g);
        LeastPositions = FindLeastPositions();
    }

    /// <summary>Components of the approximate scores.</summary>
    public int R { get; }

    /// <summary>The mean value stands for what is left out.</summary>
    public bool HasMeanValue { get; }

    /// <summary>From so many positions on it pays.</summary>
    public int LeastPositions { get; }

    /// <summary>Auto is off for grouped queries (arXiv 2312.04985, section 4).</summary>
    public static bool TakesMeanValue(SparqOptions options, int g) => options.MeanValue == SparqMeanValue.On || (options.MeanValue == SparqMeanValue.Auto && g == 1);

    /// <summary>Positions attended to, of so many; never more than there are.</summary>
    public int K(int positions) => Math.Min(positions, _compression is double compression ? Math.Max(DefaultK, (int)(positions / (2 * compression))) : _options.K ?? DefaultK);

    /// <summary>Of <paramref name="k"/> positions, those at the end that are always among them.</summary>
    public int Local(int k) => Math.Min(k, _options.Local ?? k / 4);

    /// <summary>Elements fetched for a row and KV head: S r + 2 k D + 4 D (arXiv 2312.04985, section 3); exact attention reads 2 S D + 2 D.</summary>
    public long Elements(int positions) => (long)positions * R + (2L * K(positions) + 4) * _d;

    /// <summary>Elements fetched for rows of these lengths and a KV head, if one selection of the positions that they share serves all of them and each reads the rest of its own whole.</summary>
    public long GroupElements(int shared, ReadOnlySpan<BatchSegment> rows)
    {
        long elements = (long)shared * R + 2L * K(shared) * _d;
        foreach (ref readonly BatchSegment row in rows) elements += (2L * (row.Length - shared) + 2) * _d;
        return elements;
    }

    private bool Pays(int positions) => ((long)positions * R + 2L * K(positions) * _d) * FetchCost <= 2L * positions * _d;

    // What is fetched grows more slowly than 2 S D, or never gets below its half.
    private int FindLeastPositions()
    {
        const int Longest = 1 << 30;
        if (!Pays(Longest)) return int.MaxValue;
        int no = 0, yes = Longest;
        while (yes - no > 1)
        {
            int middle = no + (yes - no) / 2;
            if (Pays(middle)) yes = middle;
            else no = middle;
        }

        return yes;
    }
}
