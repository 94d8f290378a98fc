using Coppice.Loading;

namespace Coppice.Models;

/// <summary>How a family keeps RoPE in its settings, and the reading of it. <see cref="RopeScalings"/> are the same in all families.</summary>
internal sealed record RopeKeys
{
    private const float MinBase = 1;
    private const float MaxBase = 1e12f;

    private static readonly ConfigKey s_dimensions = new(null, "rope.dimension_count");

    /// <summary>The base frequency.</summary>
    public ConfigKey Base { get; init; } = new("rope_theta", "rope.freq_base");

    /// <summary>The base where nothing is said.</summary>
    public float DefaultBase { get; init; } = 10_000;

    /// <summary>Share of a head that turns; null: all of it, and anything else is refused.</summary>
    public ConfigKey? Part { get; init; }

    /// <summary>The share where config.json says nothing.</summary>
    public float DefaultPart { get; init; } = 1;

    /// <summary>The pairing in GGUF files.</summary>
    public RopePairing GgufPairing { get; init; } = RopePairing.Halves;

    public RopeConfig Read(ConfigFields c, int headSize, int contextTokens)
    {
        RopeConfig rope = new()
        {
            Base = ReadBase(c),
            Dimensions = ReadDimensions(c, headSize),
            Pairing = c is GgufConfig ? GgufPairing : RopePairing.Halves,
        };
        rope = rope with { Scaling = c is JsonConfig json ? RopeScalings.Read(json.Fields, rope, contextTokens) : RopeScalings.Read((GgufConfig)c, rope, contextTokens) };
        // Where every pair turns alike there are none to tell apart by how fast they turn.
        if (rope is { Base: 1, Scaling.Kind: RopeScalingKind.Yarn }) throw c.Wrong(Base, "1", "more than 1 for 'yarn'");
        return rope;
    }

    /// <summary>What <see cref="Read"/> reads. Checkpoints in folders pair halves; how a file pairs follows from its family.</summary>
    public void Write(RopeConfig rope, GgufSettings s)
    {
        s.Set(Base, rope.Base);
        s.Set(s_dimensions, rope.Dimensions);
        RopeScalings.Write(rope, s);
    }

    /// <summary>What a model's longest sequence is: a config may name the length before or behind the stretch, and the longer one is meant.</summary>
    public static int ContextTokens(ConfigFields c, RopeConfig rope, int contextTokens)
    {
        if (rope.Scaling is not { Kind: RopeScalingKind.Linear or RopeScalingKind.Dynamic or RopeScalingKind.Yarn } s) return contextTokens;
        // A GGUF file without an original length has been converted with the stretched one.
        if (c is GgufConfig && c.Int32(RopeScalings.GgufOriginal, 1, CommonConfig.MaxContext) is null) return contextTokens;
        return (int)Math.Clamp(s.OriginalContextTokens * s.Factor, contextTokens, CommonConfig.MaxContext);
    }

    private float ReadBase(ConfigFields c)
    {
        float? direct = c.Single(Base, MinBase, MaxBase) ?? (c as JsonConfig)?.Fields.Single("rope_theta", MinBase, MaxBase);
        // A nested base that is an object of its own for each kind of layer is the family's business.
        float? nested = (c as JsonConfig)?.Fields.Object("rope_parameters")?.Single("rope_theta", MinBase, MaxBase);
        if (direct is float a && nested is float b && a != b) throw c.Wrong(Base, ConfigFields.Text(a), $"{ConfigFields.Text(b)}, as in rope_parameters");
        return nested ?? direct ?? DefaultBase;
    }

    private int ReadDimensions(ConfigFields c, int headSize)
    {
        const string Common = "partial_rotary_factor";
        ConfigKey share = Part ?? new(Common, null);
        JsonFields? json = (c as JsonConfig)?.Fields;
        float part = c.Single(share, 0, 1) ?? json?.Single(Common, 0, 1) ?? json?.Object("rope_parameters")?.Single(Common, 0, 1) ?? DefaultPart;
        if (Part is null && part != 1) throw c.Wrong(share, ConfigFields.Text(part), "1");
        int fromPart = (int)(headSize * part);
        int? dimensions = c.Int32(s_dimensions, 0, int.MaxValue);
        if (dimensions is int found && (Part is null ? found != headSize : found is < 2 || found > headSize || found % 2 != 0))
            throw c.Wrong(s_dimensions, ConfigFields.Text(found), Part is null ? $"{headSize}, the head size" : $"an even number from 2 to {headSize}, the head size");
        if (c is GgufConfig) return dimensions ?? headSize;
        return fromPart is >= 2 && fromPart % 2 == 0 ? fromPart : throw c.Wrong(share, ConfigFields.Text(part), $"a share of {headSize}, the head size, that is an even number");
    }
}
