using System.Buffers;
using System.Text;
using System.Text.Encodings.Web;
using System.Text.Json;

namespace Coppice.Cli.BatchFiles;

/// <summary>Results as lines of OpenAI's batch output. Ids follow from the line's number, so that two runs of a file can be compared.</summary>
internal sealed class ResultJson(ITextModel model, TimeProvider time)
{
    private static readonly JsonWriterOptions s_json = new() { Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <summary>How every result begins: what tells a torn one from another file's last line.</summary>
    public static ReadOnlySpan<byte> Start => "{\"id\":\"batch_req_"u8;

    /// <summary>One line, with its end.</summary>
    public byte[] Result(PromptLine line, ReadOnlySpan<int> prompt, GenerateResult result) => Line(line, status: 200, error: null, json =>
    {
        json.WriteString("id", $"cmpl-{line.Number}");
        json.WriteString("object", "text_completion");
        json.WriteNumber("created", time.GetUtcNow().ToUnixTimeSeconds());
        json.WriteString("model", model.Name);
        json.WriteStartArray("choices");
        foreach (GenerateChoice choice in result.Choices) WriteChoice(json, choice);
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
        else WriteLogProbs(json, choice.LogProbs);
        json.WriteString("finish_reason", choice.Finish switch
        {
            FinishReason.Stop => "stop",
            FinishReason.Length => "length",
            _ => "cancelled",
        });
        json.WriteEndObject();
    }

    // The completions API's four parallel lists. Offsets count characters of the answer's own text.
    private void WriteLogProbs(Utf8JsonWriter json, IReadOnlyList<ChosenLogProb> tokens)
    {
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach (ChosenLogProb token in tokens) json.WriteStringValue(TokenText(token.Token));
        json.WriteEndArray();

        json.WriteStartArray("token_logprobs");
        foreach (ChosenLogProb token in tokens) WriteLogProb(json, token.LogProb);
        json.WriteEndArray();

        json.WriteStartArray("top_logprobs");
        foreach (ChosenLogProb token in tokens)
        {
            // Different tokens may have the same text: the likelier one keeps the key.
            HashSet<string> keys = [];
            json.WriteStartObject();
            foreach ((int id, float logProb) in token.Top.Append(new TokenLogProb(token.Token, token.LogProb)))
            {
                string text = TokenText(id);
                if (!keys.Add(text)) continue;
                json.WritePropertyName(text);
                WriteLogProb(json, logProb);
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();

        json.WriteStartArray("text_offset");
        int offset = 0;
        Decoder decoder = Encoding.UTF8.GetDecoder();
        char[] chars = new char[256];
        foreach (ChosenLogProb token in tokens)
        {
            json.WriteNumberValue(offset);
            ReadOnlySpan<byte> bytes = model.TokenBytes(token.Token);
            if (chars.Length < bytes.Length + 4) chars = new char[bytes.Length + 4];
            offset += decoder.GetChars(bytes, chars, flush: false);
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    // JSON has no infinity, and a token that was forbidden has a log probability of minus infinity.
    private static void WriteLogProb(Utf8JsonWriter json, float logProb) => json.WriteNumberValue(float.IsFinite(logProb) ? logProb : -9999f);

    // A token that is not whole characters is shown by its bytes, as the API does.
    private string TokenText(int token)
    {
        ReadOnlySpan<byte> bytes = model.TokenBytes(token);
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        StringBuilder text = new("bytes:");
        foreach (byte b in bytes) text.Append($"\\x{b:x2}");
        return text.ToString();
    }
}
