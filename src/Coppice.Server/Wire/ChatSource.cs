using System.Text.Json;

namespace Coppice.Server.Wire;

/// <summary>A conversation as it was sent.</summary>
internal sealed class ChatSource
{
    public IReadOnlyList<ChatMessage>? Messages { get; set; }

    public bool AddGenerationPrompt { get; set; } = true;

    public ToolSource Tools { get; } = new();

    /// <summary>Ends the writing of the prompt when the client leaves.</summary>
    public CancellationToken Cancellation { get; set; }

    /// <summary>Further variables of the template.</summary>
    public Dictionary<string, JsonElement> Variables { get; } = new(StringComparer.Ordinal);
}

/// <summary>Reads messages: texts, and lists of parts that are texts. What the model cannot be told is refused by name.</summary>
internal static class ChatMessages
{
    private const int Most = 4096;

    private static readonly string[] s_roles = ["system", "developer", "user", "assistant", "tool"];

    public const string Schema = """{"type":"array","minItems":1,"maxItems":4096,"items":{"type":"object","properties":{"role":{"enum":["system","developer","user","assistant","tool"]},"content":{"anyOf":[{"type":"string"},{"type":"null"},{"type":"array","items":{"type":"object","properties":{"type":{"enum":["text"]},"text":{"type":"string"}},"required":["type","text"]}}]},"name":{"type":"string"},"tool_call_id":{"type":"string"}},"required":["role","content"]}}""";

    public static List<ChatMessage> Read(Field field)
    {
        List<ChatMessage> messages = [.. field.Items(Most).Select(One)];
        return messages.Count > 0 ? messages : throw ApiException.Invalid(field.Name, $"{field.Name} is empty; a conversation has at least one message.");
    }

    private static ChatMessage One(Field message)
    {
        string? role = null, content = null, name = null, callId = null, reasoning = null;
        IReadOnlyList<ChatToolCall> calls = [];
        foreach (Field property in message.Properties())
        {
            Field field = property with { Name = $"{message.Name}.{property.Name}" };
            if (field.IsNull)
            {
                if (property.Name == "content") content ??= "";
                continue;
            }
            switch (property.Name)
            {
                case "role": role = field.OneOf(s_roles); break;
                case "content": content = Content(field); break;
                case "name": name = field.Text(256); break;
                case "tool_call_id": callId = field.Text(256); break;
                case "reasoning_content": reasoning = field.Text(); break;
                case "tool_calls": calls = [.. field.Items(Most).Select(Call)]; break;
                case "refusal": content = content is null or "" ? field.Text() : content; break;
                case "audio" or "function_call": throw ApiException.Invalid(field.Name, $"{field.Name} is not supported.", "unsupported_parameter");
                default: throw new ApiException(400, $"Unrecognized request argument supplied: {Field.Shortened(field.Name)}") { Param = Field.Shortened(field.Name), Code = "unknown_parameter" };
            }
        }

        if (role is null) throw ApiException.Invalid($"{message.Name}.role", $"{message.Name} has no role.", "missing_required_parameter");
        if (content is null && calls.Count == 0) throw ApiException.Invalid($"{message.Name}.content", $"{message.Name} has no content.", "missing_required_parameter");
        return new ChatMessage(role, content) { Name = name, ToolCallId = callId, ToolCalls = calls, Reasoning = reasoning };
    }

    private static string Content(Field field)
    {
        if (field.Value.ValueKind == JsonValueKind.String) return field.Text();
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a text or a list of parts");
        // Templates take one text: parts follow one another.
        return string.Concat(field.Items(Most).Select(part =>
        {
            string kind = (part.Property("type") ?? throw ApiException.Invalid(part.Name, $"{part.Name} has no type.", "missing_required_parameter")).Text();
            if (kind is not ("text" or "refusal")) throw ApiException.Invalid($"{part.Name}.type", $"{part.Name} is of type '{Field.Shortened(kind)}'; the model reads text only.", "unsupported_parameter");
            return (part.Property(kind) ?? throw ApiException.Invalid(part.Name, $"{part.Name} has no {kind}.", "missing_required_parameter")).Text();
        }));
    }

    private static ChatToolCall Call(Field field)
    {
        Field function = field.Property("function") ?? throw ApiException.Invalid(field.Name, $"{field.Name} has no function; other kinds of calls are not supported.", "unsupported_parameter");
        string Required(Field of, string name) => (of.Property(name) ?? throw ApiException.Invalid($"{of.Name}.{name}", $"{of.Name} has no {name}.", "missing_required_parameter")).Text();
        return new ChatToolCall(Required(field, "id"), Required(function, "name"), Required(function, "arguments"));
    }
}
