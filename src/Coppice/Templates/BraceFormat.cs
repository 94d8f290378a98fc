using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>"{} is {name}".format(…): fields by order, number or name. What Python allows beyond that (attributes, formats) is refused.</summary>
internal static class BraceFormat
{
    public static string Apply(Arguments given, string format)
    {
        Rendering run = given.Run;
        StringBuilder text = new();
        int next = 0;
        for (int at = 0; at < format.Length; at++)
        {
            char c = format[at];
            if (c is '{' or '}' && at + 1 < format.Length && format[at + 1] == c) at++;
            else if (c == '}') throw run.Fail("A '}' in a format closes nothing; write '}}' for the character.");
            else if (c == '{')
            {
                int end = format.IndexOf('}', at);
                if (end < 0) throw run.Fail("A '{' in a format is not closed; write '{{' for the character.");
                string name = format[(at + 1)..end];
                run.Append(text, PythonText.Of(run, Value(given, name, ref next)));
                at = end;
                continue;
            }
            text.Append(c);
        }
        return text.ToString();
    }

    private static object? Value(Arguments given, string name, ref int next)
    {
        if (name.AsSpan().ContainsAny(".[:!")) throw given.Run.Fail($"The format field '{{{name}}}' is not supported; only numbers and names are.");
        if (name.Length == 0) return At(given, next++);
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index)) return At(given, index);
        foreach ((string key, object? value) in given.Named)
            if (key == name) return value;
        throw given.Run.Fail($"The format needs a value named '{name}'.");
    }

    private static object? At(Arguments given, int index) =>
        index < given.Positional.Count ? given.Positional[index] : throw given.Run.Fail($"The format needs at least {index + 1} values; it gets {given.Positional.Count}.");
}
