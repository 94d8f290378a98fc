namespace Coppice.Constraints.Schemas;

/// <summary>Writes sets of strings, numbers and atoms as expressions.</summary>
internal sealed class ScalarWriter(JsonRules rules, BuildBudget budget)
{
    // Zeros that may end a number behind its point.
    private const int Zeros = 6;

    private static readonly Func<CharSet, Expr> s_plain = set => new CharsExpr(set);

    public IEnumerable<Expr> Write(AtomSet atoms) => atoms.Words.Any() ? [new WordsExpr(atoms.Words)] : [];

    public IEnumerable<Expr> Write(StringSet strings)
    {
        if (strings.Texts is { } texts) return texts.Count > 0 ? [new WordsExpr(texts.Select(JsonRules.TextOf))] : [];
        TextLanguage language = strings.Language(budget);
        if (language.OnlyLength is not Length length) return [new SharedExpr(JsonRules.Quoted(language.ToExpr(JsonRules.Spelled, budget)))];
        return [length.IsAny ? rules.String : JsonRules.Quoted(Expr.Repeat(rules.Char, length.Min, length.Max))];
    }

    public IEnumerable<Expr> Write(NumberSet numbers)
    {
        if (ReferenceEquals(numbers, NumberSet.All)) return [rules.Number];
        if (ReferenceEquals(numbers, NumberSet.Integers)) return [rules.Integer];
        if (numbers.List is { } list) return list.Count > 0 ? [new WordsExpr(list.Values.Concat(list.Keys.Where(plain => !plain.Contains('e', StringComparison.Ordinal))))] : [];
        TextLanguage language = numbers.Language(budget);
        if (!numbers.IsWide) language = language.And(NumberLanguage.Short, budget);
        TextLanguage whole = language.And(NumberLanguage.Whole, budget), broken = language.Except(NumberLanguage.Whole, budget);
        List<Expr> ways = [];
        Expr zero = Expr.Text("0");
        if (!whole.IsEmpty(budget))
        {
            Expr digits = whole.ToExpr(s_plain, budget);
            ways.Add(numbers.IsWhole ? digits : Expr.Sequence([digits, Expr.Optional(Expr.Sequence([Expr.Text("."), Expr.Repeat(zero, 1, Zeros)]))]));
        }
        if (!broken.IsEmpty(budget)) ways.Add(Expr.Sequence([broken.ToExpr(s_plain, budget), Expr.Repeat(zero, 0, Zeros)]));
        return ways;
    }
}
