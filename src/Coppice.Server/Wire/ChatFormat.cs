using System.Text.Json;
using Coppice.Server.Serving;

namespace Coppice.Server.Wire;

/// <summary>Answers of /v1/chat/completions.</summary>
internal sealed class ChatFormat : IAnswerFormat
{
    public string IdPrefix => "chatcmpl-";

    public string WholeKind => "chat.completion";

    public string ChunkKind => "chat.completion.chunk";

    public void WriteChoice(Utf8JsonWriter json, ServedModel model, int index, GenerateChoice choice)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", choice.Text);
        json.WriteNull("refusal");
        json.WriteEndObject();
        if (choice.LogProbs is null) json.WriteNull("logprobs");
        else LogProbsJson.WriteContent(json, model, choice.LogProbs);
        AnswerJson.WriteFinish(json, choice.Finish);
        json.WriteEndObject();
    }

    public void WriteChunk(Utf8JsonWriter json, ServedModel model, int index, ChoiceState state, GenerateChunk chunk)
    {
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteStartObject("delta");
        if (!state.Begun) json.WriteString("role", "assistant");
        json.WriteString("content", chunk.Text);
        json.WriteEndObject();
        if (chunk.LogProb is null) json.WriteNull("logprobs");
        else LogProbsJson.WriteContent(json, model, [chunk.LogProb]);
        AnswerJson.WriteFinish(json, chunk.Finish);
        json.WriteEndObject();
    }
}
