using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>The methods of a text.</summary>
internal static class TextMethods
{
    private delegate object? Method(string text, Arguments given);

    private static readonly Dictionary<string, Method> s_methods = new(StringComparer.Ordinal)
    {
        ["capitalize"] = (t, _) => Capitalized(t),
        ["casefold"] = (t, _) => t.ToLowerInvariant().Replace("ß", "ss", StringComparison.Ordinal),
        ["center"] = (t, a) => Padded(t, a, PadSide.Both),
        ["count"] = (t, a) => a.As("sub", "start", "end").Text(0) is var part && TryPart(t, a, out int from, out int to) ? (long)Count(a.Run, t[from..to], part) : 0L,
        ["endswith"] = (t, a) => Affixes(a.As("suffix", "start", "end")) is var affixes && TryPart(t, a, out int from, out int to) && affixes.Any(x => t.AsSpan(from, to - from).EndsWith(x)),
        ["expandtabs"] = (t, a) => Expanded(a.As("tabsize").Run, t, a.Int(0, 8)),
        ["find"] = (t, a) => Index(t, a, last: false),
        ["format"] = (t, a) => BraceFormat.Apply(a, t),
        ["format_map"] = (t, a) => BraceFormat.Apply(a.Pairs("mapping"), t),
        ["index"] = (t, a) => Index(t, a, last: false) is >= 0 and long at ? at : throw a.Run.Fail("The text looked for is not there."),
        ["isalnum"] = (t, _) => All(t, char.IsLetterOrDigit),
        ["isalpha"] = (t, _) => All(t, char.IsLetter),
        ["isascii"] = (t, _) => System.Text.Ascii.IsValid(t),
        ["isdecimal"] = (t, _) => All(t, char.IsDigit),
        ["isdigit"] = (t, _) => All(t, char.IsDigit),
        ["isidentifier"] = (t, _) => t.Length > 0 && !char.IsAsciiDigit(t[0]) && t.All(c => c == '_' || char.IsLetterOrDigit(c)),
        ["isnumeric"] = (t, _) => All(t, char.IsNumber),
        ["isprintable"] = (t, _) => PythonText.IsPrintable(t),
        ["isspace"] = (t, _) => All(t, PythonText.IsSpace),
        ["islower"] = (t, _) => t.Any(char.IsLower) && !t.Any(char.IsUpper),
        ["istitle"] = (t, _) => t.Any(char.IsLetter) && t == Titled(t),
        ["isupper"] = (t, _) => t.Any(char.IsUpper) && !t.Any(char.IsLower),
        ["join"] = (t, a) => Joined(a.Run, t, Iteration.Of(a.Run, a.As("iterable")[0])),
        ["ljust"] = (t, a) => Padded(t, a, PadSide.Right),
        ["lower"] = (t, _) => t.ToLowerInvariant(),
        ["lstrip"] = (t, a) => Stripped(t, Characters(t, a), left: true, right: false),
        ["partition"] = (t, a) => Parted(t, a, last: false),
        ["removeprefix"] = (t, a) => a.As("prefix").Text(0) is { Length: > 0 } prefix && t.StartsWith(prefix, StringComparison.Ordinal) ? t[prefix.Length..] : t,
        ["removesuffix"] = (t, a) => a.As("suffix").Text(0) is { Length: > 0 } suffix && t.EndsWith(suffix, StringComparison.Ordinal) ? t[..^suffix.Length] : t,
        ["replace"] = (t, a) => Replaced(a.As("old", "new", "count").Run, t, a.Text(0), a.Text(1), a.Int(2, -1)),
        ["rfind"] = (t, a) => Index(t, a, last: true),
        ["rindex"] = (t, a) => Index(t, a, last: true) is >= 0 and long at ? at : throw a.Run.Fail("The text looked for is not there."),
        ["rjust"] = (t, a) => Padded(t, a, PadSide.Left),
        ["rpartition"] = (t, a) => Parted(t, a, last: true),
        ["rsplit"] = (t, a) => Sequence.List(TextSplit.FromRight(a.As("sep", "maxsplit").Run, t, a.OptionalText(0), a.Int(1, -1))),
        ["rstrip"] = (t, a) => Stripped(t, Characters(t, a), left: false, right: true),
        ["split"] = (t, a) => Sequence.List(TextSplit.FromLeft(a.As("sep", "maxsplit").Run, t, a.OptionalText(0), a.Int(1, -1))),
        ["splitlines"] = (t, a) => Sequence.List(TextSplit.Lines(a.As("keepends").Run, t, a.Flag(0, missing: false))),
        ["startswith"] = (t, a) => Affixes(a.As("prefix", "start", "end")) is var affixes && TryPart(t, a, out int from, out int to) && affixes.Any(x => t.AsSpan(from, to - from).StartsWith(x)),
        ["strip"] = (t, a) => Stripped(t, Characters(t, a), left: true, right: true),
        ["swapcase"] = (t, _) => string.Concat(t.Select(c => char.IsUpper(c) ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c))),
        ["title"] = (t, _) => Titled(t),
        ["upper"] = (t, _) => Upper(t),
        ["zfill"] = (t, a) => ZeroFilled(a.Run, t, a.As("width").Int(0)),
    };

    private enum PadSide
    {
        Left,
        Right,
        Both,
    }

    public static Callable? Find(string text, string name)
    {
        if (!s_methods.TryGetValue(name, out Method? method)) return null;
        return new Callable(name, given =>
        {
            given.Run.Characters(text.Length);
            return method(text, given);
        });
    }

    public static string Upper(string text) => text.ToUpperInvariant().Replace("ß", "SS", StringComparison.Ordinal);

    public static string Capitalized(string text)
    {
        if (text.Length == 0) return text;
        int end = PythonText.Next(text, 0);
        return Upper(text[..end]) + text[end..].ToLowerInvariant();
    }

    // A letter after anything but a letter is upper case.
    private static string Titled(string text)
    {
        StringBuilder titled = new(text.Length);
        bool inWord = false;
        foreach (char c in text)
        {
            titled.Append(inWord ? char.ToLowerInvariant(c) : char.ToUpperInvariant(c));
            inWord = char.IsLetter(c) || char.GetUnicodeCategory(c) == UnicodeCategory.LetterNumber;
        }
        return titled.ToString();
    }

    /// <summary>The argument 'chars'; null: white space.</summary>
    public static string? Characters(string text, Arguments given)
    {
        string? characters = given.As("chars").OptionalText(0);
        given.Run.Search(text, characters ?? "");
        return characters;
    }

    public static string Stripped(string text, string? characters, bool left, bool right)
    {
        int start = 0, end = text.Length;
        while (left && start < end && Goes(text[start], characters)) start++;
        while (right && end > start && Goes(text[end - 1], characters)) end--;
        return text[start..end];

        static bool Goes(char c, string? characters) => characters is null ? PythonText.IsSpace(c) : characters.Contains(c, StringComparison.Ordinal);
    }

    public static string Joined(Rendering run, string separator, IReadOnlyList<object?> parts)
    {
        string[] texts = [.. parts.Select(p => p as string ?? throw run.Fail($"join needs texts; one part is {TypeName.Of(p)}."))];
        run.Characters(texts.Sum(t => (long)t.Length + separator.Length));
        return string.Join(separator, texts);
    }

    public static string Replaced(Rendering run, string text, string old, string with, int times)
    {
        if (times == 0) return text;
        if (old.Length == 0) return Interspersed(run, text, with, times);
        int found = Count(run, text, old);
        if (times > 0) found = Math.Min(found, times);
        run.Characters(text.Length + (long)found * Math.Max(0, with.Length - old.Length));
        if (times < 0) return text.Replace(old, with, StringComparison.Ordinal);
        StringBuilder replaced = new();
        int from = 0;
        for (; found > 0; found--)
        {
            int at = text.IndexOf(old, from, StringComparison.Ordinal);
            replaced.Append(text, from, at - from).Append(with);
            from = at + old.Length;
        }
        return replaced.Append(text, from, text.Length - from).ToString();
    }

    // Replacing the empty text puts the new one before every character and after the last.
    private static string Interspersed(Rendering run, string text, string with, int times)
    {
        run.Characters(text.Length + (text.Length + 1L) * with.Length);
        StringBuilder replaced = new();
        for (int at = 0; at < text.Length;)
        {
            if (times != 0) replaced.Append(with);
            if (times > 0) times--;
            int end = PythonText.Next(text, at);
            replaced.Append(text, at, end - at);
            at = end;
        }
        return times != 0 ? replaced.Append(with).ToString() : replaced.ToString();
    }

    private static int Count(Rendering run, string text, string part)
    {
        run.Search(text, part);
        if (part.Length == 0) return PythonText.Length(text) + 1;
        int count = 0;
        for (int at = text.IndexOf(part, StringComparison.Ordinal); at >= 0; at = text.IndexOf(part, at + part.Length, StringComparison.Ordinal)) count++;
        return count;
    }

    private static long Index(string text, Arguments given, bool last)
    {
        string part = given.As("sub", "start", "end").Text(0);
        if (!TryPart(text, given, out int from, out int to)) return -1L;
        given.Run.Search(text, part);
        int at = last ? text.AsSpan(from, to - from).LastIndexOf(part) : text.AsSpan(from, to - from).IndexOf(part);
        if (last && part.Length == 0) at = to - from;
        return at < 0 ? -1L : PythonText.Length(text[..(from + at)]);
    }

    // The part of a text that the arguments 'start' and 'end' leave; none where it would begin behind its end.
    private static bool TryPart(string text, Arguments given, out int from, out int to)
    {
        int count = PythonText.Length(text), start = Bound(1, 0), end = Math.Min(Bound(2, count), count);
        (from, to) = (PythonText.Place(text, start), PythonText.Place(text, end));
        return start <= end;

        int Bound(int slot, int missing)
        {
            int bound = given.Or(slot, null) is null ? missing : given.Int(slot);
            return bound < 0 ? Math.Max(0, bound + count) : bound;
        }
    }

    private static string Expanded(Rendering run, string text, int tabSize)
    {
        StringBuilder expanded = new();
        for (int at = 0, column = 0; at < text.Length; at++)
        {
            int blanks = text[at] != '\t' ? 0 : tabSize > 0 ? tabSize - column % tabSize : 0;
            if (text[at] == '\t') run.Append(expanded, Blanks(run, blanks));
            else expanded.Append(text[at]);
            column = text[at] is '\n' or '\r' ? 0 : column + (text[at] == '\t' ? blanks : char.IsLowSurrogate(text[at]) ? 0 : 1);
        }
        return expanded.ToString();
    }

    private static string Blanks(Rendering run, int count)
    {
        run.Characters(count);
        return new string(' ', count);
    }

    private static string[] Affixes(Arguments given)
    {
        string[] affixes = given[0] switch
        {
            string one => [one],
            Sequence { Kind: SequenceKind.Tuple } many => [.. many.Items.OfType<string>()],
            _ => throw given.Wrong(0, "a text, or a tuple of texts"),
        };
        foreach (string affix in affixes) given.Run.Characters(affix.Length);
        return affixes;
    }

    private static bool All(string text, Func<char, bool> holds) => text.Length > 0 && text.All(holds);

    private static Sequence Parted(string text, Arguments given, bool last)
    {
        string part = given.As("sep").Text(0);
        if (part.Length == 0) throw given.Wrong(0, "a text that is not empty");
        given.Run.Search(text, part);
        int at = last ? text.LastIndexOf(part, StringComparison.Ordinal) : text.IndexOf(part, StringComparison.Ordinal);
        if (at < 0) return last ? Sequence.Tuple("", "", text) : Sequence.Tuple(text, "", "");
        return Sequence.Tuple(text[..at], part, text[(at + part.Length)..]);
    }

    private static string Padded(string text, Arguments given, PadSide side)
    {
        int width = given.As("width", "fillchar").Int(0);
        int missing = width - PythonText.Length(text);
        given.Run.Characters(Math.Max(0, missing));
        if (missing <= 0) return text;
        string fill = given.OptionalText(1) ?? " ";
        if (PythonText.Length(fill) != 1) throw given.Wrong(1, "one character");
        int left = side switch
        {
            PadSide.Left => missing,
            PadSide.Right => 0,
            _ => missing / 2 + (missing & width & 1),   // Python puts the odd blank on the left of an odd width
        };
        return Times(fill, left) + text + Times(fill, missing - left);

        static string Times(string fill, int count) => fill.Length == 1 ? new string(fill[0], count) : new StringBuilder().Insert(0, fill, count).ToString();
    }

    private static string ZeroFilled(Rendering run, string text, int width)
    {
        int missing = width - PythonText.Length(text);
        run.Characters(Math.Max(0, missing));
        if (missing <= 0) return text;
        int sign = text.StartsWith('-') || text.StartsWith('+') ? 1 : 0;
        return text[..sign] + new string('0', missing) + text[sign..];
    }
}
