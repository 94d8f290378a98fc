namespace Coppice.Tokens;

/// <summary>
/// The word patterns most families use, as scanners: the same words as the regular expressions below give, in one pass, and right for characters
/// beyond U+FFFF, which .NET's expressions see as two.
/// </summary>
internal sealed class FamilyPattern : PreTokenizer
{
    private const string Gpt2Text = @"'s|'t|'re|'ve|'m|'ll|'d| ?\p{L}+| ?\p{N}+| ?[^\s\p{L}\p{N}]+|\s+(?!\S)|\s+";
    private const string Llama3Text = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";
    private const string Qwen2Text = @"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

    /// <summary>GPT-2, and what ByteLevel splits by.</summary>
    public static readonly FamilyPattern Gpt2 = new(Gpt2Text, digits: int.MaxValue, GptEnd);

    /// <summary>Llama 3 and its relatives: digits by threes.</summary>
    public static readonly FamilyPattern Llama3 = new(Llama3Text, digits: 3, TiktokenEnd);

    /// <summary>Qwen 2 and its relatives: digits one by one.</summary>
    public static readonly FamilyPattern Qwen2 = new(Qwen2Text, digits: 1, TiktokenEnd);

    private readonly int _digits;
    private readonly Func<ReadOnlySpan<char>, int, int, int> _end;

    private FamilyPattern(string text, int digits, Func<ReadOnlySpan<char>, int, int, int> end)
    {
        Text = text;
        _digits = digits;
        _end = end;
    }

    /// <summary>The pattern as a regular expression.</summary>
    public string Text { get; }

    /// <summary>The scanner of a pattern, if it has one.</summary>
    public static FamilyPattern? Find(string pattern) => pattern switch
    {
        Gpt2Text => Gpt2,
        Llama3Text => Llama3,
        Qwen2Text => Qwen2,
        _ => null,
    };

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        for (int at = 0; at < word.Length;)
        {
            int end = _end(word, at, _digits);
            words.Add(start + at, start + end);
            at = end;
        }
    }

    private static int GptEnd(ReadOnlySpan<char> text, int at, int digits)
    {
        char c = text[at];
        if (c == '\'' && Contraction(text[at..], ignoreCase: 0) is int letters and > 0) return at + letters;
        int first = c == ' ' && at + 1 < text.Length ? at + 1 : at;
        CharKind kind = CharClass.At(text, first, out int chars);
        if (kind != CharKind.Space) return CharClass.RunEnd(text, first + chars, kind);
        return SpacesEnd(text, at);
    }

    private static int TiktokenEnd(ReadOnlySpan<char> text, int at, int digits)
    {
        char c = text[at];
        if (c == '\'' && Contraction(text[at..], ignoreCase: 0x20) is int letters and > 0) return at + letters;
        CharKind kind = CharClass.At(text, at, out int chars);
        if (kind == CharKind.Letter) return CharClass.RunEnd(text, at + chars, kind);
        if (kind == CharKind.Number)
        {
            int end = at + chars;
            for (int taken = 1; taken < digits && end < text.Length && CharClass.At(text, end, out chars) == CharKind.Number; taken++) end += chars;
            return end;
        }
        int next = at + chars;
        CharKind nextKind = next < text.Length ? CharClass.At(text, next, out int nextChars) : CharKind.Space;
        if (nextKind == CharKind.Letter && c is not ('\r' or '\n')) return CharClass.RunEnd(text, next, nextKind);
        if (kind == CharKind.Other || (c == ' ' && nextKind == CharKind.Other))
        {
            int end = CharClass.RunEnd(text, next, CharKind.Other);
            while (end < text.Length && text[end] is '\r' or '\n') end++;
            return end;
        }
        int spaces = CharClass.RunEnd(text, at, CharKind.Space);
        int lineEnd = text[at..spaces].LastIndexOfAny('\r', '\n');
        return lineEnd >= 0 ? at + lineEnd + 1 : SpacesEnd(text, at);
    }

    /// <summary>White space up to the end of the text, or up to its last character before a word, which may take it; one alone stays one.</summary>
    private static int SpacesEnd(ReadOnlySpan<char> text, int at)
    {
        int end = CharClass.RunEnd(text, at, CharKind.Space);
        return end == text.Length || end == at + 1 ? end : end - 1;
    }

    /// <summary>Length of 's 't 'm 'd 're 've 'll at the beginning, or 0.</summary>
    private static int Contraction(ReadOnlySpan<char> text, int ignoreCase)
    {
        if (text.Length < 2) return 0;
        if ((text[1] | ignoreCase) is 's' or 't' or 'm' or 'd') return 2;
        if (text.Length < 3) return 0;
        return ((text[1] | ignoreCase), (text[2] | ignoreCase)) is ('r', 'e') or ('v', 'e') or ('l', 'l') ? 3 : 0;
    }
}
