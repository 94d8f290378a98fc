namespace Coppice.Templates;

/// <summary>Ways to cut a text into pieces.</summary>
internal static class TextSplit
{
    /// <param name="run">Pays for it.</param>
    /// <param name="text">What is cut.</param>
    /// <param name="separator">Where it is cut; null: at runs of white space, which leave no empty pieces.</param>
    /// <param name="most">Cuts at most; below zero, all.</param>
    public static List<object?> FromLeft(Rendering run, string text, string? separator, int most)
    {
        List<object?> pieces = [];
        int from = 0;
        if (separator is null)
        {
            for (from = SkipSpace(text, 0); from < text.Length; from = SkipSpace(text, from))
            {
                run.Items(1);
                int end = from;
                while (end < text.Length && (pieces.Count == most || !PythonText.IsSpace(text[end]))) end++;
                string piece = text[from..end];
                pieces.Add(pieces.Count == most ? TextMethods.Stripped(piece, null, left: false, right: true) : piece);
                from = end;
            }
            return pieces;
        }
        Check(run, text, separator);
        while (pieces.Count != most && text.IndexOf(separator, from, StringComparison.Ordinal) is >= 0 and int at)
        {
            run.Items(1);
            pieces.Add(text[from..at]);
            from = at + separator.Length;
        }
        pieces.Add(text[from..]);
        return pieces;
    }

    /// <inheritdoc cref="FromLeft"/>
    public static List<object?> FromRight(Rendering run, string text, string? separator, int most)
    {
        List<object?> pieces = [];
        if (separator is null)
        {
            for (int last = SkipSpaceBack(text, text.Length); last > 0; last = SkipSpaceBack(text, last))
            {
                run.Items(1);
                int start = last;
                while (start > 0 && (pieces.Count == most || !PythonText.IsSpace(text[start - 1]))) start--;
                string piece = text[start..last];
                pieces.Add(pieces.Count == most ? TextMethods.Stripped(piece, null, left: true, right: false) : piece);
                last = start;
            }
            pieces.Reverse();
            return pieces;
        }
        Check(run, text, separator);
        ReadOnlySpan<char> rest = text;
        while (pieces.Count != most && rest.LastIndexOf(separator) is >= 0 and int at)
        {
            run.Items(1);
            pieces.Add(rest[(at + separator.Length)..].ToString());
            rest = rest[..at];
        }
        pieces.Add(rest.ToString());
        pieces.Reverse();
        return pieces;
    }

    /// <summary>Lines, at everything that Python takes for the end of one.</summary>
    public static List<object?> Lines(Rendering run, string text, bool keepsEnds)
    {
        List<object?> lines = [];
        for (int from = 0; from < text.Length;)
        {
            run.Items(1);
            int end = from;
            while (end < text.Length && !IsLineEnd(text[end])) end++;
            int next = end == text.Length ? end : text[end] == '\r' && end + 1 < text.Length && text[end + 1] == '\n' ? end + 2 : end + 1;
            lines.Add(text[from..(keepsEnds ? next : end)]);
            from = next;
        }
        return lines;
    }

    private static bool IsLineEnd(char c) => c is '\n' or '\r' or '\v' or '\f' or (>= '\x1c' and <= '\x1e') or '\x85' or '\u2028' or '\u2029';

    private static void Check(Rendering run, string text, string separator)
    {
        run.Search(text, separator);
        if (separator.Length == 0) throw run.Fail("A text cannot be split at the empty text.");
    }

    private static int SkipSpace(string text, int at)
    {
        while (at < text.Length && PythonText.IsSpace(text[at])) at++;
        return at;
    }

    private static int SkipSpaceBack(string text, int at)
    {
        while (at > 0 && PythonText.IsSpace(text[at - 1])) at--;
        return at;
    }
}
