using System.Globalization;
using System.Text;
using System.Text.RegularExpressions;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Changes a piece of text before it is split.</summary>
internal abstract class Normalizer
{
    public abstract string Apply(string text);

    /// <summary>All of them in order; null where nothing is to be done.</summary>
    public static Normalizer? Chain(string file, IReadOnlyList<Normalizer> steps) => steps.Count switch
    {
        0 => null,
        1 => steps[0],
        _ => new Chained(file, steps),
    };

    private sealed class Chained(string file, IReadOnlyList<Normalizer> steps) : Normalizer
    {
        private const long MostGrowth = 64;

        // A few replacements of one character by many would multiply without end.
        public override string Apply(string text)
        {
            long limit = MostGrowth * (text.Length + MostGrowth);
            foreach (Normalizer step in steps)
            {
                text = step.Apply(text);
                if (text.Length > limit) throw new ModelFormatException(file, $"The normalizer makes a text more than {MostGrowth} times as long.");
            }
            return text;
        }
    }
}

/// <summary>Puts a text before every piece that is not empty.</summary>
internal sealed class Prepend(string prefix) : Normalizer
{
    public override string Apply(string text) => text.Length == 0 ? text : prefix + text;
}

/// <summary>Replaces one text by another.</summary>
internal sealed class Replace(string from, string to) : Normalizer
{
    public override string Apply(string text) => text.Replace(from, to, StringComparison.Ordinal);
}

/// <summary>Replaces what a regular expression matches.</summary>
internal sealed class ReplacePattern(string file, string pattern, string to) : Normalizer
{
    private readonly Regex _pattern = RegexSplit.Compile(file, pattern);

    public override string Apply(string text)
    {
        try
        {
            return _pattern.Replace(text, _ => to);
        }
        catch (RegexMatchTimeoutException e)
        {
            throw new ModelFormatException(file, $"The pattern '{_pattern}' of the normalizer took too long for {text.Length} characters.", e);
        }
    }
}

/// <summary>Lower case, character by character; İ becomes an i and a dot, as Unicode's full mapping has it.</summary>
internal sealed class Lowercase : Normalizer
{
    public override string Apply(string text) => text.ToLowerInvariant().Replace("\u0130", "i\u0307", StringComparison.Ordinal);
}

/// <summary>Drops white space at the ends.</summary>
internal sealed class Strip(bool left, bool right) : Normalizer
{
    public override string Apply(string text) => (left, right) switch
    {
        (true, true) => text.Trim(),
        (true, false) => text.TrimStart(),
        (false, true) => text.TrimEnd(),
        _ => text,
    };
}

/// <summary>Drops combining marks (Mn): after NFD, a text's accents.</summary>
internal sealed class StripAccents : Normalizer
{
    public override string Apply(string text)
    {
        StringBuilder kept = new(text.Length);
        foreach (Rune rune in text.EnumerateRunes())
            if (Rune.GetUnicodeCategory(rune) != UnicodeCategory.NonSpacingMark) kept.Append(rune);
        return kept.ToString();
    }
}

/// <summary>Drops spaces at both ends and all but one of each run: SentencePiece's remove_extra_whitespaces.</summary>
internal sealed class OneSpace : Normalizer
{
    public override string Apply(string text)
    {
        StringBuilder kept = new(text.Length);
        foreach (char c in text.AsSpan().Trim(' '))
            if (c != ' ' || kept[^1] != ' ') kept.Append(c);
        return kept.ToString();
    }
}
