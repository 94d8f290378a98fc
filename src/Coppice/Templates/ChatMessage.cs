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
    /// A message in JSON, with all its fields. Templates get it in the form that they expect: content may be null or a list of texts, and the arguments of tool
    /// calls a text of JSON, as the OpenAI wire writes them.
    /// </summary>
    /// <exception cref="InvalidRequestException">It is not an object with a role, or has a key or a text that is not Unicode.</exception>
    public static ChatMessage FromJson(JsonElement message)
    {
        if (message.ValueKind != JsonValueKind.Object) throw new InvalidRequestException($"A message is a JSON object; this is {message.ValueKind}.");
        // As a whole, so that a key or a text that is not Unicode is refused here, wherever it stands.
        Map map = (Map)JsonValues.Of(message)!;
        if (!map.TryGet("role", out object? role) || role is not string speaker) throw new InvalidRequestException("A message needs a 'role' that is a text.");
        return new ChatMessage(speaker, map.TryGet("content", out object? said) ? MessageForm.Text(said) : null) { Json = message.Clone() };
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

    /// <summary>Whether the message has calls of tools.</summary>
    internal bool HasCalls => ToolCalls.Count > 0 || (Json is JsonElement json && json.TryGetProperty("tool_calls", out JsonElement calls) && calls.ValueKind == JsonValueKind.Array && calls.GetArrayLength() > 0);

    /// <summary>The names of the functions that it calls.</summary>
    internal IEnumerable<string> CalledNames => ToolCalls.Select(c => c.Name).Concat(Json is JsonElement json && HasCalls && json.TryGetProperty("tool_calls", out JsonElement calls) ? calls.EnumerateArray().Select(MessageForm.NameOf) : []);

    /// <summary>The message in the form that templates expect: see <see cref="MessageForm"/>.</summary>
    internal Map ToMap(Rendering run, TemplateFindings findings)
    {
        if (Json is JsonElement json)
        {
            Map whole = (Map)JsonValues.Of(json)!;
            whole["role"] = Role;
            return MessageForm.Of(run, whole, findings);
        }
        Map map = new() { ["role"] = Role, ["content"] = Content };
        if (Reasoning is not null) map["reasoning_content"] = Reasoning;
        if (ToolCalls.Count > 0) map["tool_calls"] = Sequence.List([.. ToolCalls.Select(c => c.ToMap())]);
        if (ToolCallId is not null) map["tool_call_id"] = ToolCallId;
        if (Name is not null) map["name"] = Name;
        return MessageForm.Of(run, map, findings);
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
        ["function"] = new Map { ["name"] = Name, ["arguments"] = Arguments },
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
}
