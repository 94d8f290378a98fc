using System.Text.Json;

namespace Coppice.Loading;

/// <summary>
/// A JSON object from a file, read with limits: each getter throws <see cref="ModelFormatException"/> naming key, value and what is needed.
/// A null counts as absent.
/// </summary>
internal sealed class JsonFields
{
    private readonly JsonElement _object;
    private readonly string _prefix;

    private JsonFields(string path, JsonElement element, string prefix)
    {
        Path = path;
        _object = element;
        _prefix = prefix;
    }

    public string Path { get; }

    /// <exception cref="ModelFormatException">The file cannot be opened, is too long, or is not a JSON object with distinct keys.</exception>
    public static JsonFields Load(string path)
    {
        ReadOnlySpan<byte> json = SmallFile.Read(path, SmallFile.LargestSettings);
        if (json.IsEmpty) throw new ModelFormatException(path, "The file is empty.");
        try
        {
            CheckStrings(json);
            JsonElement element = JsonElement.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false });
            if (element.ValueKind != JsonValueKind.Object) throw new JsonException($"An object is needed, and {element.ValueKind} is there.");
            return new(path, element, "");
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(path, $"The file is not valid JSON: {e.Message}", e);
        }
    }

    // JsonElement decodes a string only when it is asked for; here bad UTF-8 is found at once.
    private static void CheckStrings(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        while (reader.Read())
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
    }

    public bool Has(string key) => TryGet(key, out _);

    /// <summary>Whether the key is there, be it with a null.</summary>
    public bool Mentions(string key) => _object.TryGetProperty(key, out _);

    public int? Int32(string key, int min, int max)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.Number && value.TryGetInt32(out int number) && number >= min && number <= max
            ? number : throw Wrong(key, value, $"a whole number from {min} to {max}");
    }

    public int RequiredInt32(string key, int min, int max) => Int32(key, min, max) ?? throw Missing(key, $"a whole number from {min} to {max}");

    public float? Single(string key, float min, float max)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        // Not "number < min": a NaN must fail.
        return value.ValueKind == JsonValueKind.Number && value.TryGetSingle(out float number) && number >= min && number <= max
            ? number : throw Wrong(key, value, $"a number from {min} to {max}");
    }

    public float RequiredSingle(string key, float min, float max) => Single(key, min, max) ?? throw Missing(key, $"a number from {min} to {max}");

    public bool? Boolean(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind is JsonValueKind.True or JsonValueKind.False ? value.GetBoolean() : throw Wrong(key, value, "true or false");
    }

    public string? String(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.String ? value.GetString()! : throw Wrong(key, value, "a string");
    }

    public string RequiredString(string key) => String(key) ?? throw Missing(key, "a string");

    public JsonFields? Object(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        return value.ValueKind == JsonValueKind.Object ? new(Path, value, $"{_prefix}{key}.") : throw Wrong(key, value, "an object");
    }

    /// <summary>A list of whole numbers.</summary>
    public int[]? Int32s(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(key, value, "a list of whole numbers");
        return OneOrMoreInt32(key, int.MinValue, int.MaxValue);
    }

    /// <summary>A number or a list of numbers.</summary>
    public int[]? OneOrMoreInt32(string key, int min, int max)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind != JsonValueKind.Array) return [Int32(key, min, max)!.Value];
        return [.. value.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetInt32(out int number) && number >= min && number <= max
            ? number : throw Wrong(key, value, $"whole numbers from {min} to {max}"))];
    }

    /// <summary>A list of numbers within limits.</summary>
    public float[]? Singles(string key, float min, float max)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind != JsonValueKind.Array) throw Wrong(key, value, "a list of numbers");
        return [.. value.EnumerateArray().Select(e => e.ValueKind == JsonValueKind.Number && e.TryGetSingle(out float number) && number >= min && number <= max
            ? number : throw Wrong(key, value, $"numbers from {min} to {max}"))];
    }

    public string[]? Strings(string key)
    {
        if (!TryGet(key, out JsonElement value)) return null;
        if (value.ValueKind != JsonValueKind.Array || value.EnumerateArray().Any(e => e.ValueKind != JsonValueKind.String)) throw Wrong(key, value, "a list of strings");
        return [.. value.EnumerateArray().Select(e => e.GetString()!)];
    }

    /// <summary>All fields, each a string.</summary>
    public IEnumerable<(string Key, string Value)> StringFields()
    {
        foreach (JsonProperty property in _object.EnumerateObject())
            yield return (property.Name, property.Value.ValueKind == JsonValueKind.String ? property.Value.GetString()! : throw Wrong(property.Name, property.Value, "a string"));
    }

    public ModelFormatException Wrong(string key, string found, string needed) => new(Path, $"{Named(key)} is {found}; needed: {needed}.");

    public ModelFormatException Missing(string key, string needed) => new(Path, $"{Named(key)} is missing; needed: {needed}.");

    private ModelFormatException Wrong(string key, JsonElement value, string needed) =>
        Wrong(key, value.ValueKind == JsonValueKind.String ? $"the string {Quoted.Of(value.GetString()!)}" : Shown(value), needed);

    private static string Shown(JsonElement value)
    {
        string text = value.GetRawText();
        return text.Length <= 80 ? text : $"{text[..80]}...";
    }

    private string Named(string key) => _prefix.Length + key.Length <= 80 ? _prefix + key : Quoted.Of(_prefix + key);

    private bool TryGet(string key, out JsonElement value) => _object.TryGetProperty(key, out value) && value.ValueKind != JsonValueKind.Null;
}
