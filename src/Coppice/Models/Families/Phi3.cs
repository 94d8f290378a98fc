namespace Coppice.Models.Families;

/// <summary>
/// Phi-3, 3.5 and 4 mini (arXiv 2404.14219, 2503.01743): Llama's architecture with queries, keys and values in one tensor, gate and up in another,
/// and LongRoPE in the long-context ones, where RoPE may turn a part of each head.
/// </summary>
internal static class Phi3
{
    private static readonly WeightNames s_names = WeightNames.Standard
        .With(WeightRole.Query, Qkv("model.layers.{0}.self_attn.qkv_proj.weight", 0), Qkv("blk.{0}.attn_qkv.weight", 0))
        .With(WeightRole.Key, Qkv("model.layers.{0}.self_attn.qkv_proj.weight", 1), Qkv("blk.{0}.attn_qkv.weight", 1))
        .With(WeightRole.Value, Qkv("model.layers.{0}.self_attn.qkv_proj.weight", 2), Qkv("blk.{0}.attn_qkv.weight", 2))
        .With(WeightRole.Gate, GateUp("model.layers.{0}.mlp.gate_up_proj.weight", 0), GateUp("blk.{0}.ffn_up.weight", 0))
        .With(WeightRole.Up, GateUp("model.layers.{0}.mlp.gate_up_proj.weight", 1), GateUp("blk.{0}.ffn_up.weight", 1));

    private static readonly RopeKeys s_rope = new() { Part = new("partial_rotary_factor", null) };

    public static readonly ModelFamily Family = new("phi3", "phi3", "Phi3ForCausalLM", "phi3", Read, Write, s_names);

    private static ModelConfig Read(ConfigFields c) =>
        CommonConfig.Read(c, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, s_rope) with
        {
            Activation = CommonConfig.ReadActivation(c, ("silu", Activation.Silu)),
            Window = c.Int32(CommonConfig.Window, 0, CommonConfig.MaxWindow) ?? 0,
        };

    private static void Write(ModelConfig config, GgufSettings s)
    {
        CommonConfig.Write(config, s, CommonConfig.RmsEpsilon, CommonConfig.FeedForwardSize, s_rope);
        // A 0 is how llama.cpp knows Phi-4.
        s.Set(CommonConfig.Window, config.Window);
    }

    private static WeightPlace Qkv(string name, int part) => new(name, (c, _) =>
    {
        long queries = (long)c.Heads * c.HeadSize, keys = (long)c.KvHeads * c.HeadSize;
        (long first, long rows) = part == 0 ? (0, queries) : (queries + (part - 1) * keys, keys);
        return new TensorCut([queries + 2 * keys, c.HiddenSize], first, rows, rows);
    });

    private static WeightPlace GateUp(string name, int part) =>
        new(name, (c, _) => new TensorCut([2L * c.FeedForwardSize, c.HiddenSize], (long)part * c.FeedForwardSize, c.FeedForwardSize, c.FeedForwardSize));
}
