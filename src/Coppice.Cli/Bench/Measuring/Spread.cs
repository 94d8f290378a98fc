namespace Coppice.Cli.Bench.Measuring;

/// <summary>Where the samples of a measurement lie. Quartiles and median interpolate between neighbours.</summary>
internal readonly record struct Spread(int Count, double Min, double LowerQuartile, double Median, double UpperQuartile, double Max)
{
    /// <exception cref="ArgumentException">There are no samples.</exception>
    public static Spread Of(ReadOnlySpan<double> samples)
    {
        if (samples.IsEmpty) throw new ArgumentException("A spread needs one sample at least.", nameof(samples));
        double[] sorted = samples.ToArray();
        Array.Sort(sorted);
        return new Spread(sorted.Length, sorted[0], Quantile(sorted, 0.25), Quantile(sorted, 0.5), Quantile(sorted, 0.75), sorted[^1]);
    }

    private static double Quantile(double[] sorted, double share)
    {
        double at = share * (sorted.Length - 1);
        int below = (int)at;
        return below + 1 == sorted.Length ? sorted[below] : sorted[below] + (at - below) * (sorted[below + 1] - sorted[below]);
    }
}
