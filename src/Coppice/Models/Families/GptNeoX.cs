namespace Coppice.Models.Families;

/// <summary>
/// GPT-NeoX and Pythia (arXiv 2204.06745, 2304.01373): LayerNorm and biases everywhere, attention and feed-forward side by side on the residual
/// stream, RoPE on a part of each head, no gate. Hugging Face files keep queries, keys and values in one tensor, head by head; GGUF
/// files in one tensor, behind one another.
/// </summary>
internal static class GptNeoX
{
    private const string Block = "gpt_neox.layers.{0}";

    private static readonly ConfigKey s_parallel = new("use_parallel_residual", "use_parallel_residual");
    private static readonly ConfigKey s_epsilon = new("layer_norm_eps", "attention.layer_norm_epsilon");

    private static readonly RopeKeys s_rope = new() { Base = new("rotary_emb_base", "rope.freq_base"), Part = new("rotary_pct", null), DefaultPart = 0.25f };

    private static readonly WeightNames s_names = Fused(Fused(WeightNames.Standard, "weight", WeightRole.Query, WeightRole.Key, WeightRole.Value), "bias", WeightRole.QueryBias, WeightRole.KeyBias, WeightRole.ValueBias)
        .With(WeightRole.Embedding, "gpt_neox.embed_in.weight", null)
        .With(WeightRole.OutputNorm, "gpt_neox.final_layer_norm.weight", null)
        .With(WeightRole.OutputNormBias, "gpt_neox.final_layer_norm.bias", "output_norm.bias")
        .With(WeightRole.Output, "embed_out.weight", null)
        .With(WeightRole.AttentionNorm, $"{Block}.input_layernorm.weight", null)
        .With(WeightRole.AttentionNormBias, $"{Block}.input_layernorm.bias", "blk.{0}.attn_norm.bias")
        .With(WeightRole.AttentionOutput, $"{Block}.attention.dense.weight", null)
        .With(WeightRole.AttentionOutputBias, $"{Block}.attention.dense.bias", null)
        .With(WeightRole.FeedForwardNorm, $"{Block}.post_attention_layernorm.weight", null)
        .With(WeightRole.FeedForwardNormBias, $"{Block}.post_attention_layernorm.bias", "blk.{0}.ffn_norm.bias")
        .With(WeightRole.Up, $"{Block}.mlp.dense_h_to_4h.weight", null)
        .With(WeightRole.UpBias, $"{Block}.mlp.dense_h_to_4h.bias", null)
        .With(WeightRole.Down, $"{Block}.mlp.dense_4h_to_h.weight", null)
        .With(WeightRole.DownBias, $"{Block}.mlp.dense_4h_to_h.bias", null)
        // The causal mask, which old checkpoints keep.
        .WithDerived(".attention.bias", ".attention.masked_bias");

    public static readonly ModelFamily Family = new("gpt-neox", "gpt_neox", "GPTNeoXForCausalLM", "gptneox", Read, Write, s_names);

    private static ModelConfig Read(ConfigFields c)
    {
        ModelConfig config = CommonConfig.Read(c, s_epsilon, CommonConfig.FeedForwardSize, s_rope);
        if (config.KvHeads != config.Heads) throw c.Wrong(new("num_key_value_heads", "attention.head_count_kv"), ConfigFields.Text(config.KvHeads), $"{config.Heads}, as many as query heads");
        bool attentionBias = c is GgufConfig ? c.Has(WeightRole.QueryBias) : c.Boolean(new("attention_bias", null)) ?? true;
        return config with
        {
            Norm = NormKind.Layer,
            QkvBias = attentionBias,
            AttentionOutputBias = attentionBias,
            FeedForwardBias = true,
            GatedFeedForward = false,
            ParallelResidual = c.Boolean(s_parallel) ?? true,
            Activation = CommonConfig.ReadActivation(c, ("gelu", Activation.Gelu), ("gelu_new", Activation.GeluTanh), ("gelu_fast", Activation.GeluTanh), ("gelu_pytorch_tanh", Activation.GeluTanh)),
        };
    }

    private static void Write(ModelConfig config, GgufSettings s)
    {
        if (config.Activation != Activation.Gelu) throw s.Refused("its activation is the approximation of GELU, and files of this family name none and mean GELU itself");
        CommonConfig.Write(config, s, s_epsilon, CommonConfig.FeedForwardSize, s_rope);
        s.Set(s_parallel, config.ParallelResidual);
    }

    private static WeightNames Fused(WeightNames names, string kind, params ReadOnlySpan<WeightRole> parts)
    {
        for (int i = 0; i < parts.Length; i++)
        {
            int part = i;
            long[] Whole(ModelConfig c) => kind == "bias" ? [3L * c.Heads * c.HeadSize] : [3L * c.Heads * c.HeadSize, c.HiddenSize];
            names = names.With(parts[i],
                new WeightPlace($"{Block}.attention.query_key_value.{kind}", (c, _) => new TensorCut(Whole(c), part * c.HeadSize, c.HeadSize, 3 * c.HeadSize)),
                new WeightPlace($"blk.{{0}}.attn_qkv.{kind}", (c, _) => new TensorCut(Whole(c), (long)part * c.Heads * c.HeadSize, (long)c.Heads * c.HeadSize, (long)c.Heads * c.HeadSize)));
        }
        return names;
    }
}
