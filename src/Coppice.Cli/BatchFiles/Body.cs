namespace Coppice.Cli.BatchFiles;

/// <summary>The body of a request, as far as it has been read.</summary>
internal sealed record Body
{
    public Prompt? Prompt { get; init; }

    public GenerateOptions Options { get; init; } = new();

    public Func<OutputConstraint>? Constraint { get; init; }

    public int? MaxTokens { get; init; }

    /// <summary>A chat body's conversation; it has no messages until they are read.</summary>
    public ChatTemplateInput Chat { get; init; } = new() { Messages = [] };

    /// <summary>tool_choice is "none": the model is not told of the tools.</summary>
    public bool HidesTools { get; init; }

    /// <summary>logprobs of a chat body: whether they are asked for.</summary>
    public bool AsksLogProbs { get; init; }

    public int? TopLogProbs { get; init; }
}
