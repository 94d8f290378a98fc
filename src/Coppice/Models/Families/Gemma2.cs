namespace Coppice.Models.Families;

/// <summary>Gemma 2 (arXiv 2408.00118): Gemma with norms behind each block too, soft-capped scores and logits, and a window in every other layer, the first one first.</summary>
internal static class Gemma2
{
    /// <summary>Layers of the 27B model, whose GGUF files do not say that its scale is that of E/H instead of D.</summary>
    private const int LayersOf27B = 46;

    public static readonly WeightNames Names = WeightNames.Standard
        .With(WeightRole.AttentionPostNorm, "model.layers.{0}.post_attention_layernorm.weight", "blk.{0}.post_attention_norm.weight")
        .With(WeightRole.FeedForwardNorm, "model.layers.{0}.pre_feedforward_layernorm.weight", null)
        .With(WeightRole.FeedForwardPostNorm, "model.layers.{0}.post_feedforward_layernorm.weight", "blk.{0}.post_ffw_norm.weight");

    public static readonly ModelFamily Family = new("gemma2", "gemma2", "Gemma2ForCausalLM", "gemma2", Read, Names);

    private static ModelConfig Read(ConfigFields c)
    {
        ModelConfig config = Gemma.Read(c, new RopeKeys());
        return config with
        {
            PostNorms = true,
            AttentionScale = Scale(c, config, LayersOf27B),
            AttentionSoftCap = c.Single(new("attn_logit_softcapping", "attn_logit_softcapping"), 0, 1e6f) ?? 0,
            LogitSoftCap = c.Single(new("final_logit_softcapping", "final_logit_softcapping"), 0, 1e6f) ?? 0,
            Window = c.RequiredInt32(new("sliding_window", "attention.sliding_window"), 1, CommonConfig.MaxWindow),
            WindowedLayers = CommonConfig.ReadLayerTypes(c, CommonConfig.LayerTypes, config.Layers) ?? [.. Enumerable.Range(0, config.Layers).Select(layer => layer % 2 == 0)],
        };
    }

    /// <summary>config.json names the size that scores are scaled by; in GGUF files it follows from which model it is.</summary>
    public static double Scale(ConfigFields c, ModelConfig config, int layersOfOther) =>
        config.AttentionScale ?? 1 / Math.Sqrt(c is JsonConfig
            ? c.Single(new("query_pre_attn_scalar", null), 1e-6f, 1e6f) ?? Gemma.DefaultHeadSize
            : config.Layers == layersOfOther ? (double)config.HiddenSize / config.Heads : config.HeadSize);
}
