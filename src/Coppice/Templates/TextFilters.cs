using System.Text;
using System.Text.RegularExpressions;

namespace Coppice.Templates;

/// <summary>Filters that make a text.</summary>
internal static class TextFilters
{
    /// <summary>The filtered value as text.</summary>
    public static string Text(object? value, Arguments given)
    {
        string text = PythonText.Of(given.Run, value);
        given.Run.Characters(text.Length);
        return text;
    }

    /// <summary>The text, which the filter needs.</summary>
    public static string Only(object? value, Arguments given, string filter)
    {
        if (value is not string text) throw given.Run.Fail((value as Undefined)?.Why ?? $"The filter '{filter}' needs a text; here is {TypeName.Of(value)}.");
        given.Run.Characters(text.Length);
        return text;
    }

    private static string Blanks(Rendering run, int count)
    {
        run.Characters(count);
        return new string(' ', Math.Max(0, count));
    }

    public static object? FormatOperand(Arguments given)
    {
        if (given.Named.Count == 0) return Sequence.Tuple([.. given.Positional]);
        Map map = new();
        foreach ((string name, object? value) in given.Named) map[name] = value;
        return map;
    }

    public static object? Center(object? value, Arguments given)
    {
        string text = Text(value, given);
        int width = given.As("width").Int(0, 80);
        return TextMethods.Find(text, "center")!.Call(new Arguments(given.Run, "the filter 'center'", [(long)width], []));
    }

    public static object? Indent(object? value, Arguments given)
    {
        string text = Only(value, given, "indent");
        given.As("width", "first", "blank");
        string indent = given.Or(0, 4L) as string ?? Blanks(given.Run, given.Int(0, 4));
        bool first = given.Flag(1, missing: false), blank = given.Flag(2, missing: false);
        List<object?> lines = TextSplit.Lines(given.Run, text + "\n", keepsEnds: false);
        given.Run.Characters(text.Length + (long)lines.Count * indent.Length);
        StringBuilder indented = new();
        for (int i = 0; i < lines.Count; i++)
        {
            string line = (string)lines[i]!;
            if (i > 0) indented.Append('\n');
            if (i == 0 ? first : blank || line.Length > 0) indented.Append(indent);
            indented.Append(line);
        }
        return indented.ToString();
    }

    public static object? Join(object? value, Arguments given)
    {
        given.As("d", "attribute");
        IReadOnlyList<object?> items = Iteration.Of(given.Run, value);
        if (given.Or(1, null) is { } attribute) items = [.. items.Select(i => SelectionFilters.Path(given.Run, i, attribute))];
        return TextMethods.Joined(given.Run, PythonText.Of(given.Run, given.Or(0, "")), [.. items.Select(i => PythonText.Of(given.Run, i))]);
    }

    public static object? Replace(object? value, Arguments given)
    {
        string text = Text(value, given);
        given.As("old", "new", "count");
        return TextMethods.Replaced(given.Run, text, PythonText.Of(given.Run, given[0]), PythonText.Of(given.Run, given[1]), given.Or(2, null) is null ? -1 : given.Int(2));
    }

    public static object? StripTags(object? value, Arguments given)
    {
        string text = Text(value, given.As());
        string plain = Regex.Replace(text, "<!--.*?-->|<[^>]*>", "", RegexOptions.NonBacktracking | RegexOptions.Singleline);
        return System.Net.WebUtility.HtmlDecode(string.Join(' ', TextSplit.FromLeft(given.Run, plain, null, -1)));
    }

    // The first letter after a border is upper case, all others are lower case; "don't" has no border.
    public static object? Title(object? value, Arguments given)
    {
        string text = Text(value, given.As());
        StringBuilder titled = new(text.Length);
        bool afterBorder = true;
        foreach (char c in text)
        {
            titled.Append(afterBorder ? char.ToUpperInvariant(c) : char.ToLowerInvariant(c));
            afterBorder = PythonText.IsSpace(c) || c is '-' or '(' or '{' or '[' or '<';
        }
        return titled.ToString();
    }

    public static object? ToJson(object? value, Arguments given)
    {
        given.As("ensure_ascii", "indent", "separators", "sort_keys");
        string? indent = given.Or(1, null) switch
        {
            null => null,
            string text => text,
            _ => Blanks(given.Run, given.Int(1)),
        };
        (string items, string keys) = (indent is null ? ", " : ",", ": ");
        if (given.Or(2, null) is not null)
        {
            if (given[2] is not Sequence { Items: [string item, string key] }) throw given.Wrong(2, "a pair of texts");
            (items, keys) = (item, key);
        }
        return new JsonText(indent, items, keys, given.Flag(0, missing: false), given.Flag(3, missing: false)).Write(given.Run, value);
    }

    public static object? Truncate(object? value, Arguments given)
    {
        given.As("length", "killwords", "end", "leeway");
        int length = given.Int(0, 255), leeway = given.Int(3, 5);
        // A short list or dict passes, as in Jinja.
        int? count = value is Map map ? map.Count : value is Sequence { Kind: not SequenceKind.Generator } list ? list.Items.Count : null;
        if (count <= (long)length + leeway) return value;
        string text = Only(value, given, "truncate");
        string end = given.OptionalText(2) ?? "...";
        if (length < end.Length || leeway < 0) throw given.Wrong(0, "at least the length of 'end'");
        if (PythonText.Length(text) <= (long)length + leeway) return text;
        string cut = text[..PythonText.Place(text, length - end.Length)];
        if (given.Flag(1, missing: false)) return cut + end;
        int space = cut.LastIndexOf(' ');
        return (space < 0 ? cut : cut[..space]) + end;
    }

    public static object? UrlEncode(object? value, Arguments given)
    {
        given.As();
        IEnumerable<(object?, object?)>? pairs = value switch
        {
            Map map => map.Pairs.Select(p => (p.Key, p.Value)),
            Sequence list => list.Use().Select(pair => Iteration.Of(given.Run, pair) is [var key, var item] ? (key, item) : throw given.Run.Fail("urlencode needs pairs.")),
            _ => null,
        };
        if (pairs is null) return Uri.EscapeDataString(Text(value, given)).Replace("%2F", "/", StringComparison.Ordinal);
        return TextMethods.Joined(given.Run, "&", [.. pairs.Select(p => $"{Quote(p.Item1)}={Quote(p.Item2)}")]);

        string Quote(object? part) => Uri.EscapeDataString(Text(part, given)).Replace("%20", "+", StringComparison.Ordinal);
    }

    public static object? WordCount(object? value, Arguments given)
    {
        string text = Text(value, given.As());
        long count = 0;
        bool inWord = false;
        foreach (Rune rune in text.EnumerateRunes())
        {
            bool isWord = Rune.IsLetter(rune) || Rune.IsNumber(rune) || rune.Value == '_';
            if (isWord && !inWord) count++;
            inWord = isWord;
        }
        return count;
    }

    /// <summary>The pairs of a dict as attributes of HTML: none for what is None or undefined.</summary>
    public static object? XmlAttributes(object? value, Arguments given)
    {
        bool hasSpace = given.As("autospace").Flag(0, missing: true);
        if (value is not Map map) throw given.Run.Fail($"xmlattr needs a dict; here is {TypeName.Of(value)}.");
        List<object?> parts = [];
        foreach ((object? key, object? attribute) in map.Pairs)
        {
            if (attribute is null or Undefined) continue;
            string name = PythonText.Of(given.Run, key);
            if (name.AsSpan().ContainsAny(" \t\n\f\r/>=")) throw given.Run.Fail($"'{(name.Length > 60 ? name[..60] + "…" : name)}' is not the name of an attribute.");
            parts.Add($"{Markup.Escaped(given.Run, name)}=\"{Markup.Of(given.Run, attribute).Text}\"");
        }
        string text = TextMethods.Joined(given.Run, " ", parts);
        return hasSpace && text.Length > 0 ? " " + text : text;
    }
}
