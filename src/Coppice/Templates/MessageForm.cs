using System.Text.Json;

namespace Coppice.Templates;

/// <summary>
/// The form in which templates expect a message, whatever the wire allows: a field that is null is absent, but content is a text, at least an empty one;
/// parts of text are one text; a list of no tool calls is absent; the arguments of a call are a dict, or a text where the template wants that.
/// </summary>
internal static class MessageForm
{
    public static Map Of(Rendering run, Map message, TemplateFindings findings)
    {
        Map form = new();
        foreach ((object? name, object? value) in message.Pairs)
        {
            if (name is "content") form[name] = Text(value) ?? value;
            else if (name is "tool_calls" && value is Sequence { Items.Count: > 0 } calls) form[name] = Sequence.List([.. calls.Items.Select(c => Call(run, c, findings.ArgumentsAsText))]);
            else if (value is not null && (name is not "tool_calls" || value is not Sequence)) form[name] = value;
        }
        if (!form.TryGet("content", out object? content)) form["content"] = content = "";
        if (findings.CallsWithoutContent && content is "" && form.TryGet("tool_calls", out _)) form["content"] = null;
        else if (findings.TakesPartsOnly && content is string text) form["content"] = Parts(text);
        return form;
    }

    /// <summary>One text as the list of parts that some templates want.</summary>
    public static Sequence Parts(string text) => Sequence.List(text.Length == 0 ? [] : [new Map { ["type"] = "text", ["text"] = text }]);

    /// <summary>Content as one text; null where a part of it is no text.</summary>
    public static string? Text(object? content)
    {
        switch (content)
        {
            case null: return "";
            case string text: return text;
            case Sequence parts:
                string?[] texts = [.. parts.Items.Select(Part)];
                return Array.IndexOf(texts, null) < 0 ? string.Concat(texts) : null;
            default: return null;
        }
    }

    /// <summary>The name of the function that a call in JSON calls; empty if it has none.</summary>
    public static string NameOf(JsonElement call)
    {
        JsonElement function = Field(call, "function") is { ValueKind: JsonValueKind.Object } inner ? inner : call;
        return Field(function, "name") is { ValueKind: JsonValueKind.String } name ? name.GetString()! : "";
    }

    /// <summary>Puts a mark into all the calls of a message: as the function's name and as its argument.</summary>
    public static void MarkCalls(Map message, string mark)
    {
        if (!message.TryGet("tool_calls", out object? value) || value is not Sequence calls) return;
        foreach (Map call in calls.Items.OfType<Map>())
        {
            Map function = call.TryGet("function", out object? inner) && inner is Map named ? named : call;
            function["name"] = mark;
            function["arguments"] = function.TryGet("arguments", out object? old) && old is string ? $$"""{"{{mark}}": "{{mark}}"}""" : new Map { [mark] = mark };
        }
    }

    private static JsonElement? Field(JsonElement element, string name) => element.ValueKind == JsonValueKind.Object && element.TryGetProperty(name, out JsonElement field) ? field : null;

    private static string? Part(object? part) =>
        part is Map map && (!map.TryGet("type", out object? type) || type is "text") && map.TryGet("text", out object? text) ? text as string : part as string;

    private static object? Call(Rendering run, object? call, bool argumentsAsText)
    {
        if (call is not Map map) return call;
        Map form = Copy(map);
        if (map.TryGet("function", out object? inner) && inner is Map function) form["function"] = WithArguments(run, Copy(function), argumentsAsText);
        else WithArguments(run, form, argumentsAsText);
        return form;
    }

    private static Map WithArguments(Rendering run, Map function, bool argumentsAsText)
    {
        if (!function.TryGet("arguments", out object? arguments)) return function;
        function["arguments"] = (arguments, argumentsAsText) switch
        {
            (Map map, true) => JsonText.Plain.Write(run, map),
            (null or "", true) => "{}",
            (null, false) => new Map(),
            (string text, false) => Parsed(text),
            _ => arguments,
        };
        return function;
    }

    // A model can write arguments that are no JSON object; then templates get them as they are.
    private static object? Parsed(string arguments)
    {
        if (string.IsNullOrWhiteSpace(arguments)) return new Map();
        try
        {
            using JsonDocument document = JsonDocument.Parse(arguments);
            return document.RootElement.ValueKind == JsonValueKind.Object ? JsonValues.Of(document.RootElement) : arguments;
        }
        catch (JsonException)
        {
            return arguments;
        }
    }

    private static Map Copy(Map map)
    {
        Map copy = new();
        foreach ((object? name, object? value) in map.Pairs) copy[name] = value;
        return copy;
    }
}
