using System.CommandLine;
using System.CommandLine.Parsing;
using System.Globalization;

namespace Coppice.Cli.Options;

/// <summary>Options whose values are checked when they are read, each with one line that names option, value and limit.</summary>
internal static class Checked
{
    public static Option<int?> Whole(string name, string unit, int from, int to, string description) => new(name)
    {
        HelpName = unit,
        Description = description,
        CustomParser = argument => Read<int?>(argument, name, Range(from, to), text =>
            int.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out int value) && value >= from && value <= to ? value : null),
    };

    public static Option<long?> Seed(string name, string description) => new(name)
    {
        HelpName = "number",
        Description = description,
        CustomParser = argument => Read<long?>(argument, name, "a whole number", text =>
            long.TryParse(text, NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture, out long value) ? value : null),
    };

    public static Option<float?> Real(string name, float from, float to, string description) => new(name)
    {
        HelpName = "number",
        Description = description,
        CustomParser = argument => Read<float?>(argument, name, string.Create(CultureInfo.InvariantCulture, $"a number from {from} to {to}"), text =>
            float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value >= from && value <= to ? value : null),
    };

    public static Option<float?> AboveZero(string name, float to, string description) => new(name)
    {
        HelpName = "number",
        Description = description,
        CustomParser = argument => Read<float?>(argument, name, string.Create(CultureInfo.InvariantCulture, $"a number above 0 and at most {to}"), text =>
            float.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out float value) && value > 0 && value <= to ? value : null),
    };

    public static Option<double?> Number(string name, double from, double to, string description) => new(name)
    {
        HelpName = "number",
        Description = description,
        CustomParser = argument => Read<double?>(argument, name, string.Create(CultureInfo.InvariantCulture, $"a number from {from} to {to}"), text =>
            double.TryParse(text, NumberStyles.Float, CultureInfo.InvariantCulture, out double value) && value >= from && value <= to ? value : null),
    };

    public static Option<long?> Bytes(string name, string description) => new(name)
    {
        HelpName = "size",
        Description = description,
        CustomParser = argument => Read<long?>(argument, name, "a size above 0 such as 512MiB, 2GiB or 1.5GB", text =>
            ByteSize.TryParse(text, out long value) ? value : null),
    };

    public static Option<T?> Choice<T>(string name, string description, params (string Text, T Value)[] choices) where T : struct => new(name)
    {
        HelpName = string.Join('|', choices.Select(c => c.Text)),
        Description = description,
        CustomParser = argument => Read<T?>(argument, name, string.Join(", ", choices[..^1].Select(c => c.Text)) + " or " + choices[^1].Text, text =>
        {
            foreach ((string choice, T value) in choices)
                if (string.Equals(choice, text, StringComparison.OrdinalIgnoreCase)) return value;
            return null;
        }),
    };

    private static string Range(int from, int to) => to == int.MaxValue ? $"a whole number, {from} or more" : $"a whole number from {from} to {to}";

    private static T? Read<T>(ArgumentResult argument, string name, string wanted, Func<string, T?> parse)
    {
        string text = argument.Tokens[^1].Value;
        T? value = parse(text);
        if (value is null) argument.AddError($"{name} is '{text}'; it must be {wanted}.");
        return value;
    }
}
