using Coppice.Loading;

namespace Coppice.Models;

/// <summary>Reads how RoPE is stretched, which both containers say in one way for all families.</summary>
internal static class RopeScalings
{
    private const float MaxFactor = 1e6f;

    /// <summary>Divisors of the pairs, as tensors of a GGUF file.</summary>
    public const string DivisorTensor = "rope_freqs.weight", LongTensor = "rope_factors_long.weight", ShortTensor = "rope_factors_short.weight";

    public static readonly ConfigKey GgufOriginal = new(null, "rope.scaling.original_context_length");

    private static readonly ConfigKey s_type = new(null, "rope.scaling.type");
    private static readonly ConfigKey s_factor = new(null, "rope.scaling.factor");
    private static readonly ConfigKey s_attention = new(null, "rope.scaling.attn_factor");
    private static readonly ConfigKey s_oldFactor = new(null, "rope.scale_linear");
    private static readonly ConfigKey s_betaFast = new(null, "rope.scaling.yarn_beta_fast");
    private static readonly ConfigKey s_betaSlow = new(null, "rope.scaling.yarn_beta_slow");

    /// <summary>The scaling in config.json's rope_scaling or, as later files have it, rope_parameters.</summary>
    public static RopeScaling? Read(JsonFields fields, RopeConfig rope, int contextTokens)
    {
        JsonFields? old = fields.Object("rope_scaling"), later = fields.Object("rope_parameters");
        string? oldType = old is null ? null : old.String("rope_type") ?? old.RequiredString("type"), laterType = later?.String("rope_type");
        if (oldType is not null && laterType is not null && oldType != laterType) throw later!.Wrong("rope_type", Quoted.Of(laterType), $"{Quoted.Of(oldType)}, as in rope_scaling");
        return old is not null ? ReadOne(fields, old, oldType!, rope, contextTokens) : later is not null ? ReadOne(fields, later, laterType ?? "default", rope, contextTokens) : null;
    }

    /// <summary>One scaling object. [R/2] divisors where it has some.</summary>
    public static RopeScaling? ReadOne(JsonFields fields, JsonFields s, string type, RopeConfig rope, int contextTokens)
    {
        foreach (string refused in (ReadOnlySpan<string>)["alpha", "short_mscale", "long_mscale", "mrope_section"])
            if (s.Has(refused)) throw s.Wrong(refused, "there", "RoPE without it; it is not supported");
        int? Original() => s.Int32("original_max_position_embeddings", 1, CommonConfig.MaxContext);
        double Factor() => s.RequiredSingle("factor", 1, MaxFactor);
        switch (type)
        {
            case "default":
                return null;
            case "linear":
                return new() { Kind = RopeScalingKind.Linear, Factor = Factor(), OriginalContextTokens = Original() ?? contextTokens };
            case "dynamic":
                if (rope.Dimensions < 4) throw s.Wrong("rope_type", "'dynamic'", $"'default' for heads of {rope.Dimensions} turning elements");
                return new() { Kind = RopeScalingKind.Dynamic, Factor = Factor(), OriginalContextTokens = Original() ?? contextTokens };
            case "yarn":
                return Yarn(s, Original() ?? contextTokens, contextTokens);
            case "llama3":
                double low = s.RequiredSingle("low_freq_factor", 1e-3f, MaxFactor), high = s.RequiredSingle("high_freq_factor", 1e-3f, MaxFactor);
                if (high <= low) throw s.Wrong("high_freq_factor", ConfigFields.Text(high), $"more than low_freq_factor, which is {ConfigFields.Text(low)}");
                return new()
                {
                    Kind = RopeScalingKind.Llama3,
                    Factor = Factor(),
                    LowFrequencyFactor = low,
                    HighFrequencyFactor = high,
                    OriginalContextTokens = s.RequiredInt32("original_max_position_embeddings", 1, CommonConfig.MaxContext),
                };
            case "longrope" or "su":
                return LongRope(s, fields.Int32("original_max_position_embeddings", 1, CommonConfig.MaxContext) ?? Original() ?? contextTokens, rope, contextTokens);
            default:
                throw s.Wrong("rope_type", Quoted.Of(type), "'default', 'linear', 'dynamic', 'yarn', 'llama3' or 'longrope'");
        }
    }

    private static RopeScaling Yarn(JsonFields s, int original, int contextTokens)
    {
        double factor = s.Single("factor", 1, MaxFactor) ?? Math.Max(1, (double)contextTokens / original);
        float? scale = s.Single("mscale", 0, MaxFactor), allScale = s.Single("mscale_all_dim", 0, MaxFactor);
        double attention = s.Single("attention_factor", 0, MaxFactor)
            ?? (scale > 0 && allScale > 0 ? YarnMagnitude(factor, scale.Value) / YarnMagnitude(factor, allScale.Value) : YarnMagnitude(factor, 1));
        return new()
        {
            Kind = RopeScalingKind.Yarn,
            Factor = factor,
            OriginalContextTokens = original,
            AttentionFactor = attention,
            BetaFast = s.Single("beta_fast", 1e-3f, MaxFactor) ?? 32,
            BetaSlow = s.Single("beta_slow", 1e-3f, MaxFactor) ?? 1,
            WholePairs = s.Boolean("truncate") ?? true,
        };
    }

    private static RopeScaling LongRope(JsonFields s, int original, RopeConfig rope, int contextTokens)
    {
        double stretch = original != contextTokens ? (double)contextTokens / original : s.Single("factor", 1, MaxFactor) ?? 1;
        float[] Divisors(string key)
        {
            float[] values = s.Singles(key, 1e-6f, MaxFactor) ?? throw s.Missing(key, $"{rope.Dimensions / 2} numbers");
            return values.Length == rope.Dimensions / 2 ? values : throw s.Wrong(key, $"a list of {values.Length}", $"{rope.Dimensions / 2} numbers, one for each pair that turns");
        }
        return new()
        {
            Kind = RopeScalingKind.LongRope,
            Factor = stretch,
            OriginalContextTokens = original,
            AttentionFactor = s.Single("attention_factor", 0, MaxFactor) ?? (stretch <= 1 ? 1 : Math.Sqrt(1 + Math.Log(stretch) / Math.Log(Math.Max(original, 2)))),
            ShortDivisors = Divisors("short_factor"),
            LongDivisors = Divisors("long_factor"),
        };
    }

    /// <summary>The scaling in GGUF metadata, or in tensors of divisors.</summary>
    public static RopeScaling? Read(GgufConfig c, RopeConfig rope, int contextTokens)
    {
        float[]? divisors = c.Divisors(DivisorTensor, rope.Dimensions / 2);
        float[]? longDivisors = c.Divisors(LongTensor, rope.Dimensions / 2), shortDivisors = c.Divisors(ShortTensor, rope.Dimensions / 2);
        // A factor of 0 is how some converters write none.
        float factor = c.Single(s_factor, 0, MaxFactor) ?? c.Single(s_oldFactor, 0, MaxFactor) ?? 0;
        string type = c.String(s_type) ?? (factor is 0 or 1 ? "none" : "linear");
        int original = c.Int32(GgufOriginal, 1, CommonConfig.MaxContext) ?? contextTokens;
        float attention = c.Single(s_attention, 0, MaxFactor) ?? 1;
        if (longDivisors is not null || shortDivisors is not null)
        {
            if (type is not ("none" or "longrope")) throw c.Wrong(s_type, Quoted.Of(type), "'longrope' beside the tensors rope_factors_long and rope_factors_short");
            return new()
            {
                Kind = RopeScalingKind.LongRope,
                Factor = Math.Max(1, (double)contextTokens / original),
                OriginalContextTokens = original,
                AttentionFactor = attention,
                ShortDivisors = shortDivisors ?? throw c.Missing(s_type, "the tensor rope_factors_short.weight beside rope_factors_long.weight"),
                LongDivisors = longDivisors ?? throw c.Missing(s_type, "the tensor rope_factors_long.weight beside rope_factors_short.weight"),
            };
        }
        if (attention != 1 && type != "yarn") throw c.Wrong(s_attention, ConfigFields.Text(attention), "1 without YaRN or LongRoPE");
        if (divisors is not null)
            return type == "none" ? new() { Kind = RopeScalingKind.Divisors, LongDivisors = divisors } : throw c.Wrong(s_type, Quoted.Of(type), "'none' beside the tensor rope_freqs.weight");
        switch (type)
        {
            case "none":
                return null;
            case "linear":
                return factor is 0 or 1 ? null : new() { Kind = RopeScalingKind.Linear, Factor = AtLeastOne(c, factor), OriginalContextTokens = original };
            case "yarn":
                double stretch = AtLeastOne(c, factor);
                return new()
                {
                    Kind = RopeScalingKind.Yarn,
                    Factor = stretch,
                    OriginalContextTokens = original,
                    AttentionFactor = attention * YarnMagnitude(stretch, 1),
                    BetaFast = c.Single(s_betaFast, 1e-3f, MaxFactor) ?? 32,
                    BetaSlow = c.Single(s_betaSlow, 1e-3f, MaxFactor) ?? 1,
                };
            default:
                throw c.Wrong(s_type, Quoted.Of(type), "'none', 'linear', 'yarn' or 'longrope' with its tensors");
        }
    }

    /// <summary>What the reading of GGUF metadata above reads.</summary>
    public static void Write(RopeConfig rope, GgufSettings s)
    {
        switch (rope.Scaling)
        {
            case null:
                break;
            case { Kind: RopeScalingKind.Linear } linear:
                s.Set(s_type, "linear");
                s.Set(s_factor, linear.Factor);
                s.Set(GgufOriginal, linear.OriginalContextTokens);
                break;
            case { Kind: RopeScalingKind.Yarn, WholePairs: true } yarn:
                s.Set(s_type, "yarn");
                s.Set(s_factor, yarn.Factor);
                s.Set(GgufOriginal, yarn.OriginalContextTokens);
                WriteAttention(yarn.AttentionFactor / YarnMagnitude(yarn.Factor, 1), s);
                s.Set(s_betaFast, yarn.BetaFast);
                s.Set(s_betaSlow, yarn.BetaSlow);
                break;
            case { Kind: RopeScalingKind.LongRope } both:
                s.Set(s_type, "longrope");
                s.Set(GgufOriginal, both.OriginalContextTokens);
                WriteAttention(both.AttentionFactor, s);
                s.SetTensor(LongTensor, both.LongDivisors!);
                s.SetTensor(ShortTensor, both.ShortDivisors!);
                break;
            case { Kind: RopeScalingKind.Llama3 or RopeScalingKind.Divisors }:
                s.SetTensor(DivisorTensor, RopeFrequencies.Of(rope with { Scaling = null }, 1).Zip(RopeFrequencies.Of(rope, 1), (plain, stretched) => (float)(plain / stretched)));
                break;
            case { Kind: RopeScalingKind.Dynamic }:
                throw s.Refused("its RoPE scaling is 'dynamic', with a base that follows the context in use, and GGUF has no such scaling");
            default:
                throw s.Refused("its YaRN ramp may end within a pair (truncate is false), and GGUF's ends at whole pairs");
        }
    }

    private static void WriteAttention(double factor, GgufSettings s)
    {
        if ((float)factor != 1) s.Set(s_attention, factor);
    }

    private static double AtLeastOne(GgufConfig c, float factor) => factor >= 1 ? factor : throw c.Wrong(s_factor, ConfigFields.Text(factor), $"a number from 1 to {ConfigFields.Text(MaxFactor)}");

    // 0.1 · ln(factor) + 1, the paper's fit, with DeepSeek's weight of it.
    private static double YarnMagnitude(double factor, double weight) => factor <= 1 ? 1 : 0.1 * weight * Math.Log(factor) + 1;
}
