using System.Text;

namespace Coppice.Constraints;

/// <summary>What texts a place of a grammar takes. Grammars, patterns and schemas all become this; <see cref="AutomatonBuilder"/> compiles it.</summary>
internal abstract class Expr
{
    public static readonly Expr Empty = new SequenceExpr([]);

    /// <summary>Takes no text at all, not even the empty one.</summary>
    public static readonly Expr Nothing = new ChoiceExpr([]);

    public static Expr Text(string text) => new TextExpr(Encoding.UTF8.GetBytes(text));

    public static Expr Chars(params ReadOnlySpan<(int From, int To)> ranges) => new CharsExpr(CharSet.Of(ranges));

    public static Expr Sequence(params IReadOnlyList<Expr> items) => items.Count == 1 ? items[0] : new SequenceExpr(items);

    public static Expr Choice(params IReadOnlyList<Expr> items) => items.Count == 1 ? items[0] : new ChoiceExpr(items);

    /// <summary>A choice of which the texts become one tree, so that thousands of them are no thousands of places.</summary>
    public static Expr ChoiceOfTexts(IReadOnlyList<Expr> items)
    {
        byte[][] texts = [.. items.OfType<TextExpr>().Select(text => text.Bytes)];
        return texts.Length < 2 ? Choice(items) : Choice([new WordsExpr(texts), .. items.Where(item => item is not TextExpr)]);
    }

    public static Expr Optional(Expr item) => new RepeatExpr(item, 0, 1);

    /// <summary>Min to max times. Chains of *, + and ? become one of them.</summary>
    public static Expr Repeat(Expr item, int min, int? max)
    {
        if (max == 0 || item is SequenceExpr { Items.Count: 0 }) return Empty;
        if (min == 1 && max == 1) return item;
        if (item is RepeatExpr { Min: 0 or 1, Max: null or 1 } inner && min is 0 or 1 && max is null or 1) return new RepeatExpr(inner.Item, min * inner.Min, max is null ? null : inner.Max);
        return new RepeatExpr(item, min, max);
    }
}

/// <summary>These very bytes.</summary>
internal sealed class TextExpr(byte[] bytes) : Expr
{
    public byte[] Bytes => bytes;
}

/// <summary>One of the texts. They are compiled as a tree of what they begin with.</summary>
internal sealed class WordsExpr(IEnumerable<byte[]> words) : Expr
{
    public WordsExpr(IEnumerable<string> texts) : this(texts.Select(Encoding.UTF8.GetBytes))
    {
    }

    public byte[][] Words { get; } = [.. words.Distinct(ArrayComparer<byte>.Instance)];
}

/// <summary>One character.</summary>
internal sealed class CharsExpr(CharSet set) : Expr
{
    public CharSet Set => set;
}

internal sealed class SequenceExpr(IReadOnlyList<Expr> items) : Expr
{
    public IReadOnlyList<Expr> Items => items;
}

internal sealed class ChoiceExpr(IReadOnlyList<Expr> items) : Expr
{
    public IReadOnlyList<Expr> Items => items;
}

/// <summary>Min to Max times, without end where Max is null.</summary>
internal sealed class RepeatExpr(Expr item, int min, int? max) : Expr
{
    public Expr Item => item;

    public int Min => min;

    public int? Max => max;
}

/// <summary>What rule number <paramref name="rule"/> takes.</summary>
internal sealed class CallExpr(int rule) : Expr
{
    public int Rule => rule;
}

/// <summary>Items in order, a separator between those that are there, and <paramref name="close"/> after the last if there is one.</summary>
internal sealed class ListExpr(IReadOnlyList<ListItem> items, Expr separator, Expr close) : Expr
{
    public IReadOnlyList<ListItem> Items => items;

    public Expr Separator => separator;

    public Expr Close => close;
}

/// <summary>An item that is compiled once, as a rule of its own, wherever it stands.</summary>
internal sealed class SharedExpr(Expr item) : Expr
{
    public Expr Item => item;
}

/// <summary>The words of a deterministic automaton.</summary>
/// <param name="dfa">Over characters.</param>
/// <param name="spell">How a character of a set is written.</param>
/// <param name="tails">By state: what follows instead of its edges, for those that have a shorter form.</param>
internal sealed class LanguageExpr(Dfa dfa, Func<CharSet, Expr> spell, IReadOnlyDictionary<int, Expr> tails) : Expr
{
    public Dfa Dfa => dfa;

    public Func<CharSet, Expr> Spell => spell;

    public IReadOnlyDictionary<int, Expr> Tails => tails;
}

/// <summary>Takes no text, and holds at some places only. Of patterns; <see cref="TextLanguage"/> compiles it away.</summary>
internal sealed class AnchorExpr(Anchor anchor) : Expr
{
    public Anchor Anchor => anchor;
}

/// <summary>Takes no text, and holds where <paramref name="body"/> fits what comes after, or before. Of patterns; <see cref="TextLanguage"/> compiles it away.</summary>
internal sealed class LookExpr(Expr body, LookWhere where, bool wanted) : Expr
{
    public Expr Body => body;

    public LookWhere Where => where;

    /// <summary>False: it holds where the body does not fit.</summary>
    public bool Wanted => wanted;
}

internal enum Anchor
{
    /// <summary>The beginning of the text.</summary>
    Start,

    /// <summary>The end of the text.</summary>
    End,

    /// <summary>Between a word character and another, or an end of the text.</summary>
    WordEdge,

    /// <summary>Anywhere else.</summary>
    NoWordEdge,
}

internal enum LookWhere
{
    Ahead,
    Behind,
}

internal readonly record struct ListItem(Expr Item, ListSkip Skip);

/// <summary>What may come instead of an item.</summary>
internal enum ListSkip
{
    /// <summary>Nothing: it must be there.</summary>
    Never,

    /// <summary>The next item.</summary>
    ToNext,

    /// <summary>The end of the list.</summary>
    ToEnd,

    /// <summary>The next item; and it may come any number of times.</summary>
    Loop,
}
