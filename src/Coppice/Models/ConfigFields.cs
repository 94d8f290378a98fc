using System.Globalization;
using Coppice.Loading;

namespace Coppice.Models;

/// <summary>What a setting is called in config.json and, behind the architecture's name, in GGUF metadata. Null: the container has none.</summary>
internal readonly record struct ConfigKey(string? Json, string? Gguf);

/// <summary>
/// A checkpoint's settings, whichever container they stand in. Getters check ranges and throw <see cref="ModelFormatException"/> naming key,
/// value and what is needed.
/// </summary>
internal abstract class ConfigFields(ModelFamily family, IWeightFile? weights)
{
    public ModelFamily Family => family;

    public abstract WeightNaming Naming { get; }

    /// <summary>Null where weights have not been opened yet.</summary>
    protected IWeightFile? Weights => weights;

    /// <summary>Whether the checkpoint has such a weight, in layer 0 if it is one of layers.</summary>
    public bool Has(WeightRole role) => weights is not null && family.Names.Find(weights, new WeightKey(role), Naming) is not null;

    public abstract int? Int32(ConfigKey key, int min, int max);

    public abstract float? Single(ConfigKey key, float min, float max);

    public abstract bool? Boolean(ConfigKey key);

    public abstract string? String(ConfigKey key);

    /// <summary>The setting's name in an error, for another setting's error.</summary>
    public abstract string Named(ConfigKey key);

    public abstract ModelFormatException Wrong(ConfigKey key, string found, string needed);

    public abstract ModelFormatException Missing(ConfigKey key, string needed);

    public int RequiredInt32(ConfigKey key, int min, int max) => Int32(key, min, max) ?? throw Missing(key, $"a whole number from {min} to {max}");

    public float RequiredSingle(ConfigKey key, float min, float max) => Single(key, min, max) ?? throw Missing(key, $"a number from {Text(min)} to {Text(max)}");

    /// <summary>A setting that is supported with one value only, which is also its default.</summary>
    public void MustBe(ConfigKey key, bool needed)
    {
        if (Boolean(key) is bool found && found != needed) throw Wrong(key, found ? "true" : "false", needed ? "true" : "false");
    }

    public static string Text(IFormattable number) => number.ToString(null, CultureInfo.InvariantCulture);
}

/// <summary>Settings from config.json.</summary>
internal sealed class JsonConfig(JsonFields fields, ModelFamily family, IWeightFile? weights) : ConfigFields(family, weights)
{
    public JsonFields Fields => fields;

    public override WeightNaming Naming => WeightNaming.HuggingFace;

    public override int? Int32(ConfigKey key, int min, int max) => key.Json is null ? null : fields.Int32(key.Json, min, max);

    public override float? Single(ConfigKey key, float min, float max) => key.Json is null ? null : fields.Single(key.Json, min, max);

    public override bool? Boolean(ConfigKey key) => key.Json is null ? null : fields.Boolean(key.Json);

    public override string? String(ConfigKey key) => key.Json is null ? null : fields.String(key.Json);

    public override string Named(ConfigKey key) => key.Json!;

    public override ModelFormatException Wrong(ConfigKey key, string found, string needed) => fields.Wrong(key.Json!, found, needed);

    public override ModelFormatException Missing(ConfigKey key, string needed) => fields.Missing(key.Json!, needed);
}

/// <summary>Settings from GGUF metadata.</summary>
internal sealed class GgufConfig(GgufMetadata metadata, ModelFamily family, IWeightFile weights) : ConfigFields(family, weights)
{
    private readonly string _prefix = $"{family.GgufArchitecture}.";

    public override WeightNaming Naming => WeightNaming.Gguf;

    public override int? Int32(ConfigKey key, int min, int max) => key.Gguf is null ? null : metadata.OptionalInt32(_prefix + key.Gguf, min, max);

    // Not "value < min": a NaN must fail.
    public override float? Single(ConfigKey key, float min, float max) =>
        key.Gguf is null || metadata.OptionalFloat(_prefix + key.Gguf) is not float value ? null
        : value >= min && value <= max ? value : throw Wrong(key, Text(value), $"a number from {Text(min)} to {Text(max)}");

    public override bool? Boolean(ConfigKey key) => key.Gguf is null ? null : metadata.OptionalBool(_prefix + key.Gguf);

    public override string? String(ConfigKey key) => key.Gguf is null ? null : metadata.OptionalString(_prefix + key.Gguf);

    public override string Named(ConfigKey key) => _prefix + key.Gguf;

    public override ModelFormatException Wrong(ConfigKey key, string found, string needed) => metadata.Wrong(Named(key), found, needed);

    public override ModelFormatException Missing(ConfigKey key, string needed) => metadata.Missing(Named(key), needed);

    /// <summary>A list of flags; null where it is missing or no list.</summary>
    public bool[]? Booleans(ConfigKey key) => key.Gguf is not null && metadata.TypeOf(Named(key)).StartsWith("array", StringComparison.Ordinal) ? metadata.BoolArray(Named(key)) : null;

    /// <summary>A tensor of that many numbers above zero; null where there is none.</summary>
    public float[]? Divisors(string tensor, int count)
    {
        if (!Weights!.TryGetTensor(tensor, out WeightTensor? found)) return null;
        if (!found.Shape.SequenceEqual([count]))
            throw new ModelFormatException(Weights.Path, $"Tensor {Quoted.Of(tensor)} has shape {Quoted.Shape(found.Shape)}; the model's config needs {Quoted.Shape([count])}.");
        float[] values = new float[count];
        found.ReadRow(0, values);
        return Array.TrueForAll(values, value => value > 0 && float.IsFinite(value)) ? values
            : throw new ModelFormatException(Weights.Path, $"Tensor {Quoted.Of(tensor)} divides RoPE's frequencies by numbers that are not all above 0.");
    }

    /// <summary>Rows of the embedding, or else tokens in the file's vocabulary.</summary>
    public int CountTokens(int max)
    {
        const string Key = "tokenizer.ggml.tokens";
        if (Family.Names.Find(Weights!, new WeightKey(WeightRole.Embedding), Naming) is { Shape: [var rows and >= 1, _] } && rows <= max) return (int)rows;
        long tokens = metadata.ArrayCount(Key) ?? throw metadata.Wrong($"{_prefix}vocab_size", "missing", $"a number, or {Key}");
        return tokens is >= 1 && tokens <= max ? (int)tokens : throw metadata.Wrong(Key, $"an array of {tokens} elements", $"1 to {max}");
    }
}
