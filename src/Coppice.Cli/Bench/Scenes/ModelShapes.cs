using Coppice.Models;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Sizes of models that others publish figures for.</summary>
internal static class ModelShapes
{
    private static readonly (string Name, ModelConfig Config)[] All =
    [
        ("tiny", Sizes(hidden: 64, layers: 2, heads: 4, kvHeads: 2, headSize: 16, feedForward: 128, vocabulary: 256)),     // for tests
        ("small", Sizes(hidden: 768, layers: 12, heads: 12, kvHeads: 12, headSize: 64, feedForward: 2_048)),
        ("tinyllama", Sizes(hidden: 2_048, layers: 22, heads: 32, kvHeads: 4, headSize: 64, feedForward: 5_632)),
        ("mha1b", Sizes(hidden: 2_048, layers: 12, heads: 32, kvHeads: 32, headSize: 64, feedForward: 5_632)),
        ("llama7b", Sizes(hidden: 4_096, layers: 32, heads: 32, kvHeads: 32, headSize: 128, feedForward: 11_008)),
    ];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(shape => shape.Name)];

    /// <exception cref="ArgumentOutOfRangeException">There is none of that name.</exception>
    public static ModelConfig Config(string name)
    {
        foreach ((string known, ModelConfig config) in All)
            if (known == name) return config;
        throw new ArgumentOutOfRangeException(nameof(name), name, $"Known shapes: {string.Join(", ", Names)}.");
    }

    /// <summary>The products of one layer as the engine stacks them, and the output layer.</summary>
    public static IReadOnlyList<(string Name, int Inputs, int Outputs)> Linears(ModelConfig c) =>
    [
        ("qkv", c.HiddenSize, (c.Heads + 2 * c.KvHeads) * c.HeadSize),
        ("o", c.Heads * c.HeadSize, c.HiddenSize),
        ("gate+up", c.HiddenSize, 2 * c.FeedForwardSize),
        ("down", c.FeedForwardSize, c.HiddenSize),
        ("output", c.HiddenSize, c.VocabularySize),
    ];

    private static ModelConfig Sizes(int hidden, int layers, int heads, int kvHeads, int headSize, int feedForward, int vocabulary = 32_000) => new()
    {
        Family = "llama",
        Layers = layers,
        HiddenSize = hidden,
        FeedForwardSize = feedForward,
        Heads = heads,
        KvHeads = kvHeads,
        HeadSize = headSize,
        VocabularySize = vocabulary,
        MaxContextTokens = 1 << 20,
        NormEpsilon = 1e-5f,
        Rope = new RopeConfig { Base = 10_000, Dimensions = headSize, Pairing = RopePairing.Halves },
        TiedOutput = false,
    };
}
