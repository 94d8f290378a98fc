using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Server.Serving;

namespace Coppice.Server.Wire;

/// <summary>What answers of all kinds have in common.</summary>
internal static class AnswerJson
{
    public static JsonWriterOptions Json { get; } = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>A whole answer.</summary>
    /// <param name="output">Where it goes.</param>
    /// <param name="format">How choices look.</param>
    /// <param name="model">Spells tokens.</param>
    /// <param name="id">What it is called.</param>
    /// <param name="results">What came of each prompt.</param>
    /// <param name="warnings">What of the request could not be kept to.</param>
    public static async ValueTask WriteWholeAsync(AnswerWriter output, IAnswerFormat format, ServedModel model, AnswerId id, IReadOnlyList<Answered> results, IReadOnlyList<string> warnings)
    {
        Utf8JsonWriter json = output.Json;
        Begin(json, format.WholeKind, model, id);
        json.WriteStartArray("choices");
        int index = 0;
        foreach (Answered answered in results)
        {
            foreach (GenerateChoice choice in answered.Result.Choices)
            {
                await format.WriteChoiceAsync(output, model, index++, choice, answered);
                await output.DrainAsync();
            }
        }

        json.WriteEndArray();
        WriteUsage(json, Sum(results.Select(answered => answered.Result.Usage)));
        if (warnings.Count > 0)
        {
            json.WriteStartArray("warnings");
            foreach (string warning in warnings) json.WriteStringValue(warning);
            json.WriteEndArray();
        }

        json.WriteEndObject();
        json.Flush();
    }

    /// <summary>An event of a stream.</summary>
    public static async ValueTask WriteChunkAsync(AnswerWriter output, IAnswerFormat format, ServedModel model, AnswerId id, int index, ChoiceState state, GenerateChunk chunk, IReadOnlyList<ToolCall>? calls, bool mentionUsage)
    {
        Utf8JsonWriter json = output.Json;
        Begin(json, format.ChunkKind, model, id);
        json.WriteStartArray("choices");
        await format.WriteChunkAsync(output, model, index, state, chunk, calls);
        json.WriteEndArray();
        if (mentionUsage) json.WriteNull("usage");
        json.WriteEndObject();
        output.Next();
        state.Begun = true;
    }

    /// <summary>The event of a stream that has a prompt.</summary>
    public static async ValueTask WriteEchoAsync(AnswerWriter output, IAnswerFormat format, ServedModel model, AnswerId id, int index, ChoiceState state, Echo echo, Generation generation, bool mentionUsage)
    {
        Utf8JsonWriter json = output.Json;
        Begin(json, format.ChunkKind, model, id);
        json.WriteStartArray("choices");
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteString("text", echo.Text);
        if (echo.LogProbs is null) json.WriteNull("logprobs");
        else await LogProbsJson.WriteListsAsync(output, model, [], state.Offset, echo);
        WriteFinish(json, generation.OnlyPrompts ? FinishReason.Length : null);
        json.WriteEndObject();
        json.WriteEndArray();
        if (mentionUsage) json.WriteNull("usage");
        json.WriteEndObject();
        output.Next();
        state.Begun = true;
    }

    /// <summary>The last event of a stream, if usage was asked for.</summary>
    public static void WriteUsageChunk(AnswerWriter output, IAnswerFormat format, ServedModel model, AnswerId id, Usage usage)
    {
        Utf8JsonWriter json = output.Json;
        Begin(json, format.ChunkKind, model, id);
        json.WriteStartArray("choices");
        json.WriteEndArray();
        WriteUsage(json, usage);
        json.WriteEndObject();
        output.Next();
    }

    public static void WriteError(IBufferWriter<byte> output, ApiException error)
    {
        using Utf8JsonWriter json = new(output, Json);
        json.WriteStartObject();
        json.WriteStartObject("error");
        json.WriteString("message", error.Message);
        json.WriteString("type", error.Type);
        json.WriteString("param", error.Param);
        json.WriteString("code", error.Code);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    public static void WriteFinish(Utf8JsonWriter json, FinishReason? finish, bool calls = false)
    {
        if (finish is null) json.WriteNull("finish_reason");
        else if (calls && finish == FinishReason.Stop) json.WriteString("finish_reason", "tool_calls");
        else json.WriteString("finish_reason", finish == FinishReason.Stop ? "stop" : "length");
    }

    public static void WriteUsage(Utf8JsonWriter json, Usage usage)
    {
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.CompletionTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    }

    /// <summary>Over several prompts. Each counts once, whatever the number of its answers.</summary>
    public static Usage Sum(IEnumerable<Usage> usages) =>
        usages.Aggregate(new Usage(0, 0, 0), (a, b) => new Usage(a.PromptTokens + b.PromptTokens, a.CachedTokens + b.CachedTokens, a.CompletionTokens + b.CompletionTokens));

    private static void Begin(Utf8JsonWriter json, string kind, ServedModel model, AnswerId id)
    {
        json.WriteStartObject();
        json.WriteString("id", id.Text);
        json.WriteString("object", kind);
        json.WriteNumber("created", id.Created);
        json.WriteString("model", model.Name);
        json.WriteString("system_fingerprint", model.Fingerprint);
    }
}

/// <summary>What an answer is called and when it was begun, in Unix seconds.</summary>
internal sealed record AnswerId(string Text, long Created)
{
    public static AnswerId New(IAnswerFormat format, TimeProvider time) => new(format.IdPrefix + Guid.NewGuid().ToString("N"), time.GetUtcNow().ToUnixTimeSeconds());
}
