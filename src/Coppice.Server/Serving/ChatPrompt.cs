using System.Text.Json;

namespace Coppice.Server.Serving;

/// <summary>A conversation as the model wants it written.</summary>
internal static class ChatPrompt
{
    /// <param name="tokenizer">The model's.</param>
    /// <param name="templates">The model's.</param>
    /// <param name="messages">Oldest first.</param>
    /// <param name="addGenerationPrompt">End where the answer begins.</param>
    /// <param name="variables">Further ones of the template.</param>
    /// <param name="tools">That the model may call.</param>
    /// <param name="opening">What the answer is to begin with.</param>
    /// <param name="cancellation">Ends it.</param>
    /// <exception cref="InvalidRequestException">The model has no chat template, or it would drop a part of the conversation.</exception>
    /// <exception cref="ChatTemplateException">The template refuses the conversation.</exception>
    public static int[] Encode(Tokenizer tokenizer, ChatTemplates? templates, IReadOnlyList<ChatMessage> messages, bool addGenerationPrompt, IReadOnlyDictionary<string, JsonElement> variables, JsonElement? tools = null, string opening = "", CancellationToken cancellation = default)
    {
        if (templates is null)
            throw new InvalidRequestException("The model has no chat template, so it does not say how a conversation is written. Write the prompt yourself.");
        string text = templates.Render(new ChatTemplateInput
        {
            Messages = messages,
            Tools = tools,
            AddGenerationPrompt = addGenerationPrompt,
            BeginOfText = tokenizer.BeginOfText is int begin ? tokenizer.Piece(begin) : null,
            EndOfText = tokenizer.EndOfText is int end ? tokenizer.Piece(end) : null,
            Variables = variables,
        }, cancellation);
        return tokenizer.Encode(text + opening, Specials.InText);
    }
}
