using System.Text.Json;
using System.Text.Json.Serialization;

namespace Coppice.Cli.Eval;

/// <summary>One item's figures.</summary>
internal sealed record EvalRow(string Name, IReadOnlyDictionary<string, double> Place, IReadOnlyDictionary<string, double> Values, string Answer, string Expected);

/// <summary>A figure over all items.</summary>
/// <param name="Mean">Over the items.</param>
/// <param name="StandardError">Of the mean: the standard deviation over the root of the number of items. NaN, and left out, for a single item.</param>
/// <param name="Items">How many.</param>
internal sealed record EvalFigure(double Mean, [property: JsonIgnore(Condition = JsonIgnoreCondition.WhenWritingNull)] double? StandardError, int Items)
{
    public static EvalFigure Of(IReadOnlyList<double> values)
    {
        double mean = values.Average();
        double? error = values.Count < 2 ? null : Math.Sqrt(values.Sum(value => (value - mean) * (value - mean)) / (values.Count - 1) / values.Count);
        return new EvalFigure(mean, error, values.Count);
    }
}

/// <summary>All that one evaluation found.</summary>
internal sealed record EvalReport
{
    private static readonly JsonSerializerOptions s_json = new()
    {
        PropertyNamingPolicy = JsonNamingPolicy.SnakeCaseLower,
        WriteIndented = true,
        NewLine = "\n",
        Encoder = System.Text.Encodings.Web.JavaScriptEncoder.UnsafeRelaxedJsonEscaping,
    };

    public required string Task { get; init; }

    /// <summary>The command line that repeats it.</summary>
    public required string Command { get; init; }

    public required string Version { get; init; }

    public required string Model { get; init; }

    /// <summary>How the model was run, as far as it can change an answer.</summary>
    public required IReadOnlyDictionary<string, string> Engine { get; init; }

    public required IReadOnlyDictionary<string, EvalFigure> Figures { get; init; }

    public required IReadOnlyList<EvalRow> Rows { get; init; }

    /// <summary>Means of every figure that the rows have.</summary>
    public static Dictionary<string, EvalFigure> FiguresOf(IReadOnlyList<EvalRow> rows) => rows
        .SelectMany(row => row.Values)
        .GroupBy(value => value.Key, StringComparer.Ordinal)
        .ToDictionary(group => group.Key, group => EvalFigure.Of([.. group.Select(value => value.Value)]), StringComparer.Ordinal);

    public string ToJson() => ToJson(this);

    /// <summary>As all reports are written.</summary>
    public static string ToJson<T>(T report) => JsonSerializer.Serialize(report, s_json) + "\n";
}
