using Coppice.Fuzz.Targets;

namespace Coppice.Fuzz;

/// <summary>The targets. A new one is a file in Targets/, a folder of seeds in Corpus/, and a line here.</summary>
internal static class FuzzTargets
{
    public static IReadOnlyList<FuzzTarget> All { get; } =
    [
        GgufTarget.Target,
        SafetensorsTarget.Target,
        TokenizerTarget.Target,
        VocabularyTarget.Target,
        ConfigTarget.Target,
        TemplateTarget.Target,
        MessagesTarget.Target,
        ToolCallsTarget.Target,
        LinesTarget.Target,
        GrammarTarget.Target,
        SchemaTarget.Target,
        RegexTarget.Target,
        RequestTarget.Target,
        BatchTarget.Target,
    ];

    /// <exception cref="ArgumentException">There is no such target.</exception>
    public static FuzzTarget Named(string name) => All.FirstOrDefault(target => target.Name == name)
        ?? throw new ArgumentException($"There is no target '{name}'; there are {string.Join(", ", All.Select(target => target.Name))}.", nameof(name));
}
