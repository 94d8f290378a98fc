using System.Text.Json;
using Coppice.Templates;

namespace Coppice;

/// <summary>One message of a conversation, as templates see it.</summary>
/// <param name="Role">system, user, assistant, tool, or whatever else the model's template knows.</param>
/// <param name="Content">What is said; null is None.</param>
public sealed record ChatMessage(string Role, string? Content)
{
    private JsonElement? Json { get; init; }

    /// <summary>What the assistant calls.</summary>
    public IReadOnlyList<ChatToolCall> ToolCalls { get; init; } = [];

    /// <summary>The call that a tool's message answers.</summary>
    public string? ToolCallId { get; init; }

    /// <summary>Who speaks, or the tool that answers.</summary>
    public string? Name { get; init; }

    /// <summary>What the assistant thought before it answered (reasoning_content).</summary>
    public string? Reasoning { get; init; }

    /// <summary>
    /// A message in JSON, with all its fields: content may be a list of parts. The arguments of tool calls, which the OpenAI wire writes as a text of JSON,
    /// become what they say, because templates expect that.
    /// </summary>
    /// <exception cref="InvalidRequestException">It is not an object with a role.</exception>
    public static ChatMessage FromJson(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object) throw new InvalidRequestException($"A message is a JSON object; this is {message.ValueKind}.");
        if (!message.TryGetProperty("role", out JsonElement role) || role.ValueKind != JsonValueKind.String) throw new InvalidRequestException("A message needs a 'role' that is a text.");
        string? content = message.TryGetProperty("content", out JsonElement said) && said.ValueKind == JsonValueKind.String ? (string?)JsonValues.Of(said) : null;
        return new ChatMessage((string)JsonValues.Of(role)!, content) { Json = message.Clone() };
    }

    /// <summary>The message as <see cref="FromJson"/> reads it.</summary>
    internal void WriteTo(Utf8JsonWriter json)
    {
        if (Json is JsonElement whole)
        {
            whole.WriteTo(json);
            return;
        }
        json.WriteStartObject();
        json.WriteString("role", Role);
        json.WriteString("content", Content);
        if (Reasoning is not null) json.WriteString("reasoning_content", Reasoning);
        if (ToolCalls.Count > 0)
        {
            json.WriteStartArray("tool_calls");
            foreach (ChatToolCall call in ToolCalls) call.WriteTo(json);
            json.WriteEndArray();
        }
        if (ToolCallId is not null) json.WriteString("tool_call_id", ToolCallId);
        if (Name is not null) json.WriteString("name", Name);
        json.WriteEndObject();
    }

    internal object? ToMap()
    {
        if (Json is JsonElement json) return WithArguments((Map)JsonValues.Of(json)!);
        Map map = new() { ["role"] = Role, ["content"] = Content };
        if (Reasoning is not null) map["reasoning_content"] = Reasoning;
        if (ToolCalls.Count > 0) map["tool_calls"] = Sequence.List([.. ToolCalls.Select(c => c.ToMap())]);
        if (ToolCallId is not null) map["tool_call_id"] = ToolCallId;
        if (Name is not null) map["name"] = Name;
        return map;
    }

    private static Map WithArguments(Map message)
    {
        if (!message.TryGet("tool_calls", out object? value) || value is not Sequence calls) return message;
        foreach (object? call in calls.Items)
        {
            Map? function = call is Map outer && outer.TryGet("function", out object? named) ? named as Map : call as Map;
            if (function is not null && function.TryGet("arguments", out object? arguments) && arguments is string text) function["arguments"] = ChatToolCall.Parsed(text);
        }
        return message;
    }
}

/// <summary>A tool that the assistant calls.</summary>
/// <param name="Id">What the tool's answer refers to.</param>
/// <param name="Name">The tool.</param>
/// <param name="Arguments">JSON, usually an object.</param>
public sealed record ChatToolCall(string Id, string Name, string Arguments)
{
    internal Map ToMap() => new()
    {
        ["id"] = Id,
        ["type"] = "function",
        ["function"] = new Map { ["name"] = Name, ["arguments"] = Parsed(Arguments) },
    };

    internal void WriteTo(Utf8JsonWriter json)
    {
        json.WriteStartObject();
        json.WriteString("id", Id);
        json.WriteString("type", "function");
        json.WriteStartObject("function");
        json.WriteString("name", Name);
        json.WriteString("arguments", Arguments);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    // A model can write arguments that are no JSON; then templates get them as they are.
    internal static object? Parsed(string arguments)
    {
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
}
