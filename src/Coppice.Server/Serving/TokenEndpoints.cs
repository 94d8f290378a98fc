using System.Runtime.InteropServices;
using System.Text.Json;
using Coppice.Server.Access;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;

namespace Coppice.Server.Serving;

/// <summary>The body of /tokenize and /detokenize.</summary>
internal sealed class TokenBody
{
    public string? Model { get; set; }

    /// <summary>Bytes of the body.</summary>
    public long Bytes { get; set; }

    public string? Prompt { get; set; }

    public ChatSource Chat { get; } = new();

    public int[]? Tokens { get; set; }

    public bool AddSpecialTokens { get; set; } = true;

    public bool ReturnTokenTexts { get; set; }
}

/// <summary>Text to tokens and back, in the form other engines have.</summary>
internal sealed class TokenEndpoints(ServedModel model, ServerLimits limits, Callers callers, Preparation preparation)
{
    public static BodyFields<TokenBody> TokenizeFields { get; } = new(
    [
        BodyField<TokenBody>.Text("model", 256, "The served model's name; may be left out.", (body, name) => body.Model = name),
        BodyField<TokenBody>.Text("prompt", int.MaxValue, "A text; or else messages.", (body, text) => body.Prompt = text),
        new("messages", ChatMessages.Schema, "A conversation, written as the model's template says.", (body, field) => body.Chat.Messages = ChatMessages.Read(field)),
        BodyField<TokenBody>.Flag("add_generation_prompt", "Of messages: end where the answer begins. Default: true.", (body, add) => body.Chat.AddGenerationPrompt = add),
        BodyField<TokenBody>.Flag("add_special_tokens", "Of a prompt: add what the tokenizer puts around texts. Default: true.", (body, add) => body.AddSpecialTokens = add),
        BodyField<TokenBody>.Flag("return_token_strs", "Return the tokens' texts, too.", (body, wanted) => body.ReturnTokenTexts = wanted),
    ]);

    public static BodyFields<TokenBody> DetokenizeFields { get; } = new(
    [
        BodyField<TokenBody>.Text("model", 256, "The served model's name; may be left out.", (body, name) => body.Model = name),
        new("tokens", """{"type":"array","items":{"type":"integer","minimum":0}}""", "Token ids.", (body, field) => body.Tokens = field.TokenIds()),
    ]);

    public async Task TokenizeAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        TokenBody body = await ReadAsync(context, TokenizeFields);
        if ((body.Prompt is null) == (body.Chat.Messages is null)) throw ApiException.Invalid("prompt", "Give either prompt or messages.", "missing_required_parameter");
        body.Chat.Cancellation = context.RequestAborted;
        int[] tokens = await preparation.EncodeAsync(body.Bytes, () => Encoded(body), caller, Urgency.Awaited, context.RequestAborted);
        await Respond.JsonAsync(context, async output =>
        {
            Utf8JsonWriter json = output.Json;
            json.WriteNumber("count", tokens.Length);
            json.WriteNumber("max_model_len", model.MaxContextTokens);
            json.WriteStartArray("tokens");
            foreach (int token in tokens)
            {
                json.WriteNumberValue(token);
                await output.DrainAsync();
            }

            json.WriteEndArray();
            if (!body.ReturnTokenTexts) return;
            json.WriteStartArray("token_strs");
            foreach (int token in tokens)
            {
                json.WriteStringValue(model.Tokenizer.Piece(token));
                await output.DrainAsync();
            }

            json.WriteEndArray();
        });
    }

    public async Task DetokenizeAsync(HttpContext context)
    {
        Caller caller = callers.Of(context.Request);
        TokenBody body = await ReadAsync(context, DetokenizeFields);
        int[] tokens = body.Tokens ?? throw ApiException.Invalid("tokens", "The field tokens is missing; it is a list of token ids.", "missing_required_parameter");
        int unknown = Array.FindIndex(tokens, token => !model.Tokenizer.Has(token));
        if (unknown >= 0) throw ApiException.Invalid($"tokens[{unknown}]", $"tokens[{unknown}] is {tokens[unknown]}, {model.Tokenizer.Ids.Refusal(tokens[unknown])}.");
        string text = await preparation.EncodeAsync(body.Bytes, () => model.Tokenizer.Decode(tokens), caller, Urgency.Awaited, context.RequestAborted);
        await Respond.JsonAsync(context, json => json.WriteString("prompt", text));
    }

    private int[] Encoded(TokenBody body) =>
        body.Prompt is null ? model.Encode(body.Chat, body.Chat.Messages!, out _) : model.Tokenizer.Encode(body.Prompt, body.AddSpecialTokens ? Specials.All : Specials.InText);

    private async Task<TokenBody> ReadAsync(HttpContext context, BodyFields<TokenBody> fields)
    {
        using JsonDocument document = await RequestBody.ReadAsync(context.Request, limits.BodyBytes);
        TokenBody body = fields.Read(new Field("The body", document.RootElement));
        body.Bytes = JsonMarshal.GetRawUtf8Value(document.RootElement).Length;
        model.Expect(body.Model);
        return body;
    }
}
