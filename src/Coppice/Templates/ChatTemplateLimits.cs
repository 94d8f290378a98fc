namespace Coppice;

/// <summary>What one rendering of a chat template may take. A template comes with a model, that is, from a stranger.</summary>
public sealed record ChatTemplateLimits
{
    /// <summary>Longest template, in characters.</summary>
    public int TemplateCharacters { get; init; } = 1 << 20;

    /// <summary>Expressions and statements evaluated; texts and lists that are made count by their size, so this bounds the memory too.</summary>
    public long Steps { get; init; } = 20_000_000;

    /// <summary>Longest prompt, and longest text on the way to it, in characters.</summary>
    public int OutputCharacters { get; init; } = 1 << 24;

    /// <summary>Deepest nesting of expressions, blocks, macro calls and values.</summary>
    public int Depth { get; init; } = 1000;

    /// <summary>Longest time.</summary>
    public TimeSpan Time { get; init; } = TimeSpan.FromSeconds(5);
}
