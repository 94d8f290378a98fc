namespace Coppice.Models;

/// <summary>Which elements of a head RoPE turns together (Su et al. 2021).</summary>
public enum RopePairing
{
    /// <summary>(i, i + D/2): Hugging Face checkpoints.</summary>
    Halves,

    /// <summary>(2i, 2i + 1): GGUF checkpoints of the Llama family.</summary>
    Interleaved,
}

/// <summary>The sizes of a model. Symbols as in docs/symbols.md.</summary>
public sealed record ModelConfig
{
    /// <summary>Family, as in ModelFamilies: "llama".</summary>
    public required string Family { get; init; }

    /// <summary>Transformer layers.</summary>
    public required int Layers { get; init; }

    /// <summary>E: width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>F: width of the feed-forward layer.</summary>
    public required int FeedForwardSize { get; init; }

    /// <summary>H: query heads.</summary>
    public required int Heads { get; init; }

    /// <summary>Hkv: key and value heads; divides <see cref="Heads"/>.</summary>
    public required int KvHeads { get; init; }

    /// <summary>D: elements of a head.</summary>
    public required int HeadSize { get; init; }

    /// <summary>V: tokens in the vocabulary.</summary>
    public required int VocabularySize { get; init; }

    /// <summary>Longest sequence the model was made for.</summary>
    public required int MaxContextTokens { get; init; }

    /// <summary>Added to the mean square in RMSNorm.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>RoPE's base frequency.</summary>
    public required float RopeBase { get; init; }

    /// <summary>RoPE's pairing.</summary>
    public required RopePairing RopePairing { get; init; }

    /// <summary>The output layer uses the embedding's weights.</summary>
    public required bool TiedOutput { get; init; }

    /// <summary>The widest window if every layer has one: older keys and values are let go. 0: some layer sees all, and all are kept.</summary>
    internal int LargestWindow { get; init; }

    /// <summary>The window of a layer; 0: it sees all.</summary>
    internal int WindowOf(int layer) => layer < Layers ? LargestWindow : throw new ArgumentOutOfRangeException(nameof(layer), layer, $"Layer must be below {Layers}.");
}
