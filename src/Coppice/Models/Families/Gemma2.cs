namespace Coppice.Models.Families;

/// <summary>Gemma 2 (arXiv 2408.00118): Gemma with norms behind each block too, soft-capped scores and logits, and a window in every other layer, the first one first.</summary>
internal static class Gemma2
{
    /// <summary>Layers of the 27B model, whose GGUF files do not say that its scale is that of E/H instead of D.</summary>
    private const int LayersOf27B = 46;

    private const int DefaultPeriod = 2, MaxPeriod = 1024;

    // A number, or in some GGUF files a flag for each layer.
    private static readonly ConfigKey s_period = new("sliding_window_pattern", "attention.sliding_window_pattern");
    private static readonly ConfigKey s_attentionCap = new("attn_logit_softcapping", "attn_logit_softcapping");
    private static readonly ConfigKey s_logitCap = new("final_logit_softcapping", "final_logit_softcapping");
    private static readonly RopeKeys s_rope = new();

    public static readonly WeightNames Names = WeightNames.Standard
        .With(WeightRole.AttentionPostNorm, "model.layers.{0}.post_attention_layernorm.weight", "blk.{0}.post_attention_norm.weight")
        .With(WeightRole.FeedForwardNorm, "model.layers.{0}.pre_feedforward_layernorm.weight", null)
        .With(WeightRole.FeedForwardPostNorm, "model.layers.{0}.post_feedforward_layernorm.weight", "blk.{0}.post_ffw_norm.weight");

    public static readonly ModelFamily Family = new("gemma2", "gemma2", "Gemma2ForCausalLM", "gemma2",
        c => Read(c, s_rope, LayersOf27B, DefaultPeriod), (config, s) => Write(config, s, s_rope, LayersOf27B), Names);

    /// <summary>What Gemma 2 and 3 have in common.</summary>
    /// <param name="c">The settings.</param>
    /// <param name="rope">How the family keeps RoPE.</param>
    /// <param name="layersOf27B">Layers of the model whose scale is that of E/H.</param>
    /// <param name="defaultPeriod">One layer of so many sees everything, the last of them, where nothing is said.</param>
    public static ModelConfig Read(ConfigFields c, RopeKeys rope, int layersOf27B, int defaultPeriod)
    {
        ModelConfig config = Gemma.Read(c, rope);
        int period() => c.Int32(s_period, 1, MaxPeriod) ?? c.Int32(new("_sliding_window_pattern", null), 1, MaxPeriod) ?? defaultPeriod;
        return config with
        {
            PostNorms = true,
            AttentionScale = config.AttentionScale ?? (c is JsonConfig ? 1 / Math.Sqrt(c.Single(new("query_pre_attn_scalar", null), 1e-6f, 1e6f) ?? Gemma.DefaultHeadSize) : Scale(config, layersOf27B)),
            AttentionSoftCap = c.Single(s_attentionCap, 0, 1e6f) ?? 0,
            LogitSoftCap = c.Single(s_logitCap, 0, 1e6f) ?? 0,
            Window = c.RequiredInt32(CommonConfig.Window, 1, CommonConfig.MaxWindow),
            WindowedLayers = CommonConfig.ReadLayerTypes(c, CommonConfig.LayerTypes with { Gguf = s_period.Gguf }, config.Layers) ?? Alternating(config.Layers, period()),
        };
    }

    /// <summary>What <see cref="Read"/> reads.</summary>
    public static void Write(ModelConfig config, GgufSettings s, RopeKeys rope, int layersOf27B)
    {
        Gemma.Write(config, s, rope);
        if (config.AttentionScale is double scale && (float)scale != (float)Scale(config, layersOf27B)) s.Set(CommonConfig.AttentionScale, scale);
        if (config.AttentionSoftCap != 0) s.Set(s_attentionCap, config.AttentionSoftCap);
        if (config.LogitSoftCap != 0) s.Set(s_logitCap, config.LogitSoftCap);
        s.Set(CommonConfig.Window, config.Window);
        // Which layers have a window that reaches back to the beginning is all the same, and llama.cpp stops at files where none has one.
        if (config.Window >= config.MaxContextTokens) return;
        bool[] windowed = [.. Enumerable.Range(0, config.Layers).Select(config.IsWindowed)];
        if (Enumerable.Range(1, Math.Min(config.Layers + 1, MaxPeriod)).FirstOrDefault(period => Alternating(config.Layers, period).SequenceEqual(windowed)) is > 0 and int found) s.Set(s_period, found);
        else s.Set(s_period, windowed);
    }

    // In GGUF files the scale follows from which model it is.
    private static double Scale(ModelConfig config, int layersOf27B) => 1 / Math.Sqrt(config.Layers == layersOf27B ? (double)config.HiddenSize / config.Heads : config.HeadSize);

    private static bool[] Alternating(int layers, int period) => [.. Enumerable.Range(0, layers).Select(layer => (layer + 1) % period != 0)];
}
