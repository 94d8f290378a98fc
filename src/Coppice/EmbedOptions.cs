namespace Coppice;

/// <summary>What of a text's hidden states makes its embedding.</summary>
public enum EmbeddingPooling
{
    /// <summary>The mean over all tokens.</summary>
    Mean,

    /// <summary>The last token's, which has read all others: for models trained so.</summary>
    Last,
}

/// <summary>How a text is embedded.</summary>
public sealed record EmbedOptions
{
    /// <summary>What of the hidden states is taken.</summary>
    public EmbeddingPooling Pooling { get; init; }

    /// <summary>Requests share cached prefixes only with requests of the same salt.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Requests of lower numbers are begun before those of higher ones, whoever owns them.</summary>
    public int Priority { get; init; }

    /// <summary>Whose request it is: see <see cref="GenerateOptions.Owner"/>.</summary>
    public string? Owner { get; init; }

    /// <summary>Requests that its owner may begin while an owner of weight 1 begins one, in (0, 1,000].</summary>
    public float OwnerWeight { get; init; } = 1;
}

/// <summary>A text as a vector.</summary>
/// <param name="Values">[E], of length 1 (L2).</param>
/// <param name="Usage">All tokens count as the prompt's.</param>
public sealed record EmbedResult(IReadOnlyList<float> Values, Usage Usage);
