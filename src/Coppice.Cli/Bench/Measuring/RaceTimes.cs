namespace Coppice.Cli.Bench.Measuring;

/// <summary>What a race found: for each contender one time per repetition.</summary>
internal sealed class RaceTimes
{
    private readonly Dictionary<string, int> _index = new(StringComparer.Ordinal);
    private readonly List<double[]> _rounds = [];

    public RaceTimes(IEnumerable<string> names)
    {
        foreach (string name in names) _index.Add(name, _index.Count);
    }

    public int Repetitions => _rounds.Count;

    public bool Has(string name) => _index.ContainsKey(name);

    /// <summary>Seconds of a contender.</summary>
    public Spread this[string name] => Spread.Of(Samples(name));

    /// <param name="seconds">In the order of the contenders; copied.</param>
    public void Add(ReadOnlySpan<double> seconds)
    {
        if (seconds.Length != _index.Count) throw new ArgumentException($"{seconds.Length} times for {_index.Count} contenders.", nameof(seconds));
        _rounds.Add(seconds.ToArray());
    }

    public double Median(string name) => this[name].Median;

    /// <summary>How many times as long one takes as another: the median over repetitions, in each of which both had the same machine.</summary>
    public double Ratio(string name, string to) => Spread.Of([.. _rounds.Select(round => round[_index[name]] / round[_index[to]])]).Median;

    private double[] Samples(string name) => [.. _rounds.Select(round => round[_index[name]])];
}
