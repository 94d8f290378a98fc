using Coppice.Cli.Chat;

namespace Coppice.Cli.BatchFiles;

/// <summary>One line of a batch file. Every line that is not blank becomes exactly one result.</summary>
/// <param name="Number">Its number in the file, from 1.</param>
/// <param name="CustomId">What its result is called; unique in the file.</param>
internal abstract record BatchLine(int Number, string CustomId);

/// <summary>A line that asks for something.</summary>
internal sealed record PromptLine(int Number, string CustomId) : BatchLine(Number, CustomId)
{
    public required Prompt Prompt { get; init; }

    /// <summary>All but the token limit and the constraint.</summary>
    public required GenerateOptions Options { get; init; }

    /// <summary>Builds what the answer must look like, when it is the line's turn; null for any text. What cannot be built is an <see cref="InvalidRequestException"/>.</summary>
    public Func<OutputConstraint>? Constraint { get; init; }

    /// <summary>As the line says; null where it says nothing.</summary>
    public int? MaxTokens { get; init; }

    /// <summary>The limit where the line says nothing; less, if the context leaves less.</summary>
    public required int DefaultMaxTokens { get; init; }

    /// <summary>Right answers; empty where the line knows none.</summary>
    public IReadOnlyList<string> Expected { get; init; } = [];
}

/// <summary>A line that cannot be run.</summary>
internal sealed record BadLine(int Number, string CustomId, LineError Error) : BatchLine(Number, CustomId);

/// <summary>A text, token ids that are taken as they are, or a conversation: exactly one of the three.</summary>
internal sealed record Prompt
{
    public string? Text { get; private init; }

    public int[]? Tokens { get; private init; }

    public ChatTemplateInput? Chat { get; private init; }

    public static Prompt OfText(string text) => new() { Text = text };

    public static Prompt OfTokens(int[] tokens) => new() { Tokens = tokens };

    public static Prompt OfChat(ChatTemplateInput chat) => new() { Chat = chat };

    /// <summary>The tokens that the model continues.</summary>
    /// <exception cref="ChatTemplateException">The template refuses the conversation.</exception>
    /// <exception cref="InvalidRequestException">There is no template for it, or a text is not Unicode.</exception>
    public int[] Encode(Func<string, Specials, int[]> encode, ChatPrompts? chats) => Chat is not null
        ? (chats ?? throw new InvalidRequestException("The line is a conversation, and the model has no chat template.")).Encode(Chat)
        : Tokens ?? encode(Text!, Specials.All);
}

/// <summary>Why a line has no answer.</summary>
/// <param name="Status">As an HTTP server would say it: 400 where the line is at fault, 500 where the engine is.</param>
internal sealed record LineError(int Status, string Code, string Message)
{
    public static LineError CrashedTwice { get; } = new(500, "line_crashed_process", "The process died twice while it was at this line, the second time with no other line beside it, so the line is not tried again. " +
        "Change it, or take this result out of the file and resume, to have it tried once more.");

    public static LineError Invalid(string message) => new(400, "invalid_request", message);
}
