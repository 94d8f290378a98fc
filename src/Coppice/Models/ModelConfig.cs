using Coppice.Attention;

namespace Coppice.Models;

/// <summary>How the residual stream is normalised before a block reads it.</summary>
public enum NormKind
{
    /// <summary>x / rms(x) · w (Zhang &amp; Sennrich 2019).</summary>
    Rms,

    /// <summary>(x - mean) / deviation · w + b (Ba et al. 2016).</summary>
    Layer,
}

/// <summary>The function between the two products of a feed-forward layer.</summary>
public enum Activation
{
    /// <summary>x / (1 + e^-x).</summary>
    Silu,

    /// <summary>x · Φ(x), by the error function (Hendrycks &amp; Gimpel 2016).</summary>
    Gelu,

    /// <summary>The same by its approximation x / 2 · (1 + tanh(√(2/π) · (x + 0.044715 x³))).</summary>
    GeluTanh,
}

/// <summary>A mixture of experts: every row goes through few of many feed-forward layers (arXiv 2401.04088).</summary>
/// <param name="Count">Experts of a layer.</param>
/// <param name="PerToken">Experts that a row goes through: those with the largest router outputs.</param>
/// <param name="Normalized">The weights of a row's experts sum to 1; else they are their shares of the softmax over all experts.</param>
public sealed record ExpertConfig(int Count, int PerToken, bool Normalized);

/// <summary>
/// What a model is: its sizes, and the choices that its family makes. The forward pass obeys this and knows no families.
/// Symbols as in docs/symbols.md.
/// </summary>
public sealed record ModelConfig
{
    /// <summary>Family, as in ModelFamilies: "llama".</summary>
    public required string Family { get; init; }

    /// <summary>Transformer layers.</summary>
    public required int Layers { get; init; }

    /// <summary>E: width of the residual stream.</summary>
    public required int HiddenSize { get; init; }

    /// <summary>F: width of the feed-forward layer; of one expert where there are <see cref="Experts"/>.</summary>
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

    /// <summary>How norms before blocks, and the last one, are computed.</summary>
    public NormKind Norm { get; init; }

    /// <summary>Added to the mean square or the variance.</summary>
    public required float NormEpsilon { get; init; }

    /// <summary>Added to every norm's weights as they stand in the file: 1 where they are kept as a difference from 1.</summary>
    public float NormOffset { get; init; }

    /// <summary>A block's output is normalised too before it goes onto the residual stream.</summary>
    public bool PostNorms { get; init; }

    /// <summary>Attention and feed-forward read the same residual stream, and both are added to it.</summary>
    public bool ParallelResidual { get; init; }

    /// <summary>Multiplies the embedding.</summary>
    public float EmbeddingScale { get; init; } = 1;

    /// <summary>Queries, keys and values have biases.</summary>
    public bool QkvBias { get; init; }

    /// <summary>Attention's output layer has a bias.</summary>
    public bool AttentionOutputBias { get; init; }

    /// <summary>Each head's query and key are normalised (RMS) before RoPE.</summary>
    public bool QueryKeyNorms { get; init; }

    /// <summary>RoPE, in windowed layers too unless <see cref="LocalRope"/> says otherwise.</summary>
    public required RopeConfig Rope { get; init; }

    /// <summary>RoPE in windowed layers; null: the same as elsewhere.</summary>
    public RopeConfig? LocalRope { get; init; }

    /// <summary>Multiplies query · key; null: 1 / √D.</summary>
    public double? AttentionScale { get; init; }

    /// <summary>A score s becomes cap · tanh(s / cap); 0: stays as it is.</summary>
    public float AttentionSoftCap { get; init; }

    /// <summary>Positions that a row of a windowed layer sees, its own included; 0: no layer is windowed.</summary>
    public int Window { get; init; }

    /// <summary>Which layers are windowed, one entry a layer; null: all of them, if there is a <see cref="Window"/>.</summary>
    public IReadOnlyList<bool>? WindowedLayers { get; init; }

    /// <summary>Between the two products of the feed-forward layer.</summary>
    public Activation Activation { get; init; }

    /// <summary>The feed-forward layer is down(f(gate(x)) · up(x)); else down(f(up(x))).</summary>
    public bool GatedFeedForward { get; init; } = true;

    /// <summary>The feed-forward layer's products have biases.</summary>
    public bool FeedForwardBias { get; init; }

    /// <summary>Null: one feed-forward layer for every row.</summary>
    public ExpertConfig? Experts { get; init; }

    /// <summary>A logit z becomes cap · tanh(z / cap); 0: stays as it is.</summary>
    public float LogitSoftCap { get; init; }

    /// <summary>The output layer uses the embedding's weights.</summary>
    public required bool TiedOutput { get; init; }

    /// <summary>The largest window over all layers; 0 if some layer sees everything.</summary>
    public int LargestWindow => Window > 0 && (WindowedLayers is null || WindowedLayers.All(windowed => windowed)) ? Window : 0;

    /// <summary>Whether a layer sees only the last <see cref="Window"/> positions.</summary>
    public bool IsWindowed(int layer) => Window > 0 && (WindowedLayers?[layer] ?? true);

    /// <summary>Positions that a row of a layer sees, its own included; 0: all up to its own.</summary>
    public int WindowOf(int layer) => IsWindowed(layer) ? Window : 0;

    internal AttentionRule Rule(int layer) => new(AttentionScale ?? 1 / Math.Sqrt(HeadSize), WindowOf(layer), AttentionSoftCap);
}
