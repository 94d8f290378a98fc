namespace Coppice.Tokens;

/// <summary>
/// Splits before each run of SentencePiece's space marks. Where no token has a mark after another character, nothing merges over these
/// borders, so the tokens stay the same; but words are short and can be remembered.
/// </summary>
internal sealed class WordStarts : PreTokenizer
{
    public const char Mark = '▁';
    private static readonly WordStarts s_instance = new();

    private WordStarts()
    {
    }

    /// <summary>The step, if splitting cannot change the tokens of this vocabulary.</summary>
    public static WordStarts? IfSafe(IEnumerable<string> pieces)
    {
        foreach (string piece in pieces)
            if (piece.AsSpan().TrimStart(Mark).Contains(Mark)) return null;
        return s_instance;
    }

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        int from = 0;
        while (from < word.Length)
        {
            int letters = word[from..].IndexOfAnyExcept(Mark);
            int mark = letters < 0 ? -1 : word[(from + letters)..].IndexOf(Mark);
            int end = mark < 0 ? word.Length : from + letters + mark;
            words.Add(start + from, start + end);
            from = end;
        }
    }
}
