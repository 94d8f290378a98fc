namespace Coppice.Models.Families;

/// <summary>Qwen 2 and 2.5 (arXiv 2407.10671, 2412.15115): Llama's architecture with biases on queries, keys and values; a window in the upper layers if the config asks for it.</summary>
internal static class Qwen2
{
    private static readonly RopeKeys s_rope = new();

    public static readonly ModelFamily Family = new("qwen2", "qwen2", "Qwen2ForCausalLM", "qwen2", Read, (config, s) => Write(config, s, CommonConfig.FeedForwardSize), WeightNames.Standard);

    private static ModelConfig Read(ConfigFields c) => Windowed(c, CommonConfig.Read(c, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, s_rope) with
    {
        Activation = CommonConfig.ReadActivation(c, ("silu", Activation.Silu)),
        QkvBias = true,
        AttentionOutputBias = c is GgufConfig && c.Has(WeightRole.AttentionOutputBias),
    });

    /// <summary>What all Qwens have in common; biases are known by their tensors.</summary>
    public static void Write(ModelConfig config, GgufSettings s, ConfigKey feedForwardSize)
    {
        if (Enumerable.Range(0, config.Layers).Any(layer => config.WindowOf(layer) is > 0 and int window && window < config.MaxContextTokens))
            throw s.Refused($"some of its layers see {config.Window} positions only (use_sliding_window), and files of this family cannot say which");
        CommonConfig.Write(config, s, CommonConfig.RmsEpsilon, feedForwardSize, s_rope);
    }

    /// <summary>use_sliding_window, which all Qwens have: layers from max_window_layers on are windowed.</summary>
    public static ModelConfig Windowed(ConfigFields c, ModelConfig config)
    {
        const int DefaultFirst = 28, DefaultWindow = 4096;
        if (c is GgufConfig)
        {
            ConfigKey key = CommonConfig.Window with { Json = null };
            // GGUF does not say in which layers.
            if (c.Int32(key, 0, CommonConfig.MaxWindow) is > 0 and int window && window < config.MaxContextTokens) throw c.Wrong(key, ConfigFields.Text(window), "0; use the Hugging Face folder for a windowed model");
            return config;
        }
        if (c.Boolean(new("use_sliding_window", null)) != true) return config;
        int first = c.Int32(new("max_window_layers", null), 0, int.MaxValue) ?? DefaultFirst;
        return config with
        {
            Window = c.Int32(CommonConfig.Window with { Gguf = null }, 1, CommonConfig.MaxWindow) ?? (((JsonConfig)c).Fields.Mentions("sliding_window") ? 0 : DefaultWindow),
            WindowedLayers = CommonConfig.ReadLayerTypes(c, CommonConfig.LayerTypes, config.Layers) ?? [.. Enumerable.Range(0, config.Layers).Select(layer => layer >= first)],
        };
    }
}
