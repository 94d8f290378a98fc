using System.Text;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>The engine and the name it is served under.</summary>
internal sealed class ServedModel(Engine engine, string name, ChatTemplates? templates, TimeProvider time)
{
    public Engine Engine { get; } = engine;

    public Tokenizer Tokenizer => Engine.Tokenizer;

    public string Name { get; } = name;

    /// <summary>Unix seconds at which the model was loaded.</summary>
    public long Created { get; } = time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>What decides the bits of an answer, beside the request and the model's files.</summary>
    public string Fingerprint { get; } = $"coppice-{typeof(Engine).Assembly.GetName().Version!.ToString(3)}-{engine.Options.Weights}-{engine.Options.Kv}".ToLowerInvariant();

    /// <summary>Longest sequence, prompt and answer together.</summary>
    public int MaxContextTokens { get; } = engine.Options.MaxContextTokens!.Value;

    /// <summary>Whether it is known how conversations are written.</summary>
    public bool HasChat => templates is not null;

    /// <exception cref="ApiException">The request names another model.</exception>
    public void Expect(string? model)
    {
        if (model is null || model == Name) return;
        throw new ApiException(404, $"The model '{Field.Shortened(model)}' does not exist; this server has '{Name}'.") { Param = "model", Code = "model_not_found", Type = "invalid_request_error" };
    }

    /// <summary>A conversation as the model wants it written.</summary>
    /// <param name="chat">How it is to be written, and its tools.</param>
    /// <param name="messages">Oldest first.</param>
    /// <param name="tools">How its tools are called; null if there are none.</param>
    /// <exception cref="ApiException">The model has no chat template.</exception>
    /// <exception cref="ChatTemplateException">The template refuses the conversation.</exception>
    public int[] Encode(ChatSource chat, IReadOnlyList<ChatMessage> messages, out ToolUse? tools)
    {
        if (templates is null)
            throw new ApiException(400, $"The model '{Name}' has no chat template, so it does not say how a conversation is written. Write the prompt yourself and send it to /v1/completions, or start the server with --chat-template.") { Param = "messages", Code = "no_chat_template" };
        tools = chat.Tools.Offered ? ToolUse.Of(templates.Chosen(withTools: true), chat.Tools) : null;
        return ChatPrompt.Encode(Tokenizer, templates, messages, chat.AddGenerationPrompt, chat.Variables, tools is null ? null : chat.Tools.Tools, tools?.Opening ?? "", chat.Cancellation);
    }

    /// <summary>Refuses tokens that the model does not have, by the name of the field that they stand in.</summary>
    /// <exception cref="ApiException">A token is unknown.</exception>
    public void CheckTokens(string field, IEnumerable<int> tokens)
    {
        foreach (int token in tokens)
            if (Tokenizer.Ids.Refusal(token) is string why) throw ApiException.Invalid(field, $"{field} has token {token}, {why}.");
    }

    public int[] Encode(PromptSource prompt) => prompt.Tokens ?? Tokenizer.Encode(prompt.Text!);

    /// <summary>The UTF-8 bytes of a token where tokens are listed: special ones add nothing to a text, but show in a list.</summary>
    public ReadOnlySpan<byte> TokenBytes(int token) => Tokenizer.IsSpecial(token) ? Encoding.UTF8.GetBytes(Tokenizer.Piece(token)) : Tokenizer.Bytes(token);

    /// <summary>A token as a text. One that is not whole characters is shown by its bytes, as the API does.</summary>
    public string TokenText(int token)
    {
        ReadOnlySpan<byte> bytes = TokenBytes(token);
        if (System.Text.Unicode.Utf8.IsValid(bytes)) return Encoding.UTF8.GetString(bytes);
        StringBuilder text = new("bytes:");
        foreach (byte b in bytes) text.Append($"\\x{b:x2}");
        return text.ToString();
    }
}
