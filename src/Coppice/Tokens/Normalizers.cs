using System.Text;

namespace Coppice.Tokens;

/// <summary>Changes a piece of text before it is split.</summary>
internal abstract class Normalizer
{
    public abstract string Apply(string text);

    /// <summary>All of them in order; null where nothing is to be done.</summary>
    public static Normalizer? Chain(IReadOnlyList<Normalizer> steps) => steps.Count switch
    {
        0 => null,
        1 => steps[0],
        _ => new Chained(steps),
    };

    private sealed class Chained(IReadOnlyList<Normalizer> steps) : Normalizer
    {
        public override string Apply(string text)
        {
            foreach (Normalizer step in steps) text = step.Apply(text);
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
