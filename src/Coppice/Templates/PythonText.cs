using System.Globalization;
using System.Numerics;
using System.Text;

namespace Coppice.Templates;

/// <summary>Texts as Python sees them: characters are code points; and how values look as text.</summary>
internal static class PythonText
{
    public static bool IsSpace(char c) => char.IsWhiteSpace(c) || c is >= '\x1c' and <= '\x1f';

    /// <summary>Number of code points.</summary>
    public static int Length(string text)
    {
        int pairs = 0;
        for (int i = 0; i + 1 < text.Length; i++)
            if (char.IsSurrogatePair(text[i], text[i + 1]))
            {
                pairs++;
                i++;
            }
        return text.Length - pairs;
    }

    /// <summary>Where the code point after the one at <paramref name="at"/> begins.</summary>
    public static int Next(string text, int at) => at + 1 < text.Length && char.IsSurrogatePair(text[at], text[at + 1]) ? at + 2 : at + 1;

    /// <summary>Where code point number <paramref name="index"/> begins.</summary>
    public static int Place(string text, int index)
    {
        int at = 0;
        for (; index > 0 && at < text.Length; index--) at = Next(text, at);
        return at;
    }

    /// <summary>A value as it prints: str(value).</summary>
    public static string Of(Rendering run, object? value) => value switch
    {
        string text => text,
        Markup markup => markup.Text,
        Undefined => "",
        _ => Repr(run, value),
    };

    /// <summary>A value as Python would write it in a program: repr(value).</summary>
    public static string Repr(Rendering run, object? value)
    {
        StringBuilder text = new();
        Write(run, value, text);
        return text.ToString();
    }

    /// <summary>The text with what is not ASCII as escapes.</summary>
    public static string Ascii(string text)
    {
        StringBuilder ascii = new(text.Length);
        for (int at = 0; at < text.Length; at = Next(text, at))
        {
            if (text[at] < '\x80') ascii.Append(text[at]);
            else AppendCode(Next(text, at) - at == 2 ? char.ConvertToUtf32(text, at) : text[at], ascii);
        }
        return ascii.ToString();
    }

    private static void Write(Rendering run, object? value, StringBuilder text)
    {
        run.Enter();
        run.Characters(0);
        switch (value)
        {
            case null: text.Append("None"); break;
            case bool flag: text.Append(flag ? "True" : "False"); break;
            case long number: text.Append(number.ToString(CultureInfo.InvariantCulture)); break;
            case BigInteger number: text.Append(WholeNumbers.Shown(run, number)); break;
            case double number: text.Append(PythonNumber.Shown(number)); break;
            case string quoted: run.Append(text, Quoted(quoted)); break;
            case Markup markup: run.Append(text, $"Markup({Quoted(markup.Text)})"); break;
            case Undefined: text.Append("Undefined"); break;
            case Map map: WritePairs(run, "{", map.Pairs, "}", text); break;
            case Namespace names:
                WritePairs(run, "<Namespace {", names.Values.Select(p => new KeyValuePair<object?, object?>(p.Key, p.Value)), "}>", text);
                break;
            case Sequence { Shown: string shown }: text.Append(shown); break;
            case Sequence sequence: WriteSequence(run, sequence, text); break;
            case Callable callable: text.Append("<function ").Append(callable.Name).Append('>'); break;
            default: text.Append("<object>"); break;
        }
        run.Leave();
    }

    private static void WritePairs(Rendering run, string begin, IEnumerable<KeyValuePair<object?, object?>> pairs, string end, StringBuilder text)
    {
        text.Append(begin);
        string comma = "";
        foreach ((object? key, object? value) in pairs)
        {
            text.Append(comma);
            Write(run, key, text);
            text.Append(": ");
            Write(run, value, text);
            comma = ", ";
        }
        text.Append(end);
    }

    private static void WriteSequence(Rendering run, Sequence sequence, StringBuilder text)
    {
        (string begin, string end) = sequence.Kind switch
        {
            SequenceKind.Tuple => ("(", sequence.Items.Count == 1 ? ",)" : ")"),
            SequenceKind.Keys => ("dict_keys([", "])"),
            SequenceKind.Values => ("dict_values([", "])"),
            SequenceKind.Items => ("dict_items([", "])"),
            SequenceKind.Generator => throw run.Fail("The result of a filter such as 'map' or 'select' has no text; put '| list' after it."),
            _ => ("[", "]"),
        };
        text.Append(begin);
        for (int i = 0; i < sequence.Items.Count; i++)
        {
            if (i > 0) text.Append(", ");
            Write(run, sequence.Items[i], text);
        }
        text.Append(end);
    }

    private static string Quoted(string value)
    {
        char quote = value.Contains('\'', StringComparison.Ordinal) && !value.Contains('"', StringComparison.Ordinal) ? '"' : '\'';
        StringBuilder text = new(value.Length + 2);
        text.Append(quote);
        for (int at = 0; at < value.Length; at = Next(value, at))
        {
            char c = value[at];
            switch (c)
            {
                case '\n': text.Append("\\n"); break;
                case '\r': text.Append("\\r"); break;
                case '\t': text.Append("\\t"); break;
                case '\\': text.Append("\\\\"); break;
                default:
                    if (c == quote) text.Append('\\').Append(c);
                    else if (c is >= ' ' and < '\x7f') text.Append(c);
                    else AppendRare(value, at, text);
                    break;
            }
        }
        return text.Append(quote).ToString();
    }

    /// <summary>Whether all characters have a picture, or are blanks.</summary>
    public static bool IsPrintable(string text)
    {
        for (int at = 0; at < text.Length; at = Next(text, at))
            if (text[at] != ' ' && !IsPrintable(Next(text, at) - at == 2 ? char.ConvertToUtf32(text, at) : text[at])) return false;
        return true;
    }

    private static bool IsPrintable(int code) =>
        CharUnicodeInfo.GetUnicodeCategory(code) is not (UnicodeCategory.Control or UnicodeCategory.Format or UnicodeCategory.Surrogate or UnicodeCategory.PrivateUse
            or UnicodeCategory.OtherNotAssigned or UnicodeCategory.LineSeparator or UnicodeCategory.ParagraphSeparator or UnicodeCategory.SpaceSeparator);

    // Python shows a character that has no picture by its code.
    private static void AppendRare(string value, int at, StringBuilder text)
    {
        int code = Next(value, at) - at == 2 ? char.ConvertToUtf32(value, at) : value[at];
        if (IsPrintable(code)) text.Append(value, at, Next(value, at) - at);
        else AppendCode(code, text);
    }

    private static void AppendCode(int code, StringBuilder text)
    {
        if (code <= 0xFF) text.Append("\\x").Append(code.ToString("x2", CultureInfo.InvariantCulture));
        else if (code <= 0xFFFF) text.Append("\\u").Append(code.ToString("x4", CultureInfo.InvariantCulture));
        else text.Append("\\U").Append(code.ToString("x8", CultureInfo.InvariantCulture));
    }
}
