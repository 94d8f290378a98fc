using System.Globalization;
using Coppice.Loading;

namespace Coppice.Models;

/// <summary>The Llama family's sizes, from config.json or GGUF metadata. What would change the computation and is not supported is refused by name.</summary>
internal static class LlamaConfig
{
    public const string Family = "llama";

    private const int MaxLayers = 1024;
    private const int MaxHeads = 4096;
    private const int MaxHeadSize = 1024;
    private const int MaxHiddenSize = 1 << 20;
    private const int MaxFeedForwardSize = 1 << 22;
    private const int MaxVocabulary = 1 << 24;
    private const int MaxContext = 1 << 28;
    private const float MinEpsilon = 1e-20f;
    private const float MaxEpsilon = 0.1f;
    private const float MinRopeBase = 1;
    private const float MaxRopeBase = 1e12f;
    private const float DefaultRopeBase = 10_000;

    /// <param name="config">config.json</param>
    /// <param name="hasOutput">The checkpoint has output weights of its own: decides where the config does not say whether they are tied.</param>
    public static ModelConfig Read(JsonFields config, bool hasOutput)
    {
        RefuseUnsupported(config);
        int hiddenSize = config.RequiredInt32("hidden_size", 1, MaxHiddenSize);
        int heads = config.RequiredInt32("num_attention_heads", 1, MaxHeads);
        return Checked(config.Wrong, "num_attention_heads", "num_key_value_heads", "head_dim", new ModelConfig
        {
            Family = Family,
            Layers = config.RequiredInt32("num_hidden_layers", 1, MaxLayers),
            HiddenSize = hiddenSize,
            FeedForwardSize = config.RequiredInt32("intermediate_size", 1, MaxFeedForwardSize),
            Heads = heads,
            KvHeads = config.Int32("num_key_value_heads", 1, MaxHeads) ?? heads,
            HeadSize = config.Int32("head_dim", 2, MaxHeadSize) ?? DefaultHeadSize(config.Wrong, "hidden_size", hiddenSize, heads),
            VocabularySize = config.RequiredInt32("vocab_size", 1, MaxVocabulary),
            MaxContextTokens = config.RequiredInt32("max_position_embeddings", 1, MaxContext),
            NormEpsilon = config.RequiredSingle("rms_norm_eps", MinEpsilon, MaxEpsilon),
            RopeBase = RopeBase(config),
            RopePairing = RopePairing.Halves,
            TiedOutput = config.Boolean("tie_word_embeddings") ?? !hasOutput,
        });
    }

    /// <inheritdoc cref="Read(JsonFields, bool)"/>
    public static ModelConfig Read(GgufMetadata metadata, bool hasOutput)
    {
        RefuseUnsupported(metadata);
        int hiddenSize = metadata.RequiredInt32("llama.embedding_length", 1, MaxHiddenSize);
        int heads = metadata.RequiredInt32("llama.attention.head_count", 1, MaxHeads);
        ModelConfig config = Checked(metadata.Wrong, "llama.attention.head_count", "llama.attention.head_count_kv", "llama.attention.key_length", new ModelConfig
        {
            Family = Family,
            Layers = metadata.RequiredInt32("llama.block_count", 1, MaxLayers),
            HiddenSize = hiddenSize,
            FeedForwardSize = metadata.RequiredInt32("llama.feed_forward_length", 1, MaxFeedForwardSize),
            Heads = heads,
            KvHeads = metadata.OptionalInt32("llama.attention.head_count_kv", 1, MaxHeads) ?? heads,
            HeadSize = metadata.OptionalInt32("llama.attention.key_length", 2, MaxHeadSize) ?? DefaultHeadSize(metadata.Wrong, "llama.embedding_length", hiddenSize, heads),
            VocabularySize = metadata.OptionalInt32("llama.vocab_size", 1, MaxVocabulary) ?? CountTokens(metadata),
            MaxContextTokens = metadata.RequiredInt32("llama.context_length", 1, MaxContext),
            NormEpsilon = InRange(metadata, "llama.attention.layer_norm_rms_epsilon", metadata.RequiredFloat("llama.attention.layer_norm_rms_epsilon"), MinEpsilon, MaxEpsilon),
            RopeBase = InRange(metadata, "llama.rope.freq_base", metadata.OptionalFloat("llama.rope.freq_base") ?? DefaultRopeBase, MinRopeBase, MaxRopeBase),
            RopePairing = RopePairing.Interleaved,
            TiedOutput = !hasOutput,
        });
        MustBe(metadata, "llama.attention.value_length", config.HeadSize);
        MustBe(metadata, "llama.rope.dimension_count", config.HeadSize);
        return config;
    }

    private static void RefuseUnsupported(JsonFields config)
    {
        string type = config.RequiredString("model_type");
        if (type != Family) throw config.Wrong("model_type", Quoted.Of(type), $"'{Family}', the one architecture that is supported");
        if (config.Strings("architectures") is { Length: > 0 } names && !names.Contains("LlamaForCausalLM", StringComparer.OrdinalIgnoreCase))
            throw config.Wrong("architectures", Quoted.Of(names[0]), "'LlamaForCausalLM', the one architecture that is supported");
        if (config.String("hidden_act") is string activation && activation != "silu") throw config.Wrong("hidden_act", Quoted.Of(activation), "'silu'");
        foreach (string bias in (ReadOnlySpan<string>)["attention_bias", "mlp_bias"])
            if (config.Boolean(bias) == true) throw config.Wrong(bias, "true", "false; biases are not supported");
        if (config.Object("quantization_config") is JsonFields quantization)
            throw config.Wrong("quantization_config", $"of method {Quoted.Of(quantization.String("quant_method") ?? "unknown")}", "weights in F32, F16 or BF16");
        if (config.Single("partial_rotary_factor", 0, 1) is float part && part != 1) throw config.Wrong("partial_rotary_factor", Text(part), "1");
        if (config.Object("rope_scaling") is JsonFields scaling) RefuseScaling(scaling, scaling.String("rope_type") ?? scaling.RequiredString("type"));
        if (config.Object("rope_parameters") is JsonFields parameters) RefuseScaling(parameters, parameters.String("rope_type") ?? "default");
    }

    private static void RefuseScaling(JsonFields rope, string type)
    {
        if (type != "default") throw rope.Wrong("rope_type", Quoted.Of(type), "'default'; RoPE scaling is not supported");
    }

    private static void RefuseUnsupported(GgufMetadata metadata)
    {
        const string ArchitectureKey = "general.architecture", ScalingKey = "llama.rope.scaling.type", LinearKey = "llama.rope.scale_linear";
        string architecture = metadata.RequiredString(ArchitectureKey);
        if (architecture != Family) throw metadata.Wrong(ArchitectureKey, Quoted.Of(architecture), $"'{Family}', the one architecture that is supported");
        if (metadata.OptionalUInt16("split.count") is > 1 and ushort parts)
            throw metadata.Wrong("split.count", parts.ToString(CultureInfo.InvariantCulture), "1; merge the parts into one file");
        if (metadata.OptionalUInt32("llama.expert_count") is > 0 and uint experts)
            throw metadata.Wrong("llama.expert_count", experts.ToString(CultureInfo.InvariantCulture), "0; mixtures of experts are not supported");
        if (metadata.OptionalString(ScalingKey) is string scaling && scaling != "none") throw metadata.Wrong(ScalingKey, Quoted.Of(scaling), "'none'; RoPE scaling is not supported");
        if (metadata.OptionalFloat(LinearKey) is float linear && linear != 1) throw metadata.Wrong(LinearKey, Text(linear), "1; RoPE scaling is not supported");
    }

    private static float RopeBase(JsonFields config)
    {
        float? direct = config.Single("rope_theta", MinRopeBase, MaxRopeBase);
        float? nested = config.Object("rope_parameters")?.Single("rope_theta", MinRopeBase, MaxRopeBase);
        if (direct is float a && nested is float b && a != b) throw config.Wrong("rope_theta", Text(a), $"{Text(b)}, as in rope_parameters");
        return nested ?? direct ?? DefaultRopeBase;
    }

    private static int DefaultHeadSize(Func<string, string, string, ModelFormatException> wrong, string key, int hiddenSize, int heads) =>
        hiddenSize % heads == 0 && hiddenSize / heads is >= 2 and <= MaxHeadSize ? hiddenSize / heads
        : throw wrong(key, Text(hiddenSize), $"{heads} heads of 2 to {MaxHeadSize} elements each");

    private static ModelConfig Checked(Func<string, string, string, ModelFormatException> wrong, string headsKey, string kvHeadsKey, string headSizeKey, ModelConfig config)
    {
        if (config.Heads % config.KvHeads != 0) throw wrong(kvHeadsKey, Text(config.KvHeads), $"a divisor of {headsKey}, which is {config.Heads}");
        if (config.HeadSize % 2 != 0) throw wrong(headSizeKey, Text(config.HeadSize), "an even number: RoPE turns pairs");
        return config;
    }

    private static int CountTokens(GgufMetadata metadata)
    {
        const string Key = "tokenizer.ggml.tokens";
        long tokens = metadata.ArrayCount(Key) ?? throw metadata.Wrong("llama.vocab_size", "missing", $"a number, or {Key}");
        return tokens is >= 1 and <= MaxVocabulary ? (int)tokens : throw metadata.Wrong(Key, $"an array of {tokens} elements", $"1 to {MaxVocabulary}");
    }

    private static void MustBe(GgufMetadata metadata, string key, int headSize)
    {
        if (metadata.OptionalUInt32(key) is uint found && found != headSize) throw metadata.Wrong(key, found.ToString(CultureInfo.InvariantCulture), $"{headSize}, the head size");
    }

    // Not "value < min": a NaN must fail.
    private static float InRange(GgufMetadata metadata, string key, float value, float min, float max) =>
        value >= min && value <= max ? value : throw metadata.Wrong(key, Text(value), $"a number from {Text(min)} to {Text(max)}");

    private static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}
