using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Splits by a regular expression from a model's file. Linear time where the expression allows it, a time limit where it does not.</summary>
internal sealed partial class RegexSplit : PreTokenizer
{
    internal const int LongestPattern = 4096;
    private const double MostRepeats = 10_000;
    private static readonly TimeSpan s_limit = TimeSpan.FromSeconds(2);

    private readonly string _file;
    private readonly Regex _regex;
    private readonly SplitBehavior _behavior;
    private readonly bool _matched;

    private RegexSplit(string file, Regex regex, SplitBehavior behavior, bool matched)
    {
        _file = file;
        _regex = regex;
        _behavior = behavior;
        _matched = matched;
    }

    /// <param name="file">The file, for messages.</param>
    /// <param name="pattern">A regular expression as Oniguruma and Rust write them.</param>
    /// <param name="behavior">What becomes of the matches.</param>
    /// <param name="matched">False: of what lies between them.</param>
    public static RegexSplit Create(string file, string pattern, SplitBehavior behavior, bool matched = true)
    {
        if (pattern.Length is 0 or > LongestPattern)
            throw new ModelFormatException(file, $"A split pattern has {pattern.Length} characters; it must have 1 to {LongestPattern}.");
        // .NET reads && in a class as two ampersands, Oniguruma as an intersection.
        if (pattern.Contains("&&", StringComparison.Ordinal))
            throw new ModelFormatException(file, $"The split pattern '{pattern}' intersects classes (&&), which is not supported.");
        return new RegexSplit(file, Compile(file, pattern), behavior, matched);
    }

    /// <summary>Compiles a pattern of a model's file.</summary>
    internal static Regex Compile(string file, string pattern)
    {
        try
        {
            return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.NonBacktracking, s_limit);
        }
        catch (NotSupportedException)
        {
            // Lookarounds need backtracking.
        }
        catch (ArgumentException e)
        {
            throw new ModelFormatException(file, $"The split pattern '{pattern}' cannot be read: {e.Message}", e);
        }
        // Backtracking keeps a place for every repetition, so nested counts would take all memory long before the time limit.
        double repeats = 1;
        foreach (Match count in Counts().Matches(pattern)) repeats *= Math.Max(1, double.Parse(count.Groups[1].ValueSpan, CultureInfo.InvariantCulture));
        if (repeats > MostRepeats) throw new ModelFormatException(file, $"The split pattern '{pattern}' repeats up to {repeats:g} times; at most {MostRepeats:g} are supported.");
        return new Regex(pattern, RegexOptions.CultureInvariant | RegexOptions.Compiled, s_limit);
    }

    /// <summary>The last number of {n}, {n,} and {n,m}.</summary>
    [GeneratedRegex(@"\{(?:[0-9]+,)?([0-9]+),?\}")]
    private static partial Regex Counts();

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        SplitParts parts = new();
        parts.Begin();
        try
        {
            if (word.IndexOfAnyInRange('\uD800', '\uDFFF') < 0)
                foreach (ValueMatch match in _regex.EnumerateMatches(word)) parts.AddMatch(match.Index, match.Index + match.Length);
            else
                MatchCharacters(word, parts);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new ModelFormatException(_file, $"The split pattern '{_regex}' took longer than {s_limit.TotalSeconds} s for {word.Length} characters.", e);
        }
        parts.End(word.Length, _behavior, _matched, start, words);
    }

    // .NET matches UTF-16 units and calls both halves of a pair surrogates. Every pair is replaced by one unit of the same
    // general category, so that \p{...} and counts mean characters; families' patterns do not name characters beyond U+FFFF.
    private void MatchCharacters(ReadOnlySpan<char> word, SplitParts parts)
    {
        char[] units = new char[word.Length];
        int[] starts = new int[word.Length + 1];
        int count = 0;
        for (int at = 0; at < word.Length; count++)
        {
            starts[count] = at;
            bool pair = Rune.DecodeFromUtf16(word[at..], out Rune rune, out int chars) == System.Buffers.OperationStatus.Done && chars == 2;
            units[count] = pair ? StandIns.Of(Rune.GetUnicodeCategory(rune)) : word[at];
            at += chars;
        }
        starts[count] = word.Length;
        foreach (ValueMatch match in _regex.EnumerateMatches(units.AsSpan(0, count))) parts.AddMatch(starts[match.Index], starts[match.Index + match.Length]);
    }

    private static class StandIns
    {
        private static readonly char[] s_byCategory = Make();

        public static char Of(UnicodeCategory category) => s_byCategory[(int)category];

        // The last unit of each category: an uncommon character of no script that patterns name.
        private static char[] Make()
        {
            char[] units = new char[(int)UnicodeCategory.OtherNotAssigned + 1];
            for (int c = 0; c <= char.MaxValue; c++) units[(int)char.GetUnicodeCategory((char)c)] = (char)c;
            return units;
        }
    }
}
