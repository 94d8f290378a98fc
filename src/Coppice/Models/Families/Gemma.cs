namespace Coppice.Models.Families;

/// <summary>
/// Gemma (arXiv 2403.08295): norms' weights kept as a difference from 1, embeddings scaled by √E, GeGLU, heads of a size of their own. GGUF
/// files have the 1 added already.
/// </summary>
internal static class Gemma
{
    /// <summary>Where a config is silent.</summary>
    public const int DefaultHeadSize = 256;

    private static readonly RopeKeys s_rope = new();

    public static readonly ModelFamily Family = new("gemma", "gemma", "GemmaForCausalLM", "gemma", c => Read(c, s_rope), (config, s) => Write(config, s, s_rope), WeightNames.Standard);

    /// <summary>What all Gemmas have in common.</summary>
    public static ModelConfig Read(ConfigFields c, RopeKeys rope)
    {
        c.MustBe(new("attention_bias", null), false);
        // The first files say hidden_act "gelu" and were trained with its approximation; later ones name it.
        foreach (string key in (ReadOnlySpan<string>)["hidden_act", "hidden_activation"])
            if (c.String(new(key, null)) is string name && name is not ("gelu" or "gelu_pytorch_tanh")) throw c.Wrong(new(key, null), Loading.Quoted.Of(name), "'gelu_pytorch_tanh'");
        ModelConfig config = CommonConfig.Read(c, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, rope, DefaultHeadSize);
        return config with
        {
            NormOffset = c is GgufConfig ? 0 : 1,
            EmbeddingScale = MathF.Sqrt(config.HiddenSize),
            Activation = Activation.GeluTanh,
        };
    }

    /// <summary>What <see cref="Read"/> reads from a file; the rest is the same in all Gemmas.</summary>
    public static void Write(ModelConfig config, GgufSettings s, RopeKeys rope) => CommonConfig.Write(config, s, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, rope);
}
