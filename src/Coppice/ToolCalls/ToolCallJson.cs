using System.Security.Cryptography;
using System.Text;
using System.Text.Json;

namespace Coppice.ToolCalls;

/// <summary>Reads calls from the JSON that models write: name, and arguments or parameters as an object or as its text.</summary>
internal static class ToolCallJson
{
    private static readonly JsonDocumentOptions s_json = new() { MaxDepth = 64 };

    /// <summary>One object, or a list of them. False: it is something else.</summary>
    public static bool TryRead(ReadOnlySpan<char> json, List<ToolCall> calls)
    {
        int before = calls.Count;
        try
        {
            using JsonDocument document = JsonDocument.Parse(json.ToString(), s_json);
            JsonElement root = document.RootElement;
            bool isList = root.ValueKind == JsonValueKind.Array;
            if (!isList && !TryAdd(root, calls)) return false;
            if (!isList) return true;
            foreach (JsonElement item in root.EnumerateArray())
            {
                if (TryAdd(item, calls)) continue;
                calls.RemoveRange(before, calls.Count - before);
                return false;
            }
            return calls.Count > before;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or ArgumentException)   // not JSON, or half a surrogate pair in it
        {
            calls.RemoveRange(before, calls.Count - before);
            return false;
        }
    }

    /// <summary>A call whose name stands apart from its arguments. False: those are no object.</summary>
    public static bool TryRead(string name, ReadOnlySpan<char> arguments, List<ToolCall> calls)
    {
        if (name.Length == 0 || Object(arguments.Trim().ToString()) is not string text) return false;
        calls.Add(new ToolCall(FreshId(), name, text));
        return true;
    }

    /// <summary>Reads the beginning of one call or of a list of them: those that are whole, and what there is of the last if its name is.</summary>
    public static void ReadCutOff(ReadOnlySpan<char> json, List<ToolCall> calls)
    {
        byte[] text = Encoding.UTF8.GetBytes(json.ToString());
        Utf8JsonReader reader = new(text, isFinalBlock: false, new JsonReaderState(new JsonReaderOptions { MaxDepth = s_json.MaxDepth }));
        string? name = null, key = null;
        long from = 0, to = 0;      // the arguments, in bytes
        int outside = 0;            // depth around a call
        try
        {
            while (reader.Read())
            {
                int depth = reader.CurrentDepth - outside;
                if (reader.TokenType == JsonTokenType.StartArray && reader.CurrentDepth == 0) outside = 1;
                else if (reader.TokenType == JsonTokenType.EndObject && depth == 0) Add();
                else if (reader.TokenType == JsonTokenType.PropertyName && depth == 1) key = reader.GetString();
                else if (reader.TokenType == JsonTokenType.String && depth == 1 && key == "name") name = reader.GetString();
                else if (depth == 1 && key is ("arguments" or "parameters") && reader.TokenType == JsonTokenType.StartObject) (from, to) = (reader.TokenStartIndex, text.Length);
                else if (depth == 1 && key is ("arguments" or "parameters") && reader.TokenType == JsonTokenType.EndObject) to = reader.BytesConsumed;
            }
        }
        catch (JsonException)
        {
            // What came before holds.
        }

        Add();

        void Add()
        {
            if (!string.IsNullOrEmpty(name)) calls.Add(new ToolCall(FreshId(), name, Encoding.UTF8.GetString(text.AsSpan((int)from..(int)to))));
            (name, key, from, to) = (null, null, 0, 0);
        }
    }

    private static bool TryAdd(JsonElement call, List<ToolCall> calls)
    {
        if (call.ValueKind != JsonValueKind.Object) return false;
        if (call.TryGetProperty("function", out JsonElement function) && function.ValueKind == JsonValueKind.Object) return TryAdd(function, calls);
        if (!call.TryGetProperty("name", out JsonElement name) || name.ValueKind != JsonValueKind.String || name.GetString() is not { Length: > 0 } called) return false;
        string? arguments = "{}";
        if (call.TryGetProperty("arguments", out JsonElement given) || call.TryGetProperty("parameters", out given))
        {
            arguments = given.ValueKind switch
            {
                JsonValueKind.Object => given.GetRawText(),
                JsonValueKind.String => Object(given.GetString()!),
                JsonValueKind.Null => "{}",
                _ => null,
            };
        }
        if (arguments is null) return false;
        string id = call.TryGetProperty("id", out JsonElement own) && own.ValueKind == JsonValueKind.String && own.GetString() is { Length: > 0 } text ? text : FreshId();
        calls.Add(new ToolCall(id, called, arguments));
        return true;
    }

    private static string? Object(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, s_json);
            return document.RootElement.ValueKind == JsonValueKind.Object ? text : null;
        }
        catch (JsonException)
        {
            return null;
        }
    }

    // Nine letters and digits: the templates of Mistral's models refuse any other.
    private static string FreshId() => RandomNumberGenerator.GetString("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789", 9);
}
