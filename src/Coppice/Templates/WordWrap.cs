namespace Coppice.Templates;

/// <summary>The filter wordwrap: lines of at most a width, as Python's textwrap breaks them.</summary>
internal sealed class WordWrap
{
    private const string Space = "\t\n\v\f\r ";

    private readonly int _width;
    private readonly bool _breaksWords, _breaksHyphens;
    private readonly List<string> _lines = [];
    private readonly List<string> _line = [];
    private int _length;

    private WordWrap(int width, bool breaksWords, bool breaksHyphens) => (_width, _breaksWords, _breaksHyphens) = (width, breaksWords, breaksHyphens);

    public static object? Apply(object? value, Arguments given)
    {
        string text = TextFilters.Only(value, given, "wordwrap");
        given.As("width", "break_long_words", "wrapstring", "break_on_hyphens");
        int width = given.Int(0, 79);
        if (width <= 0) throw given.Wrong(0, "a number above 0");
        string end = given.OptionalText(2) is { Length: > 0 } wrap ? wrap : "\n";
        bool breaksWords = given.Flag(1, missing: true), breaksHyphens = given.Flag(3, missing: true);
        List<object?> wrapped = [];
        foreach (object? line in TextSplit.Lines(given.Run, text, keepsEnds: false))
        {
            WordWrap lines = new(width, breaksWords, breaksHyphens);
            lines.Wrap(given.Run, (string)line!);
            wrapped.Add(TextMethods.Joined(given.Run, end, lines._lines));
        }
        return TextMethods.Joined(given.Run, end, wrapped);
    }

    private void Wrap(Rendering run, string text)
    {
        foreach (string chunk in Chunks(text))
        {
            run.Items(1);
            string rest = chunk;
            while (rest.Length > 0)
            {
                bool isSpace = IsSpace(rest[0]);
                if (isSpace && _line.Count == 0 && _lines.Count > 0) break;   // a line does not begin with space, but for the first
                int length = PythonText.Length(rest);
                if (_length + length <= _width)
                {
                    Add(rest, length);
                    break;
                }
                if (length > _width)
                {
                    rest = BreakWord(run, rest);
                    if (rest.Length == 0) break;
                }
                EndLine();
            }
        }
        EndLine();
    }

    // Takes what fits of a chunk that is longer than a line; the rest comes back.
    private string BreakWord(Rendering run, string word)
    {
        int room = _width - _length;
        if (!_breaksWords)
        {
            if (_line.Count > 0) return word;
            Add(word, PythonText.Length(word));
            return "";
        }
        run.Characters(word.Length);
        int end = PythonText.Place(word, room);
        if (_breaksHyphens)
        {
            int hyphen = end == 0 ? -1 : word.LastIndexOf('-', end - 1);
            if (hyphen > 0 && word.AsSpan(0, hyphen).ContainsAnyExcept('-')) end = hyphen + 1;
        }
        Add(word[..end], PythonText.Length(word[..end]));
        return word[end..];
    }

    private void Add(string chunk, int length)
    {
        _line.Add(chunk);
        _length += length;
    }

    private void EndLine()
    {
        if (_line.Count > 0 && (_line[^1].Length == 0 || IsSpace(_line[^1][0]))) _line.RemoveAt(_line.Count - 1);
        if (_line.Count > 0) _lines.Add(string.Concat(_line));
        _line.Clear();
        _length = 0;
    }

    // Space, words, and parts of words that end with a hyphen or a dash.
    private IEnumerable<string> Chunks(string text)
    {
        for (int from = 0, end; from < text.Length; from = end)
        {
            end = from + 1;
            if (IsSpace(text[from]))
            {
                while (end < text.Length && IsSpace(text[end])) end++;
            }
            else
            {
                int dashes = _breaksHyphens && from > 0 && IsWordMark(text[from - 1]) ? Dashes(text, from) : 0;
                if (dashes > 0 && from + dashes < text.Length && IsWord(text[from + dashes])) end = from + dashes;
                else while (end < text.Length && !IsSpace(text[end]) && !(_breaksHyphens && EndsPart(text, from, ref end))) end++;
            }
            yield return text[from..end];
        }
    }

    // A part ends behind a hyphen between letters, and before a dash between words.
    private static bool EndsPart(string text, int from, ref int at)
    {
        if (text[at - 1] == '-' && at - 1 > from && at < text.Length && IsLetter(text[at]) && IsHyphen(text, at - 1)) return true;
        if (text[at] != '-' || !IsWordMark(text[at - 1])) return false;
        int dashes = Dashes(text, at);
        if (dashes > 0 && at + dashes < text.Length && IsWord(text[at + dashes])) return true;
        if (dashes > 0) at += dashes - 1;
        return false;
    }

    // Behind two letters, or one between hyphens, and before two letters, or one and a hyphen and one.
    private static bool IsHyphen(string text, int at)
    {
        bool after = at >= 2 && IsLetter(text[at - 1]) && (IsLetter(text[at - 2]) || (at >= 3 && text[at - 2] == '-' && IsLetter(text[at - 3])));
        bool before = at + 2 < text.Length && (IsLetter(text[at + 2]) || (at + 3 < text.Length && text[at + 2] == '-' && IsLetter(text[at + 3])));
        return after && before;
    }

    // The length of a run of at least two hyphens.
    private static int Dashes(string text, int at)
    {
        int end = at;
        while (end < text.Length && text[end] == '-') end++;
        return end - at >= 2 ? end - at : 0;
    }

    private static bool IsSpace(char c) => Space.Contains(c, StringComparison.Ordinal);

    private static bool IsWord(char c) => char.IsLetterOrDigit(c) || c == '_';

    private static bool IsLetter(char c) => char.IsLetter(c) || c == '_';

    private static bool IsWordMark(char c) => IsWord(c) || c is '!' or '"' or '\'' or '&' or '.' or ',' or '?';
}
