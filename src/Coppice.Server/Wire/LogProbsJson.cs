using System.Text.Json;
using Coppice.Server.Serving;
using Coppice.Tokens;

namespace Coppice.Server.Wire;

/// <summary>Log probabilities in the two forms of the API.</summary>
internal static class LogProbsJson
{
    /// <summary>The completions API's four parallel lists. Offsets count code points of the answer, or of prompt and answer.</summary>
    public static async ValueTask WriteListsAsync(AnswerWriter output, ServedModel model, IReadOnlyList<ChosenLogProb> tokens, TextOffset offset, Echo? echo = null)
    {
        Utf8JsonWriter json = output.Json;
        // Nothing predicts a prompt's first token.
        ChosenLogProb?[] all = echo is null ? [.. tokens] : [null, .. echo.LogProbs ?? [], .. tokens];
        json.WriteStartObject("logprobs");
        json.WriteStartArray("tokens");
        foreach (ChosenLogProb? token in all)
        {
            json.WriteStringValue(model.TokenText(token?.Token ?? echo!.Tokens[0]));
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteStartArray("token_logprobs");
        foreach (ChosenLogProb? token in all)
        {
            if (token is null) json.WriteNullValue();
            else WriteValue(json, token.LogProb);
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteStartArray("top_logprobs");
        foreach (ChosenLogProb? token in all)
        {
            if (token is null) json.WriteNullValue();
            else WriteTop(json, model, token);
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteStartArray("text_offset");
        Range[] echoed = echo?.InText(model) ?? [];
        for (int i = 0; i < all.Length; i++)
        {
            json.WriteNumberValue(offset.Next(i < echoed.Length ? model.TokenBytes(echo!.Tokens[i])[echoed[i]] : model.TokenBytes(all[i]!.Token)));
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteEndObject();
    }

    private static void WriteTop(Utf8JsonWriter json, ServedModel model, ChosenLogProb token)
    {
        // Different tokens may have the same text: the likelier one keeps the key. The chosen one is always among them.
        HashSet<string> keys = [];
        json.WriteStartObject();
        foreach ((int id, float logProb) in token.Top.Append(new TokenLogProb(token.Token, token.LogProb)))
        {
            string text = model.TokenText(id);
            if (!keys.Add(text)) continue;
            json.WritePropertyName(text);
            WriteValue(json, logProb);
        }

        json.WriteEndObject();
    }

    /// <summary>The chat API's list of tokens with their bytes.</summary>
    public static async ValueTask WriteContentAsync(AnswerWriter output, ServedModel model, IReadOnlyList<ChosenLogProb> tokens)
    {
        Utf8JsonWriter json = output.Json;
        json.WriteStartObject("logprobs");
        json.WriteStartArray("content");
        foreach (ChosenLogProb token in tokens)
        {
            json.WriteStartObject();
            WriteToken(json, model, token.Token, token.LogProb);
            json.WriteStartArray("top_logprobs");
            foreach ((int id, float logProb) in token.Top)
            {
                json.WriteStartObject();
                WriteToken(json, model, id, logProb);
                json.WriteEndObject();
            }

            json.WriteEndArray();
            json.WriteEndObject();
            await output.DrainAsync();
        }

        json.WriteEndArray();
        json.WriteNull("refusal");
        json.WriteEndObject();
    }

    private static void WriteToken(Utf8JsonWriter json, ServedModel model, int token, float logProb)
    {
        json.WriteString("token", model.TokenText(token));
        json.WritePropertyName("logprob");
        WriteValue(json, logProb);
        json.WriteStartArray("bytes");
        foreach (byte b in model.TokenBytes(token)) json.WriteNumberValue(b);
        json.WriteEndArray();
    }

    // JSON has no infinity, and a token that was forbidden has a log probability of minus infinity.
    private static void WriteValue(Utf8JsonWriter json, float logProb) => json.WriteNumberValue(float.IsFinite(logProb) ? logProb : -9999f);
}
