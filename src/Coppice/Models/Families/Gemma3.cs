using Coppice.Loading;

namespace Coppice.Models.Families;

/// <summary>
/// Gemma 3 (arXiv 2503.19786), the text model: Gemma 2 with query and key norms instead of soft caps, five windowed layers to a global one, and RoPE
/// of another base in the windowed ones, unstretched.
/// </summary>
internal static class Gemma3
{
    private const int LayersOf27B = 62;
    private const int DefaultPeriod = 6;
    private const float DefaultBase = 1_000_000;
    private const float DefaultLocalBase = 10_000;

    // A number, or in some GGUF files a flag for each layer.
    private static readonly ConfigKey s_period = new("sliding_window_pattern", "attention.sliding_window_pattern");
    private static readonly ConfigKey s_localBase = new("rope_local_base_freq", "rope.freq_base_swa");

    public static readonly ModelFamily Family = new("gemma3", "gemma3_text", "Gemma3ForCausalLM", "gemma3", Read, Gemma2.Names);

    private static ModelConfig Read(ConfigFields c)
    {
        ModelConfig config = Gemma.Read(c, new RopeKeys { DefaultBase = DefaultBase });
        bool[] windowed = CommonConfig.ReadLayerTypes(c, CommonConfig.LayerTypes with { Gguf = s_period.Gguf }, config.Layers)
            ?? Alternating(config.Layers, c.Int32(s_period, 1, 1024) ?? c.Int32(new("_sliding_window_pattern", null), 1, 1024) ?? DefaultPeriod);
        (RopeConfig global, RopeConfig local) = Rope(c, config);
        return config with
        {
            PostNorms = true,
            QueryKeyNorms = true,
            AttentionScale = Gemma2.Scale(c, config, LayersOf27B),
            AttentionSoftCap = c.Single(new("attn_logit_softcapping", null), 0, 1e6f) ?? 0,
            LogitSoftCap = c.Single(new("final_logit_softcapping", "final_logit_softcapping"), 0, 1e6f) ?? 0,
            Window = c.RequiredInt32(new("sliding_window", "attention.sliding_window"), 1, CommonConfig.MaxWindow),
            WindowedLayers = windowed,
            Rope = global,
            LocalRope = local,
            // The stretch is in the context that the config names.
            MaxContextTokens = c.RequiredInt32(new("max_position_embeddings", "context_length"), 1, CommonConfig.MaxContext),
        };
    }

    private static bool[] Alternating(int layers, int period) => [.. Enumerable.Range(0, layers).Select(layer => (layer + 1) % period != 0)];

    // Later config.json files have an object for each kind of layer.
    private static (RopeConfig Global, RopeConfig Local) Rope(ConfigFields c, ModelConfig config)
    {
        RopeConfig global = config.Rope, local = config.Rope with { Base = c.Single(s_localBase, 1, 1e12f) ?? DefaultLocalBase, Scaling = null };
        if (c is not JsonConfig { Fields: var fields } || fields.Object("rope_parameters") is not JsonFields parameters) return (global, local);
        return (One(parameters.Object("full_attention"), global), One(parameters.Object("sliding_attention"), local));

        RopeConfig One(JsonFields? object_, RopeConfig rope)
        {
            if (object_ is null) return rope;
            rope = rope with { Base = object_.Single("rope_theta", 1, 1e12f) ?? rope.Base };
            return rope with { Scaling = RopeScalings.ReadOne(fields, object_, object_.String("rope_type") ?? "default", rope, config.MaxContextTokens) };
        }
    }
}
