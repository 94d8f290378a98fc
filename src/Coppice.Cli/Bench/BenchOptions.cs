using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Coppice.Cli.Bench;

/// <summary>Options that are checked when they are read, each with one line that names option, value and what it must be.</summary>
internal static class BenchOptions
{
    public static Option<int> Whole(string name, string unit, int from, int to, int byDefault, string description) => new(name)
    {
        HelpName = unit,
        Description = $"{description}. Default: {byDefault}",
        DefaultValueFactory = _ => byDefault,
        CustomParser = argument => Read(argument, name, $"a whole number from {from} to {to}", text => TryWhole(text, from, to, out int value) ? new[] { value } : null)?[0] ?? byDefault,
    };

    /// <summary>Whole numbers with commas between them.</summary>
    public static Option<int[]> Wholes(string name, string unit, int from, int to, int[] byDefault, string description) => new(name)
    {
        HelpName = $"{unit},…",
        Description = $"{description}. Default: {string.Join(',', byDefault)}",
        DefaultValueFactory = _ => byDefault,
        CustomParser = argument => Read(argument, name, $"whole numbers from {from} to {to} with commas between them", text =>
        {
            string[] parts = text.Split(',');
            int[] values = new int[parts.Length];
            for (int i = 0; i < parts.Length; i++)
                if (!TryWhole(parts[i], from, to, out values[i])) return null;
            return values;
        }) ?? byDefault,
    };

    /// <summary>Names out of a list, with commas between them.</summary>
    public static Option<string[]> Names(string name, IReadOnlyList<string> known, string[] byDefault, string description) => new(name)
    {
        HelpName = "name,…",
        Description = $"{description}: {string.Join(", ", known)}. Default: {string.Join(',', byDefault)}",
        DefaultValueFactory = _ => byDefault,
        CustomParser = argument => Read(argument, name, $"one or more of {string.Join(", ", known)}, with commas between them", text =>
        {
            string[] parts = text.Split(',');
            return parts.All(part => known.Contains(part, StringComparer.Ordinal)) ? parts : null;
        }) ?? byDefault,
    };

    /// <summary>One name out of a list, or none.</summary>
    public static Option<string?> Name(string name, IReadOnlyList<string> known, string description) => new(name)
    {
        HelpName = string.Join('|', known),
        Description = description,
        CustomParser = argument => Read(argument, name, $"one of {string.Join(", ", known)}", text => known.Contains(text, StringComparer.Ordinal) ? new[] { text } : null)?[0],
    };

    public static Option<string?> File(string name, string description) => new(name) { HelpName = "file", Description = description };

    /// <summary>Anything that <paramref name="parse"/> takes, with <paramref name="separator"/> between.</summary>
    public static Option<T[]> Many<T>(string name, string unit, char separator, string wanted, Func<string, T?> parse, T[] byDefault, string description) where T : class => new(name)
    {
        HelpName = $"{unit}{separator}…",
        Description = description,
        DefaultValueFactory = _ => byDefault,
        CustomParser = argument => Read(argument, name, wanted, text =>
        {
            T[] values = [.. text.Split(separator).Select(parse).OfType<T>()];
            return values.Length == text.Split(separator).Length ? values : null;
        }) ?? byDefault,
    };

    private static bool TryWhole(string text, int from, int to, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= from && value <= to;

    private static T[]? Read<T>(ArgumentResult argument, string name, string wanted, Func<string, T[]?> parse)
    {
        string text = argument.Tokens.Count == 0 ? "" : argument.Tokens[^1].Value;
        T[]? values = parse(text);
        if (values is null) argument.AddError($"{name} is '{text}'; it must be {wanted}.");
        return values;
    }
}
