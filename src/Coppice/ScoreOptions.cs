namespace Coppice;

/// <summary>How given tokens are scored.</summary>
public sealed record ScoreOptions
{
    /// <summary>Alternatives reported beside each token, 0 to 20.</summary>
    public int TopLogProbs { get; init; }

    /// <summary>Requests share cached prefixes only with requests of the same salt.</summary>
    public string? CacheSalt { get; init; }
}
