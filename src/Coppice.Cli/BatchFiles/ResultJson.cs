using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>Results as lines of OpenAI's batch output. Ids follow from the line's number, so that two runs of a file can be compared.</summary>
internal sealed class ResultJson(ITextModel model, TimeProvider time)
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    private readonly LogProbsJson _logProbs = new(model);

    /// <summary>How every result begins: what tells a torn one from another file's last line.</summary>
    public static ReadOnlySpan<byte> Start => "{\"id\":\"batch_req_"u8;

    /// <summary>One line, with its end.</summary>
    public byte[] Result(PromptLine line, GenerateResult result) => Line(line, status: 200, error: null, json =>
    {
        bool isChat = line.Prompt.Chat is not null;
        json.WriteString("id", $"{(isChat ? "chatcmpl" : "cmpl")}-{line.Number}");
        json.WriteString("object", isChat ? "chat.completion" : "text_completion");
        json.WriteNumber("created", time.GetUtcNow().ToUnixTimeSeconds());
        json.WriteString("model", model.Name);
        json.WriteStartArray("choices");
        foreach (GenerateChoice choice in result.Choices)
        {
            if (isChat) WriteChatChoice(json, choice);
            else WriteChoice(json, choice);
        }
        json.WriteEndArray();
        Usage usage = result.Usage;
        json.WriteStartObject("usage");
        json.WriteNumber("prompt_tokens", usage.PromptTokens);
        json.WriteNumber("completion_tokens", usage.CompletionTokens);
        json.WriteNumber("total_tokens", usage.PromptTokens + usage.CompletionTokens);
        json.WriteStartObject("prompt_tokens_details");
        json.WriteNumber("cached_tokens", usage.CachedTokens);
        json.WriteEndObject();
        json.WriteEndObject();
    });

    /// <summary>One line, with its end; the message says which line of the input it is about.</summary>
    public static byte[] Error(BatchLine line, LineError error)
    {
        LineError located = error with { Message = $"line {line.Number}: {error.Message}" };
        return Line(line, error.Status, located, json =>
        {
            json.WriteStartObject("error");
            json.WriteString("message", located.Message);
            json.WriteString("type", error.Status < 500 ? "invalid_request_error" : "server_error");
            json.WriteNull("param");
            json.WriteString("code", error.Code);
            json.WriteEndObject();
        });
    }

    /// <summary>One line, with its end: what all results have around their body.</summary>
    public static byte[] Line(BatchLine line, int status, LineError? error, Action<Utf8JsonWriter> writeBody)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, s_json))
        {
            json.WriteStartObject();
            json.WriteString("id", $"batch_req_{line.Number}");
            json.WriteString("custom_id", line.CustomId);
            json.WriteStartObject("response");
            json.WriteNumber("status_code", status);
            json.WriteString("request_id", $"req_{line.Number}");
            json.WriteStartObject("body");
            writeBody(json);
            json.WriteEndObject();
            json.WriteEndObject();
            if (error is null)
            {
                json.WriteNull("error");
            }
            else
            {
                json.WriteStartObject("error");
                json.WriteString("code", error.Code);
                json.WriteString("message", error.Message);
                json.WriteEndObject();
            }
            json.WriteEndObject();
        }
        bytes.Write("\n"u8);
        return bytes.WrittenSpan.ToArray();
    }

    private void WriteChoice(Utf8JsonWriter json, GenerateChoice choice)
    {
        json.WriteStartObject();
        json.WriteNumber("index", choice.Index);
        json.WriteString("text", choice.Text);
        if (choice.LogProbs is null) json.WriteNull("logprobs");
        else _logProbs.WriteCompletion(json, choice.LogProbs);
        WriteFinish(json, choice.Finish);
        json.WriteEndObject();
    }

    private void WriteChatChoice(Utf8JsonWriter json, GenerateChoice choice)
    {
        json.WriteStartObject();
        json.WriteNumber("index", choice.Index);
        // The whole answer, a tool's call in the model's own spelling among it.
        json.WriteStartObject("message");
        json.WriteString("role", "assistant");
        json.WriteString("content", choice.Text);
        json.WriteNull("refusal");
        json.WriteEndObject();
        if (choice.LogProbs is null) json.WriteNull("logprobs");
        else _logProbs.WriteChat(json, choice.LogProbs);
        WriteFinish(json, choice.Finish);
        json.WriteEndObject();
    }

    private static void WriteFinish(Utf8JsonWriter json, FinishReason finish) => json.WriteString("finish_reason", finish switch
    {
        FinishReason.Stop => "stop",
        FinishReason.Length => "length",
        _ => "cancelled",
    });
}
