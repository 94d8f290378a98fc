using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>A value and the name to blame it by. Every method throws <see cref="InvalidRequestException"/> where the value does not fit.</summary>
internal readonly record struct JsonField(string Name, JsonElement Value)
{
    public bool IsNull => Value.ValueKind == JsonValueKind.Null;

    public string Text()
    {
        if (Value.ValueKind != JsonValueKind.String) throw Wrong("a text");
        try
        {
            return Value.GetString()!;
        }
        catch (InvalidOperationException)   // an escaped surrogate without its other half
        {
            throw new InvalidRequestException($"{Name} holds half a surrogate pair (\\ud800 to \\udfff); it must be Unicode text.");
        }
    }

    public bool Flag() => Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? Value.GetBoolean() : throw Wrong("true or false");

    public int Whole(int from, int to = int.MaxValue) =>
        Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int value) && value >= from && value <= to
            ? value
            : throw Wrong(to == int.MaxValue ? $"a whole number, {from} or more" : $"a whole number from {from} to {to}");

    public long Whole64() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt64(out long value) ? value : throw Wrong("a whole number of 64 bits");

    public float Real(float from, float to) =>
        Value.ValueKind == JsonValueKind.Number && Value.TryGetSingle(out float value) && value >= from && value <= to
            ? value
            : throw Wrong($"a number from {from} to {to}");

    /// <summary>A number in (0, to].</summary>
    public float AboveZero(float to) =>
        Value.ValueKind == JsonValueKind.Number && Value.TryGetSingle(out float value) && value > 0 && value <= to
            ? value
            : throw Wrong($"a number above 0 and at most {to}");

    /// <summary>A text or a list of texts.</summary>
    public string[] Texts() => Value.ValueKind == JsonValueKind.Array
        ? [.. Items().Select(item => item.Text())]
        : Value.ValueKind == JsonValueKind.String ? [Text()] : throw Wrong("a text or a list of texts");

    /// <summary>A list of token ids; the engine knows which ids the model has.</summary>
    public int[] TokenIds() => Value.ValueKind == JsonValueKind.Array ? [.. Items().Select(item => item.Whole(0))] : throw Wrong("a list of token ids");

    public Dictionary<int, float> LogitBias()
    {
        if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object of token ids and numbers");
        Dictionary<int, float> bias = [];
        foreach (JsonField item in Properties())
        {
            if (!int.TryParse(item.Name, System.Globalization.NumberStyles.None, null, out int token)) throw new InvalidRequestException($"{Name} has the key '{Shortened(item.Name)}'; its keys are token ids.");
            bias[token] = new JsonField($"{Name}[{token}]", item.Value).Real(-100, 100);
        }
        return bias;
    }

    /// <summary>The properties of an object.</summary>
    public IEnumerable<JsonField> Properties()
    {
        foreach (JsonProperty property in Value.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException)
            {
                throw new InvalidRequestException($"{Name} has a key that holds half a surrogate pair; it must be Unicode text.");
            }
            yield return new JsonField(name, property.Value);
        }
    }

    public IEnumerable<JsonField> Items()
    {
        int i = 0;
        foreach (JsonElement item in Value.EnumerateArray()) yield return new JsonField($"{Name}[{i++}]", item);
    }

    public InvalidRequestException Wrong(string wanted) => new($"{Name} is {Shortened(Value.GetRawText())}; it must be {wanted}.");

    public static string Shortened(string text) => text.Length <= 60 ? text : text[..(char.IsHighSurrogate(text[56]) ? 56 : 57)] + "...";
}
