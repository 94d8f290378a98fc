namespace Coppice.Models.Families;

/// <summary>
/// Mixtral: Llama's architecture with a mixture of experts for the feed-forward layer (arXiv 2401.04088). A row's two experts are weighed by a
/// softmax over their router outputs, which is the softmax over all of them made to sum to 1.
/// </summary>
internal static class Mixtral
{
    private const string Block = "model.layers.{0}.block_sparse_moe";

    private static readonly ConfigKey s_count = new("num_local_experts", "expert_count");

    private static readonly WeightNames s_names = WeightNames.Standard.WithGgufExperts()
        .With(WeightRole.Router, $"{Block}.gate.weight", null)
        .With(WeightRole.Gate, $"{Block}.experts.{{1}}.w1.weight", null)
        .With(WeightRole.Down, $"{Block}.experts.{{1}}.w2.weight", null)
        .With(WeightRole.Up, $"{Block}.experts.{{1}}.w3.weight", null);

    public static readonly ModelFamily Family = new("mixtral", "mixtral", "MixtralForCausalLM", Llama.Family.GgufArchitecture, Read, Write, s_names) { GgufMark = s_count.Gguf };

    private static ModelConfig Read(ConfigFields c) => Llama.Read(c) with
    {
        Experts = CommonConfig.ReadExperts(c, s_count, normalized: true) ?? throw c.Missing(s_count, "a whole number from 1"),
        Window = c.Int32(CommonConfig.Window, 0, CommonConfig.MaxWindow) ?? 0,
    };

    private static void Write(ModelConfig config, GgufSettings s)
    {
        Llama.Write(config, s);
        CommonConfig.WriteExperts(config.Experts!, s, s_count);
    }
}
