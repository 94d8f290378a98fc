using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;
using Coppice.Cli.Options;

namespace Coppice.Cli.Eval.Tasks;

/// <summary>Options that several tasks have.</summary>
internal static class TaskOptions
{
    public static Option<string?> Text(string description) => new("--text") { HelpName = "path", Description = description };

    public static Option<int?> Seed() => Checked.Whole("--task-seed", "number", 0, int.MaxValue, "Draws the task's items; the same number makes the same items. Default: 1");

    public static Option<int?> Samples(int byDefault) => Checked.Whole("--samples", "count", 1, 1_000_000, $"How many are drawn. Default: {byDefault}");

    public static Option<int?> Whole(string name, string unit, int least, int byDefault, string description) =>
        Checked.Whole(name, unit, least, int.MaxValue, $"{description}. Default: {byDefault}");

    /// <summary>Whole numbers with commas between them.</summary>
    public static Option<int[]> Wholes(string name, string unit, int least, int[] byDefault, string description) => new(name)
    {
        HelpName = $"{unit},...",
        Description = $"{description}. Default: {string.Join(',', byDefault)}",
        DefaultValueFactory = _ => byDefault,
        CustomParser = argument =>
        {
            string text = argument.Tokens[^1].Value;
            List<int> values = [];
            foreach (string part in text.Split(','))
            {
                if (int.TryParse(part, NumberStyles.None, CultureInfo.InvariantCulture, out int value) && value >= least)
                {
                    values.Add(value);
                    continue;
                }
                argument.AddError($"{name} is '{text}'; it must be whole numbers, {least} or more, with commas between them.");
                return [];
            }
            return [.. values];
        },
    };

    /// <summary>How the question behind a document is read.</summary>
    public static Option<bool> ExactQuestion() => new("--exact-question") { Description = "Read questions exactly, as prompts are. Default: under the attention mode, as answers are, so that it shows what the mode finds" };

    /// <summary>How many tokens a text begins with whatever stands behind it.</summary>
    public static int Beginning(ITextModel model, int[] tokens, string text) => tokens.AsSpan().CommonPrefixLength(model.Encode(text));

    /// <summary>A file that must be given.</summary>
    public static string Required(ParseResult parsed, Option<string?> option, string what) =>
        parsed.GetValue(option) is not { } path ? throw new UsageException($"{option.Name} is missing; it names {what}.") :
        File.Exists(path) ? path : throw new UsageException($"There is no file {path}; {option.Name} names {what}.");

    public static Dictionary<string, double> Values(params ReadOnlySpan<(string Name, double Value)> values)
    {
        Dictionary<string, double> named = new(StringComparer.Ordinal);
        foreach ((string name, double value) in values) named.Add(name, value);
        return named;
    }

    /// <summary>The likeliest answer, up to the end of its line.</summary>
    public static GenerateOptions Greedy(int maxTokens, params string[] stop) => new() { Temperature = 0, MaxTokens = maxTokens, Stop = stop };
}
