namespace Coppice.Tokens;

/// <summary>What the files of a tokenizer come to, in the order in which a text passes through it.</summary>
internal sealed record TokenizerParts
{
    public required Vocabulary Vocabulary { get; init; }

    /// <summary>Found in the text as given.</summary>
    public required AddedTokens AddedToText { get; init; }

    public Normalizer? Normalizer { get; init; }

    /// <summary>Found in the text after <see cref="Normalizer"/>.</summary>
    public required AddedTokens AddedToNormalized { get; init; }

    public IReadOnlyList<PreTokenizer> PreTokenizers { get; init; } = [];

    public required WordModel Model { get; init; }

    /// <summary>Put before and after a prompt.</summary>
    public IReadOnlyList<int> Before { get; init; } = [];

    /// <inheritdoc cref="Before"/>
    public IReadOnlyList<int> After { get; init; } = [];

    public int? BeginOfText { get; init; }

    public int? EndOfText { get; init; }

    /// <inheritdoc cref="PieceDecoder.DropsLeadingSpace"/>
    public bool DropsLeadingSpace { get; init; }
}
