namespace Coppice.Cli.Scoring;

/// <summary>A way to compare continuations of different lengths. Evaluation suites use all four of them.</summary>
internal sealed record Ranking(string Name, Func<Scored, double> Value)
{
    /// <summary>The probability as it is ("acc" of evaluation suites), and per token, byte and character ("acc_norm" divides by characters).</summary>
    public static IReadOnlyList<Ranking> All { get; } =
    [
        new("sum", scored => scored.LogProb),
        new("mean", scored => scored.PerToken),
        new("byte", scored => scored.PerByte),
        new("character", scored => scored.PerCharacter),
    ];

    /// <summary>The likeliest continuation; among equals the first.</summary>
    public int Best(IReadOnlyList<Scored> scored)
    {
        int best = 0;
        for (int i = 1; i < scored.Count; i++)
            if (Value(scored[i]) > Value(scored[best])) best = i;
        return best;
    }

    /// <summary>1 for the likeliest; among equals the first comes first.</summary>
    public int Rank(IReadOnlyList<Scored> scored, int index)
    {
        double own = Value(scored[index]);
        int rank = 1;
        for (int i = 0; i < scored.Count; i++)
            if (Value(scored[i]) > own || (i < index && Value(scored[i]).Equals(own))) rank++;
        return rank;
    }
}
