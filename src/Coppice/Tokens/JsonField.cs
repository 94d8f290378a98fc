using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>A value in a JSON file and where it stands, so that every complaint can name it.</summary>
internal readonly struct JsonField(string file, string path, JsonElement element)
{
    public string File => file;

    public string Path => path;

    public JsonElement Element => element;

    public bool IsNull => element.ValueKind is JsonValueKind.Null or JsonValueKind.Undefined;

    /// <summary>Reads a file and passes its root to <paramref name="read"/>; whatever is wrong with the file is a <see cref="ModelFormatException"/>.</summary>
    public static T ReadFile<T>(string file, Func<JsonField, T> read, int mostBytes = SmallFile.LargestData) => Read(file, SmallFile.Read(file, mostBytes), read);

    /// <inheritdoc cref="ReadFile"/>
    public static T Read<T>(string file, byte[] bytes, Func<JsonField, T> read)
    {
        try
        {
            ReadOnlyMemory<byte> text = bytes;
            if (text.Span.StartsWith("\uFEFF"u8)) text = text[3..];
            // JsonDocument sets aside what it knows of a file's values by the file's length, before it reads the first: what begins with no value is refused here.
            Utf8JsonReader first = new(text.Span);
            first.Read();
            using JsonDocument document = JsonDocument.Parse(text);
            return read(new JsonField(file, "the file", document.RootElement));
        }
        catch (JsonException e)
        {
            throw new ModelFormatException(file, $"This is not JSON: {e.Message}", e);
        }
    }

    /// <summary>A property that may be missing: then <see cref="IsNull"/>.</summary>
    public JsonField Optional(string name)
    {
        Expect(JsonValueKind.Object, "an object");
        JsonElement self = element;
        return new JsonField(file, path == "the file" ? name : $"{path}.{name}", Text(() => self.TryGetProperty(name, out JsonElement value) ? value : default));
    }

    public JsonField Required(string name)
    {
        JsonField field = Optional(name);
        return field.IsNull ? throw new ModelFormatException(file, $"{field.Path} is missing.") : field;
    }

    public IEnumerable<JsonField> Items()
    {
        Expect(JsonValueKind.Array, "an array");
        return Walk(this);

        static IEnumerable<JsonField> Walk(JsonField self)
        {
            int index = 0;
            foreach (JsonElement item in self.Element.EnumerateArray()) yield return new JsonField(self.File, $"{self.Path}[{index++}]", item);
        }
    }

    /// <summary>The properties of an object, in the file's order.</summary>
    public IEnumerable<(string Name, JsonField Value)> Properties()
    {
        Expect(JsonValueKind.Object, "an object");
        return Walk(this);

        static IEnumerable<(string, JsonField)> Walk(JsonField self)
        {
            foreach (JsonProperty property in self.Element.EnumerateObject())
                yield return (self.Text(() => property.Name), new JsonField(self.File, self.Path, property.Value));
        }
    }

    public int Count
    {
        get
        {
            Expect(JsonValueKind.Array, "an array");
            return element.GetArrayLength();
        }
    }

    public string String()
    {
        Expect(JsonValueKind.String, "a text");
        JsonElement value = element;
        return Text(() => value.GetString()!);
    }

    public int Int() => element.ValueKind == JsonValueKind.Number && element.TryGetInt32(out int value) ? value : throw Wrong("a whole number below 2^31");

    public bool Bool(bool missing) => element.ValueKind switch
    {
        JsonValueKind.True => true,
        JsonValueKind.False => false,
        _ when IsNull => missing,
        _ => throw Wrong("true or false"),
    };

    /// <summary>The complaint that this value is not what is supported.</summary>
    public ModelFormatException Unsupported(string value, string supported) => new(file, $"{path} is '{value}', which is not supported; supported: {supported}.");

    /// <summary>The complaint that this value is not what the format says.</summary>
    public ModelFormatException Wrong(string expected)
    {
        string value = element.ValueKind switch
        {
            JsonValueKind.Undefined => "missing",
            JsonValueKind.Null => "null",
            JsonValueKind.Object => "an object",
            JsonValueKind.Array => "an array",
            JsonValueKind.String => "a text",
            _ => element.GetRawText(),
        };
        return new(file, $"{path} is {(value.Length > 80 ? value[..80] + "…" : value)}; it must be {expected}.");
    }

    private void Expect(JsonValueKind kind, string name)
    {
        if (element.ValueKind != kind) throw Wrong(name);
    }

    // A text can escape half a surrogate pair or hold bytes that are not UTF-8.
    private T Text<T>(Func<T> read)
    {
        try
        {
            return read();
        }
        catch (InvalidOperationException e)
        {
            throw new ModelFormatException(file, $"A text at {path} is not Unicode: {e.Message}", e);
        }
    }
}
