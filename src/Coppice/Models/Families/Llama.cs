namespace Coppice.Models.Families;

/// <summary>
/// Llama 2 and 3, CodeLlama, Yi and all that keep to their architecture: pre-norm (RMS), RoPE, grouped-query attention, SwiGLU
/// (arXiv 2302.13971, 2307.09288, 2407.21783). GGUF keeps Mistral's models as this architecture too, and turns the rows of queries
/// and keys within each head, so that RoPE pairs neighbours.
/// </summary>
internal static class Llama
{
    public static readonly RopeKeys Rope = new() { GgufPairing = RopePairing.Interleaved };

    public static readonly ModelFamily Family = new("llama", "llama", "LlamaForCausalLM", "llama", Read, Write, WeightNames.Standard);

    /// <summary>The architecture, with biases where the checkpoint has them.</summary>
    public static ModelConfig Read(ConfigFields c)
    {
        bool inConfig = c.Boolean(new("attention_bias", null)) ?? false;
        return CommonConfig.Read(c, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, Rope) with
        {
            Activation = CommonConfig.ReadActivation(c, ("silu", Activation.Silu)),
            QkvBias = inConfig || c is GgufConfig && c.Has(WeightRole.QueryBias),
            AttentionOutputBias = inConfig || c is GgufConfig && c.Has(WeightRole.AttentionOutputBias),
            FeedForwardBias = (c.Boolean(new("mlp_bias", null)) ?? false) || c is GgufConfig && c.Has(WeightRole.DownBias),
            Window = c.Int32(CommonConfig.Window with { Json = null }, 0, CommonConfig.MaxWindow) ?? 0,
        };
    }

    /// <summary>What <see cref="Read"/> reads; biases are known by their tensors.</summary>
    public static void Write(ModelConfig config, GgufSettings s)
    {
        CommonConfig.Write(config, s, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, Rope);
        if (config.Window > 0) s.Set(CommonConfig.Window, config.Window);
    }
}
