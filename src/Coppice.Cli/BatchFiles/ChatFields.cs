using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>The body of a chat completion: a conversation that the model's template writes as a prompt.</summary>
internal static class ChatFields
{
    public static BodyFields Fields { get; } = new(new Dictionary<string, Func<Body, JsonField, Body>>(StringComparer.Ordinal)
    {
        ["messages"] = (body, field) => body with { Chat = body.Chat with { Messages = ReadMessages(field) } },
        ["tools"] = (body, field) => body with { Chat = body.Chat with { Tools = ReadList(field) } },
        ["tool_choice"] = (body, field) => body with { HidesTools = HidesTools(field) },
        ["documents"] = (body, field) => body with { Chat = body.Chat with { Documents = ReadList(field) } },
        ["chat_template_kwargs"] = (body, field) => body with { Chat = body.Chat with { Variables = ReadVariables(field) } },
        ["add_generation_prompt"] = (body, field) => body with { Chat = body.Chat with { AddGenerationPrompt = field.Flag() } },
        ["max_completion_tokens"] = (body, field) => body with { MaxTokens = field.Whole(0) },
        ["logprobs"] = (body, field) => body with { AsksLogProbs = field.Flag() },
        ["top_logprobs"] = (body, field) => body with { TopLogProbs = field.Whole(0, 20) },
        // The model decides how many tools it calls.
        ["parallel_tool_calls"] = (body, field) => BodyFields.Ignore(body, field.Flag()),
    }, Finish);

    private static Body Finish(Body body)
    {
        if (body.Chat.Messages.Count == 0) throw new InvalidRequestException("The field messages is missing; it is a list of messages, each with a role and a content.");
        if (body.TopLogProbs is not null && !body.AsksLogProbs) throw new InvalidRequestException($"top_logprobs is {body.TopLogProbs} and logprobs is not true; it must be, or top_logprobs be left out.");
        return body with
        {
            Prompt = Prompt.OfChat(body.HidesTools ? body.Chat with { Tools = null } : body.Chat),
            Options = body.Options with { LogProbs = body.AsksLogProbs ? body.TopLogProbs ?? 0 : null },
        };
    }

    private static ChatMessage[] ReadMessages(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a list of messages");
        if (field.Value.GetArrayLength() == 0) throw new InvalidRequestException("messages is an empty list; it must have at least one message.");
        return [.. field.Items().Select(item =>
        {
            try
            {
                return ChatMessage.FromJson(item.Value);
            }
            catch (InvalidRequestException e)
            {
                throw new InvalidRequestException($"{item.Name}: {e.Message}");
            }
        })];
    }

    // The values outlive the line that they were read from. An empty list of tools is no tools: templates ask whether there are any.
    private static JsonElement? ReadList(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Array) throw field.Wrong("a list of objects");
        foreach (JsonField item in field.Items())
            if (item.Value.ValueKind != JsonValueKind.Object) throw item.Wrong("an object");
        return field.Value.GetArrayLength() == 0 ? null : field.Value.Clone();
    }

    private static Dictionary<string, JsonElement> ReadVariables(JsonField field)
    {
        if (field.Value.ValueKind != JsonValueKind.Object) throw field.Wrong("an object");
        return field.Properties().ToDictionary(variable => variable.Name, variable => variable.Value.Clone(), StringComparer.Ordinal);
    }

    // "required" and a named tool would need answers that are constrained to a call.
    private static bool HidesTools(JsonField field) => field.Value.ValueKind == JsonValueKind.String && field.Text() is "auto" or "none"
        ? field.Text() == "none"
        : throw field.Wrong("\"auto\" or \"none\": whether a tool is called is left to the model");
}
