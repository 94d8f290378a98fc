using System.Text.Json;
using Coppice.Server.Serving;

namespace Coppice.Server.Wire;

/// <summary>Answers of /v1/chat/completions.</summary>
internal sealed class ChatFormat : IAnswerFormat
{
    public string IdPrefix => "chatcmpl-";

    public string WholeKind => "chat.completion";

    public string ChunkKind => "chat.completion.chunk";

    public async ValueTask WriteChoiceAsync(AnswerWriter output, ServedModel model, int index, GenerateChoice choice, Answered answered)
    {
        Utf8JsonWriter json = output.Json;
        IReadOnlyList<ToolCall> calls = answered.Calls?[choice.Index] ?? [];
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        // With a call, the API says null where there is no text.
        json.WriteString("content", choice.Text.Length == 0 && calls.Count > 0 ? null : choice.Text);
        json.WriteNull("refusal");
        if (calls.Count > 0) WriteCalls(json, calls, null);
        json.WriteEndObject();
        if (choice.LogProbs is null) json.WriteNull("logprobs");
        else await LogProbsJson.WriteContentAsync(output, model, choice.LogProbs);
        AnswerJson.WriteFinish(json, choice.Finish, calls.Count > 0);
        json.WriteEndObject();
    }

    public async ValueTask WriteChunkAsync(AnswerWriter output, ServedModel model, int index, ChoiceState state, GenerateChunk chunk, IReadOnlyList<ToolCall>? calls)
    {
        Utf8JsonWriter json = output.Json;
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("delta");
        if (!state.Begun) json.WriteString("role", "assistant");
        if (calls is not { Count: > 0 } || chunk.Text.Length > 0) json.WriteString("content", chunk.Text);
        if (calls is { Count: > 0 }) WriteCalls(json, calls, state.Tools!.Calls - calls.Count);
        json.WriteEndObject();
        if (chunk.LogProb is null) json.WriteNull("logprobs");
        else await LogProbsJson.WriteContentAsync(output, model, [chunk.LogProb]);
        AnswerJson.WriteFinish(json, chunk.Finish, state.Tools is { Calls: > 0 });
        json.WriteEndObject();
    }

    // In a stream each call says where it stands.
    private static void WriteCalls(Utf8JsonWriter json, IReadOnlyList<ToolCall> calls, int? first)
    {
        json.WriteStartArray("tool_calls");
        for (int i = 0; i < calls.Count; i++)
        {
            json.WriteStartObject();
            if (first is int before) json.WriteNumber("index", before + i);
            json.WriteString("id", calls[i].Id);
            json.WriteString("type", "function");
            json.WriteStartObject("function");
            json.WriteString("name", calls[i].Name);
            json.WriteString("arguments", calls[i].Arguments);
            json.WriteEndObject();
            json.WriteEndObject();
        }

        json.WriteEndArray();
    }
}
