namespace Coppice.Constraints;

/// <summary>
/// A regular set of texts, counted in code points: what patterns, lists of words and lengths describe, and what is made of them by and, or and not.
/// A pattern that nothing is added to stays as it is written, and bounds of length stay numbers, as long as no automaton is needed. Immutable; for one thread.
/// </summary>
internal sealed class TextLanguage
{
    public static readonly TextLanguage Everything = new(Dfa.Everything, Length.Any);

    public static readonly TextLanguage Nothing = new(Dfa.Nothing, Length.Any);

    private readonly Expr? _pattern;
    private readonly PatternReach _reach;
    private readonly Length _length;   // beside what the automaton says
    private Dfa? _dfa;

    private TextLanguage(Expr? pattern, PatternReach reach, Dfa? dfa, Length length)
    {
        (_pattern, _reach, _dfa, _length) = (pattern, reach, dfa, length);
    }

    private TextLanguage(Dfa dfa, Length length)
    {
        (_dfa, _length) = (dfa, length);
    }

    /// <summary>This text alone.</summary>
    public static TextLanguage Of(string text, BuildBudget budget) => Words([text], budget);

    /// <summary>These texts.</summary>
    public static TextLanguage Words(IEnumerable<string> texts, BuildBudget budget) => new(WordDfa.Make(texts, budget), Length.Any);

    /// <summary>Texts of min to max code points; null is without end.</summary>
    public static TextLanguage Lengths(int min, int? max) => max < min ? Nothing : new(Dfa.Everything, new Length(min, max));

    /// <summary>Texts that a pattern fits somewhere, as JSON Schema takes patterns.</summary>
    /// <param name="pattern">In ECMAScript's notation.</param>
    /// <param name="what">Its place, which begins messages.</param>
    /// <param name="budget">Pays.</param>
    /// <exception cref="InvalidRequestException">It is malformed or too large, or asks for what is not supported.</exception>
    public static TextLanguage FromPattern(string pattern, string what, BuildBudget budget) => new(PatternReader.Read(pattern, what, budget), PatternReach.Anywhere, null, Length.Any);

    /// <summary>Texts that a pattern fits from end to end.</summary>
    /// <inheritdoc cref="FromPattern"/>
    public static TextLanguage FromWholePattern(string pattern, string what, BuildBudget budget) =>
        new(PatternReader.Read(pattern, what, budget), PatternReach.Whole, null, Length.Any);

    /// <summary>The words of an automaton.</summary>
    public static TextLanguage Of(Dfa dfa) => new(dfa, Length.Any);

    /// <summary>The length, where nothing else is asked of texts; else null.</summary>
    public Length? OnlyLength => _dfa is { IsEverything: true } ? _length : null;

    /// <summary>It is a pattern that no automaton has been needed for.</summary>
    public bool IsWrittenPattern => _dfa is null;

    public TextLanguage And(TextLanguage other, BuildBudget budget)
    {
        if (ReferenceEquals(this, Everything)) return other;
        if (ReferenceEquals(other, Everything)) return this;
        if (_length.And(other._length) is not Length both) return Nothing;
        bool isLength = _dfa is { IsEverything: true }, isOtherLength = other._dfa is { IsEverything: true };
        if (isLength || isOtherLength) return isLength ? other.Measured(both) : Measured(both);
        return new TextLanguage(Dfa.And(Automaton(budget), other.Automaton(budget), budget), both);
    }

    public TextLanguage Or(TextLanguage other, BuildBudget budget) => new(Dfa.Or(Whole(budget), other.Whole(budget), budget), Length.Any);

    public TextLanguage Except(TextLanguage other, BuildBudget budget) =>
        // The lengths of what is taken from may stay numbers.
        new(Dfa.Except(Automaton(budget), other.Whole(budget), budget), _length);

    public TextLanguage Complement(BuildBudget budget) => Everything.Except(this, budget);

    /// <summary>Whether no text is in it.</summary>
    public bool IsEmpty(BuildBudget budget) => Automaton(budget).IsEmpty || (!_length.IsAny && Whole(budget).IsEmpty);

    /// <summary>Whether all texts are in it.</summary>
    public bool IsEverything(BuildBudget budget) => _length.IsAny && Automaton(budget).IsEverything;

    public bool Contains(string text, BuildBudget budget) => _length.Contains(text.EnumerateRunes().Count()) && Automaton(budget).Contains(text);

    /// <summary>All of its texts, where they are no more than <paramref name="most"/>, in the order of their characters.</summary>
    public bool TryEnumerate(int most, BuildBudget budget, out IReadOnlyList<string> texts)
    {
        texts = WordDfa.Words(Whole(budget), most, budget) ?? [];
        return texts.Count > 0 || IsEmpty(budget);
    }

    /// <summary>How it is made of characters.</summary>
    /// <param name="spell">How a character of a set is written.</param>
    /// <param name="budget">Pays.</param>
    public Expr ToExpr(Func<CharSet, Expr> spell, BuildBudget budget)
    {
        if (_pattern is not null && _length.IsAny && PlainPattern.TryMake(_pattern, _reach, spell, budget) is Expr plain) return plain;
        Dfa dfa = Automaton(budget);
        if (_length.IsAny) return new LanguageExpr(dfa, spell, new Dictionary<int, Expr>());
        return dfa.IsEverything ? Expr.Repeat(spell(CharSet.All), _length.Min, _length.Max) : MeasuredDfa.ToExpr(dfa, _length, spell, budget);
    }

    private TextLanguage Measured(Length length) => new(_pattern, _reach, _dfa, length);

    /// <summary>The automaton, to which the lengths come.</summary>
    private Dfa Automaton(BuildBudget budget) => _dfa ??= PatternDeterminiser.Make(_pattern!, _reach, budget);

    /// <summary>The automaton with the lengths in it.</summary>
    private Dfa Whole(BuildBudget budget) => _length.IsAny ? Automaton(budget) : Dfa.And(Automaton(budget), MeasuredDfa.Of(_length, budget), budget);
}

/// <summary>From Min to Max code points; without end where Max is null.</summary>
internal readonly record struct Length(int Min, int? Max)
{
    public static readonly Length Any = new(0, null);

    public bool IsAny => this == Any;

    public bool Contains(int count) => count >= Min && !(count > Max);

    /// <summary>What is in both; null where nothing is.</summary>
    public Length? And(Length other)
    {
        int min = Math.Max(Min, other.Min);
        int? max = Max is int a && other.Max is int b ? Math.Min(a, b) : Max ?? other.Max;
        return max < min ? null : new Length(min, max);
    }
}
