namespace Coppice.Server.Wire;

/// <summary>The body of a request for completions, of text or of a chat.</summary>
internal sealed class GenerationBody
{
    public GenerateOptions Options { get; set; } = new();

    /// <summary>Bytes of the body.</summary>
    public long Bytes { get; set; }

    public string? Model { get; set; }

    public IReadOnlyList<PromptSource>? Prompts { get; set; }

    public ChatSource Chat { get; } = new();

    /// <summary>The declared prefix that the prompts begin with.</summary>
    public string? Prefix { get; set; }

    /// <summary>What answers must look like; null: any text.</summary>
    public ConstraintSource? Constraint { get; set; }

    public int? MaxTokens { get; set; }

    public int? BestOf { get; set; }

    public bool Echo { get; set; }

    public int? MaxCompletionTokens { get; set; }

    public bool Stream { get; set; }

    public bool? IncludeUsage { get; set; }

    /// <summary>Chat: whether log probabilities are wanted; <see cref="TopLogProbs"/> says how many alternatives.</summary>
    public bool LogProbs { get; set; }

    public int? TopLogProbs { get; set; }
}

/// <summary>A prompt as it was sent: a text, or token ids that are taken as they are. Exactly one of the two.</summary>
internal sealed record PromptSource(string? Text, int[]? Tokens);
