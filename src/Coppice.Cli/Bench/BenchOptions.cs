using System.CommandLine;
using System.Globalization;

namespace Coppice.Cli.Bench;

/// <summary>
/// An option with a default, checked when it is read, with one line that names option, value and what it must be. System.CommandLine's own
/// defaults would show up in the help a second time.
/// </summary>
internal sealed class Setting<T>
{
    private readonly Option<Parsed?> _option;
    private readonly T _byDefault;

    /// <param name="name">With its dashes.</param>
    /// <param name="helpName">What stands for the value in the help.</param>
    /// <param name="description">The default included.</param>
    /// <param name="byDefault">Where the option is not given.</param>
    /// <param name="wanted">What the value must be, to follow "it must be".</param>
    /// <param name="parse">Null if it is not.</param>
    public Setting(string name, string helpName, string description, T byDefault, string wanted, Func<string, Parsed?> parse)
    {
        _byDefault = byDefault;
        _option = new Option<Parsed?>(name)
        {
            HelpName = helpName,
            Description = description,
            CustomParser = argument =>
            {
                string text = argument.Tokens.Count == 0 ? "" : argument.Tokens[^1].Value;
                Parsed? value = parse(text);
                if (value is null) argument.AddError($"{name} is '{text}'; it must be {wanted}.");
                return value;
            },
        };
    }

    public Option Option => _option;

    public bool IsGiven(ParseResult parsed) => parsed.GetValue(_option) is not null;

    public T In(ParseResult parsed) => parsed.GetValue(_option) is { } given ? given.Value : _byDefault;

    /// <summary>A value that was read.</summary>
    public sealed record Parsed(T Value);
}

/// <summary>The kinds of options that the bench has.</summary>
internal static class BenchOptions
{
    public static Setting<int> Whole(string name, string unit, int from, int to, int byDefault, string description) =>
        new(name, unit, $"{description}. Default: {byDefault}", byDefault, $"a whole number from {from} to {to}", text => TryWhole(text, from, to, out int value) ? new(value) : null);

    /// <summary>Whole numbers with commas between them.</summary>
    public static Setting<int[]> Wholes(string name, string unit, int from, int to, int[] byDefault, string description) =>
        new(name, $"{unit},…", $"{description}. Default: {string.Join(',', byDefault)}", byDefault, $"whole numbers from {from} to {to} with commas between them", text =>
        {
            string[] parts = text.Split(',');
            int[] values = new int[parts.Length];
            for (int i = 0; i < parts.Length; i++)
                if (!TryWhole(parts[i], from, to, out values[i])) return null;
            return new(values);
        });

    /// <summary>Names out of a list, with commas between them.</summary>
    public static Setting<string[]> Names(string name, IReadOnlyList<string> known, string[] byDefault, string description) =>
        new(name, "name,…", $"{description}: {string.Join(", ", known)}. Default: {string.Join(',', byDefault)}", byDefault, $"one or more of {string.Join(", ", known)}, with commas between them", text =>
        {
            string[] parts = text.Split(',');
            return parts.All(part => known.Contains(part, StringComparer.Ordinal)) ? new(parts) : null;
        });

    /// <summary>One name out of a list, or none.</summary>
    public static Setting<string?> Name(string name, IReadOnlyList<string> known, string description) =>
        new(name, string.Join('|', known), description, null, $"one of {string.Join(", ", known)}", text => known.Contains(text, StringComparer.Ordinal) ? new(text) : null);

    /// <summary>Anything that <paramref name="parse"/> takes, with <paramref name="separator"/> between.</summary>
    public static Setting<T[]> Many<T>(string name, string unit, char separator, string wanted, Func<string, T?> parse, T[] byDefault, string description) where T : class =>
        new(name, $"{unit}{separator}…", description, byDefault, wanted, text =>
        {
            string[] parts = text.Split(separator);
            T[] values = [.. parts.Select(parse).OfType<T>()];
            return values.Length == parts.Length ? new(values) : null;
        });

    public static Option<string?> File(string name, string description) => new(name) { HelpName = "file", Description = description };

    private static bool TryWhole(string text, int from, int to, out int value) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out value) && value >= from && value <= to;
}
