namespace Coppice.Constraints;

/// <summary>Patterns whose only assertions are ^ and $ at the ends of the outermost alternatives. They need no deterministic automaton, which may be exponentially larger.</summary>
internal static class PlainPattern
{
    /// <summary>The texts that the pattern fits, whole or anywhere; null if it has other assertions.</summary>
    public static Expr? TryMake(Expr pattern, PatternReach reach, Func<CharSet, Expr> spell, BuildBudget budget)
    {
        Speller speller = new(spell, budget);
        IReadOnlyList<Expr> around = reach == PatternReach.Whole ? [] : [Expr.Repeat(speller.Spell(CharSet.All), 0, null)];
        List<Expr> ways = [];
        foreach (Expr alternative in pattern is ChoiceExpr choice ? choice.Items : [pattern])
        {
            IReadOnlyList<Expr> items = alternative is SequenceExpr sequence ? sequence.Items : [alternative];
            int from = 0, to = items.Count;
            while (from < to && items[from] is AnchorExpr { Anchor: Anchor.Start }) from++;
            while (to > from && items[to - 1] is AnchorExpr { Anchor: Anchor.End }) to--;
            List<Expr> spelled = from > 0 ? [] : [.. around];
            for (int i = from; i < to; i++)
            {
                if (speller.Spelled(items[i]) is not Expr item) return null;
                spelled.Add(item);
            }
            if (to == items.Count) spelled.AddRange(around);
            ways.Add(Speller.Joined(spelled));
        }
        return Expr.ChoiceOfTexts(ways);
    }

    private sealed class Speller(Func<CharSet, Expr> spell, BuildBudget budget)
    {
        // Ranges of a set that are cheaper to repeat than to call.
        private const int InlineRanges = 8;

        private readonly Dictionary<CharSet, Expr> _known = [];

        public Expr Spell(CharSet set)
        {
            if (_known.TryGetValue(set, out Expr? known)) return known;
            Expr spelled = spell(set);
            if (spelled is CharsExpr { Set.Ranges: [(int from, int to)] } && from == to) return _known[set] = Expr.Text(char.ConvertFromUtf32(from));
            if (spelled is TextExpr) return _known[set] = spelled;
            return _known[set] = spelled is CharsExpr { Set.Ranges.Length: <= InlineRanges } ? spelled : new SharedExpr(spelled);
        }

        /// <summary>Null: it has assertions.</summary>
        public Expr? Spelled(Expr expr)
        {
            budget.Nodes(1);
            budget.Bytes(32);
            switch (expr)
            {
                case CharsExpr chars:
                    return Spell(chars.Set);
                case RepeatExpr repeat:
                    return Spelled(repeat.Item) is Expr item ? Expr.Repeat(item, repeat.Min, repeat.Max) : null;
                case SequenceExpr sequence:
                    return All(sequence.Items) is { } items ? Joined(items) : null;
                case ChoiceExpr choice:
                    return All(choice.Items) is { } ways ? Expr.ChoiceOfTexts(ways) : null;
                default:
                    return null;
            }
        }

        /// <summary>A sequence, or one text if it is of texts.</summary>
        public static Expr Joined(IReadOnlyList<Expr> items)
        {
            if (items.Count == 1 || !items.All(item => item is TextExpr)) return Expr.Sequence(items);
            return new TextExpr([.. items.SelectMany(item => ((TextExpr)item).Bytes)]);
        }

        private List<Expr>? All(IReadOnlyList<Expr> items)
        {
            List<Expr> spelled = new(items.Count);
            foreach (Expr item in items)
            {
                if (Spelled(item) is not Expr one) return null;
                spelled.Add(one);
            }
            return spelled;
        }
    }
}
