using System.Text.Json;
using Coppice.Server.Serving;
using Coppice.Tokens;

namespace Coppice.Server.Wire;

/// <summary>Answers of /v1/completions.</summary>
internal sealed class TextFormat : IAnswerFormat
{
    public string IdPrefix => "cmpl-";

    public string WholeKind => "text_completion";

    public string ChunkKind => "text_completion";

    public async ValueTask WriteChoiceAsync(AnswerWriter output, ServedModel model, int index, GenerateChoice choice, Answered answered)
    {
        Utf8JsonWriter json = output.Json;
        Echo? echo = answered.Echo;
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteString("text", echo?.Text + choice.Text);
        if (choice.LogProbs is null) json.WriteNull("logprobs");
        else await LogProbsJson.WriteListsAsync(output, model, choice.LogProbs, new TextOffset(), echo);
        AnswerJson.WriteFinish(json, choice.Finish);
        json.WriteEndObject();
    }

    public async ValueTask WriteChunkAsync(AnswerWriter output, ServedModel model, int index, ChoiceState state, GenerateChunk chunk, IReadOnlyList<ToolCall>? calls)
    {
        Utf8JsonWriter json = output.Json;
        json.WriteStartObject();
        json.WriteNumber("index", index);
        json.WriteString("text", chunk.Text);
        if (chunk.LogProb is null) json.WriteNull("logprobs");
        else await LogProbsJson.WriteListsAsync(output, model, [chunk.LogProb], state.Offset);
        AnswerJson.WriteFinish(json, chunk.Finish);
        json.WriteEndObject();
    }
}
