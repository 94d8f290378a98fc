using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>"{} is {name[key].part!r:>5}".format(…).</summary>
/// <param name="given">The values.</param>
internal sealed class BraceFormat(Arguments given)
{
    private readonly Rendering _run = given.Run;
    private int _next;
    private bool _isNumbered;

    public static string Apply(Arguments given, string format) => new BraceFormat(given).Fill(format, deepest: 1);

    // A spec may have fields of its own, but no deeper.
    private string Fill(string format, int deepest)
    {
        StringBuilder text = new();
        for (int at = 0; at < format.Length; at++)
        {
            _run.Step();
            char c = format[at];
            if (c is '{' or '}' && at + 1 < format.Length && format[at + 1] == c) at++;
            else if (c == '}') throw _run.Fail("A '}' in a format closes nothing; write '}}' for the character.");
            else if (c == '{')
            {
                if (deepest < 0) throw _run.Fail("Fields in a format nest too deep.");
                int end = End(format, at + 1);
                _run.Append(text, Field(format[(at + 1)..end], deepest));
                at = end;
                continue;
            }
            text.Append(c);
        }
        return text.ToString();
    }

    private int End(string format, int from)
    {
        for (int at = from, depth = 1; at < format.Length; at++)
        {
            if (format[at] == '{') depth++;
            else if (format[at] == '}' && --depth == 0) return at;
        }
        throw _run.Fail("A '{' in a format is not closed; write '{{' for the character.");
    }

    private string Field(string field, int deepest)
    {
        int end = 0;
        for (bool inKey = false; end < field.Length && (inKey || field[end] is not (':' or '!')); end++)
            inKey = field[end] == '[' || (inKey && field[end] != ']');
        object? value = Value(field[..end]);
        if (end < field.Length && field[end] == '!')
        {
            if (end + 1 >= field.Length || (end + 2 < field.Length && field[end + 2] != ':')) throw _run.Fail($"The conversion of the format field '{{{Short(field)}}}' is one letter.");
            value = field[end + 1] switch
            {
                's' => PythonText.Of(_run, value),
                'r' => PythonText.Repr(_run, value),
                'a' => PythonText.Ascii(PythonText.Repr(_run, value)),
                _ => throw _run.Fail($"The format field '{{{Short(field)}}}' has no conversion s, r or a."),
            };
            end += 2;
        }
        string spec = end < field.Length ? field[(end + 1)..] : "";
        return FormatSpec.Apply(_run, value, spec.Contains('{', StringComparison.Ordinal) ? Fill(spec, deepest - 1) : spec);
    }

    // name, then .attribute and [key], which are looked up as anywhere in a template.
    private object? Value(string path)
    {
        int at = path.AsSpan().IndexOfAny('.', '[');
        if (at < 0) at = path.Length;
        object? value = First(path[..at]);
        while (at < path.Length)
        {
            if (path[at] == '.')
            {
                int end = path.AsSpan(at + 1).IndexOfAny('.', '[');
                end = end < 0 ? path.Length : at + 1 + end;
                if (end == at + 1) throw _run.Fail("A format has an empty attribute.");
                value = Lookup.Attribute(_run, value, path[(at + 1)..end]);
                at = end;
                continue;
            }
            int close = path.IndexOf(']', at);
            if (path[at] != '[' || close <= at + 1) throw _run.Fail($"The format field '{{{Short(path)}}}' is malformed.");
            string key = path[(at + 1)..close];
            value = Lookup.Item(_run, value, long.TryParse(key, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index : key);
            at = close + 1;
        }
        return value;
    }

    private object? First(string name)
    {
        if (name.Length == 0)
        {
            if (_isNumbered) throw _run.Fail("A format cannot mix numbered fields with '{}'.");
            return At(_next++);
        }
        if (int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index))
        {
            if (_next > 0) throw _run.Fail("A format cannot mix numbered fields with '{}'.");
            _isNumbered = true;
            return At(index);
        }
        foreach ((string key, object? value) in given.Named)
            if (key == name) return value;
        throw _run.Fail($"The format needs a value named '{Short(name)}'.");
    }

    private object? At(int index) =>
        index < given.Positional.Count ? given.Positional[index] : throw _run.Fail($"The format needs at least {(long)index + 1} values; it gets {given.Positional.Count}.");

    private static string Short(string text) => text.Length <= 60 ? text : text[..60] + "…";
}
