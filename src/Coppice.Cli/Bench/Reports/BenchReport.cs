using System.Text.Json;
using System.Text.Json.Serialization;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;

namespace Coppice.Cli.Bench.Reports;

/// <summary>One measurement.</summary>
/// <param name="Case">What was measured: "tinyllama down f32", "1,2,64/8,256,32".</param>
/// <param name="Variant">Which of the ways that were timed in turn: "tree", "per-sequence".</param>
/// <param name="Sizes">By symbol: M, B, P, S, H, Hkv, D.</param>
/// <param name="Seconds">Of one time through.</param>
/// <param name="Figures">What follows from it, by name. All finite.</param>
internal sealed record BenchRow(string Case, string Variant, IReadOnlyDictionary<string, double> Sizes, Spread Seconds, IReadOnlyDictionary<string, double> Figures)
{
    /// <summary>A size or a figure; NaN if there is none of that name.</summary>
    public double this[string name] => Figures.TryGetValue(name, out double figure) ? figure : Sizes.TryGetValue(name, out double size) ? size : double.NaN;
}

/// <summary>All that one run of a verb found, as written by --json.</summary>
internal sealed record BenchReport
{
    private static readonly JsonSerializerOptions Json = new() { PropertyNamingPolicy = JsonNamingPolicy.CamelCase, WriteIndented = true, NewLine = "\n", UnmappedMemberHandling = JsonUnmappedMemberHandling.Disallow };

    /// <summary>Raised when a field changes its meaning.</summary>
    public int Schema { get; init; } = 1;

    /// <summary>Which part of the bench ran.</summary>
    public required string Verb { get; init; }

    /// <summary>The command line that repeats it.</summary>
    public required string Command { get; init; }

    /// <summary>Version of Coppice.</summary>
    public required string Version { get; init; }

    public required DateTimeOffset Started { get; init; }

    public required MachineInfo Machine { get; init; }

    /// <summary>Worker threads.</summary>
    public required int Threads { get; init; }

    /// <summary>Sentences a reader of the figures needs.</summary>
    public required IReadOnlyList<string> Notes { get; init; }

    public required IReadOnlyList<BenchRow> Rows { get; init; }

    public string ToJson() => JsonSerializer.Serialize(this, Json) + "\n";

    /// <exception cref="JsonException">Not a report of this schema.</exception>
    public static BenchReport FromJson(string json) => JsonSerializer.Deserialize<BenchReport>(json, Json) ?? throw new JsonException("The report is null.");
}

/// <summary>Names with numbers, in the order given; numbers that are not finite are left out.</summary>
internal static class Named
{
    public static IReadOnlyDictionary<string, double> Numbers(params ReadOnlySpan<(string Name, double Value)> numbers)
    {
        var named = new Dictionary<string, double>(StringComparer.Ordinal);
        foreach ((string name, double value) in numbers)
            if (double.IsFinite(value)) named.Add(name, value);
        return named;
    }
}
