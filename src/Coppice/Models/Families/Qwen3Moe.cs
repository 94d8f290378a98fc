namespace Coppice.Models.Families;

/// <summary>Qwen 3's mixtures of experts (arXiv 2505.09388): a softmax over all router outputs, of which the largest count, made to sum to 1 if the config says so. No shared expert.</summary>
internal static class Qwen3Moe
{
    private static readonly ConfigKey s_count = new("num_experts", "expert_count");
    private static readonly ConfigKey s_feedForwardSize = new("moe_intermediate_size", "expert_feed_forward_length");
    private static readonly ConfigKey s_normalized = new("norm_topk_prob", "expert_weights_norm");

    private static readonly WeightNames s_names = WeightNames.Standard.WithGgufExperts()
        .With(WeightRole.Router, "model.layers.{0}.mlp.gate.weight", null)
        .With(WeightRole.Gate, "model.layers.{0}.mlp.experts.{1}.gate_proj.weight", null)
        .With(WeightRole.Up, "model.layers.{0}.mlp.experts.{1}.up_proj.weight", null)
        .With(WeightRole.Down, "model.layers.{0}.mlp.experts.{1}.down_proj.weight", null);

    public static readonly ModelFamily Family = new("qwen3-moe", "qwen3_moe", "Qwen3MoeForCausalLM", "qwen3moe", Read, Write, s_names);

    private static ModelConfig Read(ConfigFields c)
    {
        if (c.Int32(new("decoder_sparse_step", null), 0, int.MaxValue) is int step && step != 1) throw c.Wrong(new("decoder_sparse_step", null), ConfigFields.Text(step), "1: experts in every layer");
        if (c is JsonConfig { Fields: var fields } && fields.Int32s("mlp_only_layers") is { Length: > 0 } dense)
            throw fields.Wrong("mlp_only_layers", $"a list of {dense.Length}", "an empty one: experts in every layer");
        return Qwen3.Read(c, s_feedForwardSize) with
        {
            // Most files in GGUF do not say, and all published models sum to 1.
            Experts = CommonConfig.ReadExperts(c, s_count, c.Boolean(s_normalized) ?? c is GgufConfig) ?? throw c.Missing(s_count, "a whole number from 1"),
        };
    }

    private static void Write(ModelConfig config, GgufSettings s)
    {
        Qwen2.Write(config, s, s_feedForwardSize);
        CommonConfig.WriteExperts(config.Experts!, s, s_count);
        if (!config.Experts!.Normalized) s.Set(s_normalized, false);
    }
}
