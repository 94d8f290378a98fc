using System.Text;
using System.Text.Json;
using Coppice.Tokens;

namespace Coppice.Cli.BatchFiles;

/// <summary>Log probabilities as the two APIs write them.</summary>
internal sealed class LogProbsJson(ITextModel model)
{
    /// <summary>The completions API's four parallel lists. Offsets count code points of the answer's own text.</summary>
    public void WriteCompletion(Utf8JsonWriter json, IReadOnlyList<ChosenLogProb> tokens)
    {
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach (ChosenLogProb token in tokens) json.WriteStringValue(TokenText(token.Token));
        json.WriteEndArray();

        json.WriteStartArray("token_logprobs");
        foreach (ChosenLogProb token in tokens) json.WriteNumberValue(Finite(token.LogProb));
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
                if (keys.Add(text)) json.WriteNumber(text, Finite(logProb));
            }
            json.WriteEndObject();
        }
        json.WriteEndArray();

        json.WriteStartArray("text_offset");
        TextOffset offset = new();
        foreach (ChosenLogProb token in tokens) json.WriteNumberValue(offset.Next(model.TokenBytes(token.Token)));
        json.WriteEndArray();
        json.WriteEndObject();
    }

    /// <summary>The chat API's one list, each token with its alternatives.</summary>
    public void WriteChat(Utf8JsonWriter json, IReadOnlyList<ChosenLogProb> tokens)
    {
        json.WriteStartObject("logprobs");
        json.WriteStartArray("content");
        foreach (ChosenLogProb token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, token.Token, token.LogProb);
            json.WriteStartArray("top_logprobs");
            foreach ((int id, float logProb) in token.Top)
            {
                json.WriteStartObject();
                WriteToken(json, id, logProb);
                json.WriteEndObject();
            }
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteEndObject();
    }

    private void WriteToken(Utf8JsonWriter json, int token, float logProb)
    {
        json.WriteString("token", TokenText(token));
        json.WriteNumber("logprob", Finite(logProb));
        json.WriteStartArray("bytes");
        foreach (byte b in model.TokenBytes(token)) json.WriteNumberValue(b);
        json.WriteEndArray();
    }

    // JSON has no infinity, and a token that was forbidden has a log probability of minus infinity.
    private static float Finite(float logProb) => float.IsFinite(logProb) ? logProb : -9999f;

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
