namespace Coppice.Models.Families;

/// <summary>Qwen 3 (arXiv 2505.09388): Llama's architecture with query and key norms and heads of a size of their own; no biases unless the config asks for them.</summary>
internal static class Qwen3
{
    private const int DefaultHeadSize = 128;

    public static readonly ModelFamily Family = new("qwen3", "qwen3", "Qwen3ForCausalLM", "qwen3", c => Read(c, CommonConfig.FeedForwardSize), (config, s) => Qwen2.Write(config, s, CommonConfig.FeedForwardSize), WeightNames.Standard);

    /// <summary>The dense model; the mixture of experts differs in its feed-forward layer only.</summary>
    public static ModelConfig Read(ConfigFields c, ConfigKey feedForwardSize)
    {
        bool bias = c.Boolean(new("attention_bias", null)) ?? false;
        return Qwen2.Windowed(c, CommonConfig.Read(c, CommonConfig.RmsEpsilon, feedForwardSize, new RopeKeys(), DefaultHeadSize) with
        {
            Activation = CommonConfig.ReadActivation(c, ("silu", Activation.Silu)),
            QueryKeyNorms = true,
            QkvBias = bias || c is GgufConfig && c.Has(WeightRole.QueryBias),
            AttentionOutputBias = bias || c is GgufConfig && c.Has(WeightRole.AttentionOutputBias),
        });
    }
}
