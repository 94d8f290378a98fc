namespace Coppice.Cli.Chat;

/// <summary>Writes conversations as prompts, by the model's own template or one that the user named.</summary>
/// <param name="templates">The template, or several for different uses.</param>
/// <param name="beginOfText">The spelling of the model's token, if it has one.</param>
/// <param name="endOfText">The spelling of the model's token, if it has one.</param>
/// <param name="encode">The model's tokenizer.</param>
internal sealed class ChatPrompts(ChatTemplates templates, string? beginOfText, string? endOfText, Func<string, Specials, int[]> encode)
{
    /// <summary>Null where neither the model nor the user has a template.</summary>
    public static ChatPrompts? Of(ITextModel model, ChatTemplates? named) =>
        (named ?? model.ChatTemplates) is { } templates ? new ChatPrompts(templates, model.BeginOfText, model.EndOfText, model.Encode) : null;

    /// <inheritdoc cref="Of(ITextModel, ChatTemplates?)"/>
    public static ChatPrompts? Of(Tokenizer tokenizer, ChatTemplates? templates) =>
        templates is null ? null : new ChatPrompts(templates, Piece(tokenizer, tokenizer.BeginOfText), Piece(tokenizer, tokenizer.EndOfText), tokenizer.Encode);

    /// <summary>What is to be said where there is no template.</summary>
    public static UsageException NoTemplate(string what) => new($"{what}, and the model has no chat template, so it does not say how a conversation is written. Name one with --chat-template FILE.");

    /// <summary>The tokens of a conversation.</summary>
    /// <exception cref="ChatTemplateException">The template is malformed, complains about the conversation, or cannot be rendered.</exception>
    /// <exception cref="InvalidRequestException">There is no template for this use, or a text is not Unicode.</exception>
    public int[] Encode(ChatTemplateInput conversation) => encode(Render(conversation), Specials.InText);   // the template writes the beginning of text

    /// <summary>The text of a conversation, special tokens spelled out.</summary>
    /// <inheritdoc cref="Encode"/>
    public string Render(ChatTemplateInput conversation) => templates.Render(conversation with { BeginOfText = beginOfText, EndOfText = endOfText });

    private static string? Piece(Tokenizer tokenizer, int? token) => token is int id ? tokenizer.Piece(id) : null;
}
