using System.Globalization;
using System.Runtime.InteropServices;
using System.Text.Json;

namespace Coppice.Server.Wire;

/// <summary>A value of a request and the name to blame it by. Every reading method refuses what does not fit.</summary>
internal readonly record struct Field(string Name, JsonElement Value)
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
            throw HalfPair();
        }
    }

    /// <summary>The value as JSON, in which every text and every key is Unicode.</summary>
    public string Json()
    {
        Utf8JsonReader reader = new(JsonMarshal.GetRawUtf8Value(Value));
        try
        {
            while (reader.Read())
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) _ = reader.GetString();
        }
        catch (InvalidOperationException)
        {
            throw HalfPair();
        }

        return Value.GetRawText();
    }

    public string Text(int mostCharacters)
    {
        string text = Text();
        return text.Length <= mostCharacters ? text : throw ApiException.Invalid(Name, $"{Name} has {text.Length} characters; it may have {mostCharacters}.");
    }

    public bool Flag() => Value.ValueKind is JsonValueKind.True or JsonValueKind.False ? Value.GetBoolean() : throw Wrong("true or false");

    public int Whole(int from, int to) => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt32(out int value) && value >= from && value <= to
        ? value
        : throw Wrong(to == int.MaxValue ? $"a whole number, {from} or more" : $"a whole number from {from} to {to}");

    public long Whole64() => Value.ValueKind == JsonValueKind.Number && Value.TryGetInt64(out long value) ? value : throw Wrong("a whole number of 64 bits");

    public float Real(float from, float to) => Value.ValueKind == JsonValueKind.Number && Value.TryGetSingle(out float value) && value >= from && value <= to
        ? value
        : throw Wrong($"a number from {from} to {to}");

    public string OneOf(params ReadOnlySpan<string> choices)
    {
        string text = Text();
        return choices.Contains(text) ? text : throw Wrong($"one of {string.Join(", ", choices!)}");
    }

    public IEnumerable<Field> Items()
    {
        if (Value.ValueKind != JsonValueKind.Array) throw Wrong("a list");
        int i = 0;
        foreach (JsonElement item in Value.EnumerateArray()) yield return new Field($"{Name}[{i++}]", item);
    }

    /// <summary>A list of at most so many items.</summary>
    public IEnumerable<Field> Items(int most)
    {
        if (Value.ValueKind == JsonValueKind.Array && Value.GetArrayLength() is int count && count > most)
            throw ApiException.Invalid(Name, $"{Name} has {count} items; it may have {most}.");
        return Items();
    }

    public IEnumerable<Field> Properties()
    {
        if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object");
        foreach (JsonProperty property in Value.EnumerateObject())
        {
            string name;
            try
            {
                name = property.Name;
            }
            catch (InvalidOperationException)
            {
                throw ApiException.Invalid(Name, $"{Name} has a key that holds half a surrogate pair; it must be Unicode text.");
            }

            yield return new Field(name, property.Value);
        }
    }

    /// <summary>The object's property of this name, if it is there and not null.</summary>
    public Field? Property(string name)
    {
        if (Value.ValueKind != JsonValueKind.Object) throw Wrong("an object");
        return Value.TryGetProperty(name, out JsonElement value) && value.ValueKind != JsonValueKind.Null ? new Field($"{Name}.{name}", value) : null;
    }

    public int[] TokenIds()
    {
        if (Value.ValueKind != JsonValueKind.Array) throw Wrong("a list of token ids");
        int[] ids = new int[Value.GetArrayLength()];
        int count = 0;
        foreach (JsonElement item in Value.EnumerateArray())
        {
            if (item.ValueKind != JsonValueKind.Number || !item.TryGetInt32(out int id) || id < 0) throw new Field($"{Name}[{count}]", item).Wrong("a token id");
            ids[count++] = id;
        }

        return ids;
    }

    /// <summary>An object of token ids and numbers.</summary>
    public Dictionary<int, float> LogitBias()
    {
        Dictionary<int, float> bias = [];
        foreach (Field item in Properties())
        {
            // A zero in front would make two keys one token.
            if (!int.TryParse(item.Name, NumberStyles.None, CultureInfo.InvariantCulture, out int token) || item.Name is ['0', _, ..]) throw ApiException.Invalid(Name, $"{Name} has the key '{Shortened(item.Name)}'; its keys are token ids, without zeros in front.");
            bias[token] = new Field($"{Name}.{token}", item.Value).Real(-100, 100);
        }

        return bias;
    }

    private ApiException HalfPair() => ApiException.Invalid(Name, $"{Name} holds half a surrogate pair (\\ud800 to \\udfff); it must be Unicode text.");

    public ApiException Wrong(string wanted) => ApiException.Invalid(Name, $"{Name} is {Shortened(Value.GetRawText())}; it must be {wanted}.");

    public static string Shortened(string text) => text.Length <= 60 ? text : text[..(char.IsHighSurrogate(text[56]) ? 56 : 57)] + "...";
}
