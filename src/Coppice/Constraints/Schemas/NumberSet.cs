namespace Coppice.Constraints.Schemas;

/// <summary>An end of an interval.</summary>
internal readonly record struct NumberBound(Decimal10 At, bool IsOpen);

/// <summary>A number that all are to be a multiple of: Digits / 10^Decimals.</summary>
internal readonly record struct NumberStep(int Digits, int Decimals);

/// <summary>
/// Numbers: listed ones; an interval, whole or not, of multiples; or a language of their plain texts, which have neither exponent nor superfluous zeros,
/// so that equal numbers are equal texts.
/// </summary>
internal sealed class NumberSet
{
    public static readonly NumberSet All = new() { Steps = [] };

    public static readonly NumberSet None = Listed([]);

    public static readonly NumberSet Integers = new() { Steps = [], IsWhole = true };

    private TextLanguage? _language;

    /// <summary>By plain text: how the schema spells it. Null where they are not listed.</summary>
    public Dictionary<string, string>? List { get; private init; }

    public bool IsWhole { get; private init; }

    public NumberBound? Low { get; private init; }

    public NumberBound? High { get; private init; }

    private IReadOnlyList<NumberStep>? Steps { get; init; }

    /// <summary>Numbers of more digits than 64 bits hold are spoken of.</summary>
    public bool IsWide { get; private init; }

    private bool IsInterval => Steps is not null;

    public static NumberSet Listed(Dictionary<string, string> list) => new() { List = list };

    public static NumberSet Above(NumberBound low) => new() { Steps = [], Low = low, IsWide = low.At.WholeDigits > JsonRules.IntegerDigits };

    public static NumberSet Below(NumberBound high) => new() { Steps = [], High = high, IsWide = high.At.WholeDigits > JsonRules.IntegerDigits };

    public static NumberSet Multiples(NumberStep step) => new() { Steps = [step] };

    public NumberSet And(NumberSet other, BuildBudget budget)
    {
        if (ReferenceEquals(this, All)) return other;
        if (ReferenceEquals(other, All) || ReferenceEquals(this, other)) return this;
        if (List is not null || other.List is not null) return List is null ? other.Among(this, budget) : Among(other, budget);
        if (!IsInterval || !other.IsInterval) return new() { _language = Language(budget).And(other.Language(budget), budget), IsWide = IsWide || other.IsWide };
        if (ReferenceEquals(this, Integers) && other is { IsWhole: true }) return other;
        return new NumberSet
        {
            IsWhole = IsWhole || other.IsWhole,
            Low = Tighter(Low, other.Low, 1),
            High = Tighter(High, other.High, -1),
            Steps = [.. Steps!.Union(other.Steps!)],
            IsWide = IsWide || other.IsWide,
        };
    }

    public NumberSet Or(NumberSet other, BuildBudget budget)
    {
        if (List is { Count: 0 } || ReferenceEquals(this, other)) return other;
        if (other.List is { Count: 0 }) return this;
        if (ReferenceEquals(this, All) || ReferenceEquals(other, All)) return All;
        if (List is null || other.List is null) return new() { _language = Language(budget).Or(other.Language(budget), budget), IsWide = IsWide || other.IsWide };
        budget.Steps(4 * (List.Count + other.List.Count));
        budget.Bytes(40L * (List.Count + other.List.Count));
        Dictionary<string, string> both = new(List, StringComparer.Ordinal);
        foreach ((string plain, string spelled) in other.List) both.TryAdd(plain, spelled);
        return Listed(both);
    }

    public NumberSet Complement(BuildBudget budget)
    {
        if (ReferenceEquals(this, All)) return None;
        if (List is { Count: 0 }) return All;
        return new() { _language = NumberLanguage.Plain.Except(Language(budget), budget), IsWide = IsWide };
    }

    /// <summary>Whether no number is in it, for certain: numbers of more digits than are produced count too.</summary>
    public bool IsVoid => List is { Count: 0 } || (Low is NumberBound low && High is NumberBound high && low.At.CompareTo(high.At) is var order && (order > 0 || (order == 0 && (low.IsOpen || high.IsOpen))));

    public bool Overlaps(NumberSet other) => List is null || other.List is null || List.Keys.Any(other.List.ContainsKey);

    /// <summary>The plain texts.</summary>
    public TextLanguage Language(BuildBudget budget) => _language ??= Make(budget);

    private TextLanguage Make(BuildBudget budget)
    {
        if (List is not null) return TextLanguage.Words(List.Keys, budget);
        TextLanguage language = IsWhole ? NumberLanguage.Whole : NumberLanguage.Plain;
        if (Low is NumberBound low) language = language.And(NumberLanguage.Above(low, budget), budget);
        if (High is NumberBound high) language = language.And(NumberLanguage.Below(high, budget), budget);
        foreach (NumberStep step in Steps!) language = language.And(NumberLanguage.Multiples(step, budget), budget);
        return language;
    }

    private NumberSet Among(NumberSet others, BuildBudget budget)
    {
        budget.Steps(8 * List!.Count);
        Dictionary<string, string> left = new(StringComparer.Ordinal);
        foreach ((string plain, string spelled) in List)
        {
            if (!others.Contains(plain, spelled, budget)) continue;
            budget.Bytes(40);
            left[plain] = spelled;
        }
        return Listed(left);
    }

    private bool Contains(string plain, string spelled, BuildBudget budget)
    {
        if (List is not null) return List.ContainsKey(plain);
        if (!IsInterval) return _language!.Contains(plain, budget);
        Decimal10 number = Decimal10.Parse(spelled);
        return (!IsWhole || number.IsWhole)
            && (Low is not NumberBound low || number.CompareTo(low.At) is var below && (below > 0 || (below == 0 && !low.IsOpen)))
            && (High is not NumberBound high || number.CompareTo(high.At) is var above && (above < 0 || (above == 0 && !high.IsOpen)))
            && Steps!.All(step => NumberLanguage.Multiples(step, budget).Contains(plain, budget));
    }

    private static NumberBound? Tighter(NumberBound? a, NumberBound? b, int side)
    {
        if (a is not NumberBound x || b is not NumberBound y) return a ?? b;
        int order = x.At.CompareTo(y.At) * side;
        return order > 0 || (order == 0 && x.IsOpen) ? x : y;
    }
}
