using Coppice.Loading;

namespace Coppice.Models;

/// <summary>The settings that all families have under the same names: sizes. What would change the computation of any family and is not supported is refused by name.</summary>
internal static class CommonConfig
{
    public const float MinEpsilon = 1e-20f;
    public const float MaxEpsilon = 0.1f;
    public const int MaxWindow = 1 << 28;
    public const int MaxContext = 1 << 28;

    /// <summary>A prompt's token and one of the answer.</summary>
    public const int MinContext = 2;

    private const int MaxLayers = 1024;
    private const int MaxHeads = 4096;
    private const int MaxHeadSize = 1024;
    private const int MaxHiddenSize = 1 << 20;
    private const int MaxFeedForwardSize = 1 << 22;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxExperts = 4096;

    public static readonly ConfigKey LayerTypes = new("layer_types", null);
    public static readonly ConfigKey RmsEpsilon = new("rms_norm_eps", "attention.layer_norm_rms_epsilon");
    public static readonly ConfigKey FeedForwardSize = new("intermediate_size", "feed_forward_length");

    public static readonly ConfigKey Window = new("sliding_window", "attention.sliding_window");
    public static readonly ConfigKey AttentionScale = new(null, "attention.scale");

    private static readonly ConfigKey s_layers = new("num_hidden_layers", "block_count");
    private static readonly ConfigKey s_context = new("max_position_embeddings", "context_length");
    private static readonly ConfigKey s_vocabulary = new("vocab_size", "vocab_size");
    private static readonly ConfigKey s_valueSize = new(null, "attention.value_length");
    private static readonly ConfigKey s_expertsPerToken = new("num_experts_per_tok", "expert_used_count");
    private static readonly ConfigKey s_hiddenSize = new("hidden_size", "embedding_length");
    private static readonly ConfigKey s_heads = new("num_attention_heads", "attention.head_count");
    private static readonly ConfigKey s_kvHeads = new("num_key_value_heads", "attention.head_count_kv");
    private static readonly ConfigKey s_headSize = new("head_dim", "attention.key_length");
    private static readonly ConfigKey s_activation = new("hidden_act", null);

    // Settings of GGUF that change the computation in families that are not here, and the values that change nothing.
    private static readonly (ConfigKey Key, float[] Neutral)[] s_refused =
    [
        (new(null, "attention.clamp_kqv"), [0]), (new(null, "attention.max_alibi_bias"), [0]), (new(null, "attention.temperature_scale"), [0]), (new(null, "router_logit_softcapping"), [0]),
        (new(null, "logit_scale"), [1, 0]), (new(null, "residual_scale"), [1, 0]), (new(null, "embedding_scale"), [1, 0]), (new(null, "expert_weights_scale"), [1, 0]),
        (new(null, "rope.scaling.alpha"), [0]), (new(null, "rope.scaling.yarn_ext_factor"), [1]), (new(null, "rope.scaling.yarn_attn_factor"), [1]),
        (new(null, "rope.scaling.yarn_log_multiplier"), [0]),
    ];

    /// <summary>The sizes and what follows from them, for the family to go on from: SiLU, gated, no biases, RMS norms, RoPE over whole heads.</summary>
    /// <param name="c">The settings.</param>
    /// <param name="epsilon">The norms' epsilon.</param>
    /// <param name="feedForwardSize">F.</param>
    /// <param name="rope">How the family keeps RoPE.</param>
    /// <param name="defaultHeadSize">D where a config.json is silent; null: hidden size over heads.</param>
    public static ModelConfig Read(ConfigFields c, ConfigKey epsilon, ConfigKey feedForwardSize, RopeKeys rope, int? defaultHeadSize = null)
    {
        RefuseUnsupported(c);
        int hiddenSize = c.RequiredInt32(s_hiddenSize, 1, MaxHiddenSize);
        int heads = c.RequiredInt32(s_heads, 1, MaxHeads);
        int layers = c.RequiredInt32(s_layers, 1, MaxLayers);
        int feedForward = c.RequiredInt32(feedForwardSize, 1, MaxFeedForwardSize);
        int kvHeads = c.Int32(s_kvHeads, 1, MaxHeads) ?? heads;
        if (heads % kvHeads != 0) throw c.Wrong(s_kvHeads, ConfigFields.Text(kvHeads), $"a divisor of {c.Named(s_heads)}, which is {heads}");
        int headSize = c.Int32(s_headSize, 2, MaxHeadSize) ?? (c is JsonConfig ? defaultHeadSize : null) ?? DefaultHeadSize(c, hiddenSize, heads);
        if (headSize % 2 != 0) throw c.Wrong(s_headSize, ConfigFields.Text(headSize), "an even number: RoPE turns pairs");
        MustBeHeadSize(c, s_valueSize, headSize);
        int vocabulary = c is GgufConfig gguf
            ? gguf.Int32(s_vocabulary, 1, MaxVocabulary) ?? gguf.CountTokens(MaxVocabulary)
            : c.RequiredInt32(s_vocabulary, 1, MaxVocabulary);
        int context = c.RequiredInt32(s_context, MinContext, MaxContext);
        float normEpsilon = c.RequiredSingle(epsilon, MinEpsilon, MaxEpsilon);
        RopeConfig ropeConfig = rope.Read(c, headSize, context);
        return new ModelConfig
        {
            Family = c.Family.Name,
            Layers = layers,
            HiddenSize = hiddenSize,
            FeedForwardSize = feedForward,
            Heads = heads,
            KvHeads = kvHeads,
            HeadSize = headSize,
            VocabularySize = vocabulary,
            MaxContextTokens = RopeKeys.ContextTokens(c, ropeConfig, context),
            NormEpsilon = normEpsilon,
            Rope = ropeConfig,
            AttentionScale = c.Single(AttentionScale, 0, float.MaxValue) is > 0 and float scale ? scale : null,
            TiedOutput = c.Boolean(new("tie_word_embeddings", null)) ?? !c.Has(WeightRole.Output),
        };
    }

    /// <summary>What <see cref="Read"/> reads, for the family to go on from.</summary>
    /// <param name="config">The model.</param>
    /// <param name="s">Its settings.</param>
    /// <param name="epsilon">The norms' epsilon.</param>
    /// <param name="feedForwardSize">F.</param>
    /// <param name="rope">How the family keeps RoPE.</param>
    public static void Write(ModelConfig config, GgufSettings s, ConfigKey epsilon, ConfigKey feedForwardSize, RopeKeys rope)
    {
        s.Set(s_layers, config.Layers);
        s.Set(s_context, config.MaxContextTokens);
        s.Set(s_hiddenSize, config.HiddenSize);
        s.Set(feedForwardSize, config.FeedForwardSize);
        s.Set(s_heads, config.Heads);
        s.Set(s_kvHeads, config.KvHeads);
        s.Set(s_headSize, config.HeadSize);
        s.Set(s_valueSize, config.HeadSize);
        s.Set(s_vocabulary, config.VocabularySize);
        s.Set(epsilon, config.NormEpsilon);
        rope.Write(config.Rope, s);
    }

    /// <summary>Refuses every activation but those named.</summary>
    public static Activation ReadActivation(ConfigFields c, params ReadOnlySpan<(string Name, Activation Activation)> known)
    {
        if (c.String(s_activation) is not string name) return known[0].Activation;
        string needed = "";
        foreach ((string one, Activation activation) in known)
        {
            if (one == name) return activation;
            needed = needed.Length == 0 ? $"'{one}'" : $"{needed} or '{one}'";
        }
        throw c.Wrong(s_activation, Quoted.Of(name), needed);
    }

    /// <summary>Experts by their keys; null where there is none.</summary>
    public static ExpertConfig? ReadExperts(ConfigFields c, ConfigKey count, bool normalized)
    {
        int experts = c.Int32(count, 0, MaxExperts) ?? 0;
        if (experts == 0) return null;
        int perToken = c.RequiredInt32(s_expertsPerToken, 1, experts);
        return new ExpertConfig(experts, perToken, normalized);
    }

    /// <summary>What <see cref="ReadExperts"/> reads.</summary>
    public static void WriteExperts(ExpertConfig experts, GgufSettings s, ConfigKey count)
    {
        s.Set(count, experts.Count);
        s.Set(s_expertsPerToken, experts.PerToken);
    }

    /// <summary>Which layers are windowed, where they are listed: "sliding_attention" or "full_attention" each in config.json, flags in GGUF. Null: they are not.</summary>
    public static bool[]? ReadLayerTypes(ConfigFields c, ConfigKey key, int layers)
    {
        const string Windowed = "sliding_attention", Full = "full_attention";
        string[]? types = (c as JsonConfig)?.Fields.Strings(key.Json!);
        foreach (string type in types ?? [])
            if (type is not (Windowed or Full)) throw c.Wrong(key, $"a list with {Quoted.Of(type)}", $"'{Windowed}' and '{Full}'");
        bool[]? windowed = types is null ? (c as GgufConfig)?.Booleans(key) : [.. types.Select(type => type == Windowed)];
        return windowed is null || windowed.Length == layers ? windowed : throw c.Wrong(key, $"a list of {windowed.Length}", $"{layers}, one for each layer");
    }

    private static void RefuseUnsupported(ConfigFields c)
    {
        if (c is JsonConfig { Fields: var fields })
        {
            if (fields.Object("quantization_config") is JsonFields quantization)
                throw fields.Wrong("quantization_config", $"of method {Quoted.Of(quantization.String("quant_method") ?? "unknown")}", "weights in F32, F16 or BF16");
            c.MustBe(new("use_bidirectional_attention", null), false);
        }
        c.MustBe(new(null, "attention.causal"), true);
        foreach ((ConfigKey key, float[] neutral) in s_refused)
            if (c.Single(key, float.MinValue, float.MaxValue) is float found && !neutral.Contains(found))
                throw c.Wrong(key, ConfigFields.Text(found), $"{ConfigFields.Text(neutral[0])}; anything else is not supported");
        if (c.Int32(new(null, "expert_shared_count"), 0, MaxExperts) is > 0 and int shared) throw c.Wrong(new(null, "expert_shared_count"), ConfigFields.Text(shared), "0; shared experts are not supported");
        if (c.Int32(new(null, "expert_gating_func"), 0, int.MaxValue) is > 1 and int gating) throw c.Wrong(new(null, "expert_gating_func"), ConfigFields.Text(gating), "1, a softmax");
    }

    private static int DefaultHeadSize(ConfigFields c, int hiddenSize, int heads) =>
        hiddenSize % heads == 0 && hiddenSize / heads is >= 2 and <= MaxHeadSize ? hiddenSize / heads
        : throw c.Wrong(s_hiddenSize, ConfigFields.Text(hiddenSize), $"{heads} heads of 2 to {MaxHeadSize} elements each");

    private static void MustBeHeadSize(ConfigFields c, ConfigKey key, int headSize)
    {
        if (c.Int32(key, 0, int.MaxValue) is int found && found != headSize) throw c.Wrong(key, ConfigFields.Text(found), $"{headSize}, the head size");
    }
}
