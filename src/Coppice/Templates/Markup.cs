using System.Text;

namespace Coppice.Templates;

/// <summary>
/// A text marked as HTML (by safe or escape). Chat templates are rendered without automatic escaping, yet what is joined with such a text, by + or by its own methods,
/// is escaped.
/// </summary>
internal sealed record Markup(string Text)
{
    // The methods that give such a text again, and escape what they are given.
    private static readonly HashSet<string> s_keeping = new(
        ["capitalize", "casefold", "center", "expandtabs", "format", "join", "ljust", "lower", "lstrip", "partition", "removeprefix", "removesuffix", "replace", "rjust",
         "rpartition", "rsplit", "rstrip", "split", "splitlines", "strip", "swapcase", "title", "upper", "zfill"], StringComparer.Ordinal);

    private static readonly HashSet<string> s_withoutEscape = new(["rsplit", "split", "partition", "rpartition"], StringComparer.Ordinal);

    /// <summary>A value without the mark.</summary>
    public static object? Bare(object? value) => value is Markup markup ? markup.Text : value;

    public static Markup Of(Rendering run, object? value) => value as Markup ?? new Markup(Escaped(run, PythonText.Of(run, value)));

    public static string Escaped(Rendering run, string text)
    {
        run.Characters(text.Length);
        StringBuilder escaped = new(text.Length);
        foreach (char c in text)
        {
            switch (c)
            {
                case '&': escaped.Append("&amp;"); break;
                case '<': escaped.Append("&lt;"); break;
                case '>': escaped.Append("&gt;"); break;
                case '"': escaped.Append("&#34;"); break;
                case '\'': escaped.Append("&#39;"); break;
                default: escaped.Append(c); break;
            }
        }
        run.Characters(escaped.Length);
        return escaped.ToString();
    }

    /// <summary>The method of the text underneath.</summary>
    public Callable? Method(string name)
    {
        if (TextMethods.Find(Text, name) is not { } method) return null;
        if (!s_keeping.Contains(name)) return method;
        return new Callable(name, given =>
        {
            Arguments safe = s_withoutEscape.Contains(name) ? given : given.With(value => Safe(given.Run, value));
            return Marked(method.Call(safe));
        });
    }

    /// <summary>The value with the mark on the texts in it.</summary>
    public static object? Marked(object? value) => value switch
    {
        string text => new Markup(text),
        Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } texts => new Sequence(texts.Kind, [.. texts.Items.Select(item => item is string part ? new Markup(part) : item)]),
        _ => value,
    };

    /// <summary>The value with what is not marked escaped, for putting it into such a text.</summary>
    public static object? Safe(Rendering run, object? value) => value switch
    {
        string => Of(run, value).Text,
        Markup markup => markup.Text,
        Sequence { Kind: not SequenceKind.Range } items => new Sequence(items.Kind, [.. items.Use().Select(item => SafeText(run, item))]),
        Map map => SafeMap(run, map),
        _ => value,
    };

    private static object? SafeText(Rendering run, object? value) => value is string or Markup ? Of(run, value).Text : value;

    private static Map SafeMap(Rendering run, Map map)
    {
        Map safe = new();
        foreach ((object? key, object? value) in map.Pairs) safe[key] = SafeText(run, value);
        return safe;
    }
}
