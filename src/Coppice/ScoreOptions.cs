namespace Coppice;

/// <summary>How given tokens are scored.</summary>
public sealed record ScoreOptions
{
    /// <summary>Alternatives reported beside each token, 0 to 20.</summary>
    public int TopLogProbs { get; init; }

    /// <summary>
    /// The scored tokens are read as if they had been generated: an approximate attention mode approximates their rows, and the scores
    /// are those that generation under that mode would report for these tokens. Off, all is computed exactly, as prompts are. With an
    /// exact mode there is no difference.
    /// </summary>
    public bool AsDecode { get; init; }

    /// <summary>Requests share cached prefixes only with requests of the same salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Requests of lower numbers are begun before those of higher ones, whoever owns them.</summary>
    public int Priority { get; init; }

    /// <summary>Whose request it is: see <see cref="GenerateOptions.Owner"/>.</summary>
    public string? Owner { get; init; }

    /// <summary>Requests that its owner may begin while an owner of weight 1 begins one, in (0, 1,000].</summary>
    public float OwnerWeight { get; init; } = 1;
}
