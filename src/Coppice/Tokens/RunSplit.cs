using System.Globalization;
using System.Text;

namespace Coppice.Tokens;

/// <summary>Runs of punctuation by themselves: [\p{P}…]+ with some more characters, as a scanner.</summary>
internal sealed class RunSplit : PreTokenizer
{
    private readonly bool[] _isOf;   // by char

    /// <param name="more">What counts beside \p{P}.</param>
    public RunSplit(string more)
    {
        _isOf = new bool[char.MaxValue + 1];
        for (int c = 0; c < _isOf.Length; c++) _isOf[c] = IsPunctuation(char.GetUnicodeCategory((char)c)) || more.Contains((char)c, StringComparison.Ordinal);
    }

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        bool[] isOf = _isOf;
        for (int from = 0, at = 0; from < word.Length; from = at)
        {
            bool isRun = IsOf(word, at, out int chars);
            for (at += chars; at < word.Length; at += chars)
            {
                char c = word[at];
                chars = 1;
                if ((char.IsSurrogate(c) ? IsOf(word, at, out chars) : isOf[c]) != isRun) break;
            }
            words.Add(start + from, start + at);
        }
    }

    private bool IsOf(ReadOnlySpan<char> word, int at, out int chars)
    {
        chars = 1;
        if (!char.IsSurrogate(word[at]) || Rune.DecodeFromUtf16(word[at..], out Rune rune, out int used) != System.Buffers.OperationStatus.Done) return _isOf[word[at]];
        chars = used;
        return IsPunctuation(Rune.GetUnicodeCategory(rune));
    }

    private static bool IsPunctuation(UnicodeCategory category) => category is >= UnicodeCategory.ConnectorPunctuation and <= UnicodeCategory.OtherPunctuation;
}

/// <summary>Three ASCII digits after one another by themselves, as a scanner.</summary>
internal sealed class ThreeDigits : PreTokenizer
{
    /// <summary>The same as a regular expression.</summary>
    public const string Pattern = "[0-9][0-9][0-9]";

    private const int Count = 3;

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        int from = 0;
        for (int at = 0; at < word.Length;)
        {
            int digit = word[at..].IndexOfAnyInRange('0', '9');
            if (digit < 0) break;
            at += digit;
            int run = word[at..].IndexOfAnyExceptInRange('0', '9');
            int end = run < 0 ? word.Length : at + run;
            for (; end - at >= Count; at += Count)
            {
                words.Add(start + from, start + at);
                words.Add(start + at, start + at + Count);
                from = at + Count;
            }
            at = end;
        }
        words.Add(start + from, start + word.Length);
    }
}
