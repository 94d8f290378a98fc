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
    private const float DefaultLocalBase = 10_000;

    private static readonly ConfigKey s_localBase = new("rope_local_base_freq", "rope.freq_base_swa");
    private static readonly RopeKeys s_rope = new() { DefaultBase = 1_000_000 };

    public static readonly ModelFamily Family = new("gemma3", "gemma3_text", "Gemma3ForCausalLM", "gemma3", Read, Write, Gemma2.Names);

    private static ModelConfig Read(ConfigFields c)
    {
        ModelConfig config = Gemma2.Read(c, s_rope, LayersOf27B, DefaultPeriod);
        (RopeConfig global, RopeConfig local) = Rope(c, config);
        return config with
        {
            QueryKeyNorms = true,
            Rope = global,
            LocalRope = local,
            // The stretch is in the context that the config names.
            MaxContextTokens = c.RequiredInt32(new("max_position_embeddings", "context_length"), CommonConfig.LeastContext, CommonConfig.MaxContext),
        };
    }

    private static void Write(ModelConfig config, GgufSettings s)
    {
        Gemma2.Write(config, s, s_rope, LayersOf27B);
        s.Set(s_localBase, config.LocalRope!.Base);
    }

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
