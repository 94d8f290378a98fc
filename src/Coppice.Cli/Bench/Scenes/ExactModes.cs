using Coppice.Attention;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>The exact attention modes by the names that people type.</summary>
internal static class ExactModes
{
    /// <summary>The baseline of all ratios.</summary>
    public const string Baseline = "per-sequence";

    public const string Auto = "auto";

    private static readonly (string Name, AttentionMode Mode)[] All =
        [(Baseline, AttentionMode.PerSequence), ("bifurcated", AttentionMode.Bifurcated), ("tree", AttentionMode.Tree), (Auto, AttentionMode.Auto)];

    public static IReadOnlyList<string> Names { get; } = [.. All.Select(mode => mode.Name)];

    /// <summary>A policy as the engine makes it.</summary>
    public static IAttentionPolicy Policy(string name) => AttentionPolicies.Create(new EngineOptions { Attention = All.First(mode => mode.Name == name).Mode }, d: 0, g: 1);
}
