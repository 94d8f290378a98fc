namespace Coppice;

/// <summary>A given token's log probability, and where it stands among all tokens of the vocabulary.</summary>
/// <param name="LogProb">Under the model, before temperature and penalties, with the alternatives that were asked for.</param>
/// <param name="Rank">1 for the likeliest token; equal ones rank by id, lowest first.</param>
public sealed record ScoredToken(ChosenLogProb LogProb, int Rank)
{
    /// <summary>Greedy decoding would have chosen it here.</summary>
    public bool IsGreedy => Rank == 1;
}

/// <summary>What a model gives to tokens that were not its own choice.</summary>
/// <param name="Tokens">One for each token from the first scored one on.</param>
/// <param name="Usage">All given tokens count as the prompt's.</param>
public sealed record ScoreResult(IReadOnlyList<ScoredToken> Tokens, Usage Usage)
{
    /// <summary>Natural logarithm of the probability of all scored tokens together, given those before them. Summed in order, in double.</summary>
    public double LogProb => Tokens.Sum(token => (double)token.LogProb.LogProb);

    /// <summary><see cref="LogProb"/> per scored token; NaN if there are none.</summary>
    public double MeanLogProb => LogProb / Tokens.Count;

    /// <summary>Greedy decoding would have produced all scored tokens.</summary>
    public bool IsGreedy => Tokens.All(token => token.IsGreedy);
}
