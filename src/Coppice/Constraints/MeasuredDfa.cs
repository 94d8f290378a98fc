namespace Coppice.Constraints;

/// <summary>Automata whose words are held to a length.</summary>
internal static class MeasuredDfa
{
    // Counted repetitions are shorter than states that count, as long as they are few.
    private const int MaxTails = 8;

    /// <summary>All texts of the length.</summary>
    public static Dfa Of(Length length, BuildBudget budget)
    {
        int states = (length.Max ?? length.Min) + 1;
        budget.Nodes(states);
        budget.Bytes(8L * states);
        int[] next = [.. Enumerable.Range(1, states - 1), length.Max is null ? states - 1 : Dfa.None];
        bool[] accepts = [.. Enumerable.Range(0, states).Select(length.Contains)];
        return Dfa.Of(Alphabet.Whole, next, accepts, budget);
    }

    /// <summary>The words of an automaton that have the length. A state that only leads to itself becomes a repetition, where such are few.</summary>
    public static Expr ToExpr(Dfa dfa, Length length, Func<CharSet, Expr> spell, BuildBudget budget)
    {
        List<(int State, int Count)> pairs = [(0, 0)];
        Dictionary<(int, int), int> numbers = new() { [(0, 0)] = 0 };
        int k = dfa.Alphabet.Count, tails = 0;
        int last = length.Max ?? length.Min;
        for (int s = 0; s < pairs.Count && tails <= MaxTails; s++)
        {
            (int state, int count) = pairs[s];
            if (IsTail(dfa, state))
            {
                tails++;
                continue;
            }
            if (count == last && length.Max is not null) continue;
            budget.Nodes(1);
            budget.Bytes(64);
            foreach (int to in dfa.Next(state))
            {
                budget.Step();
                (int, int) pair = (to, Math.Min(count + 1, last));
                if (to == Dfa.None || numbers.ContainsKey(pair)) continue;
                numbers[pair] = pairs.Count;
                pairs.Add(pair);
            }
        }
        if (tails > MaxTails) return new LanguageExpr(Dfa.And(dfa, Of(length, budget), budget), spell, new Dictionary<int, Expr>());

        budget.Bytes(8L * k * pairs.Count);
        int[] next = new int[pairs.Count * k];
        Array.Fill(next, Dfa.None);
        Dictionary<int, Expr> ends = [];
        for (int s = 0; s < pairs.Count; s++)
        {
            (int state, int count) = pairs[s];
            if (IsTail(dfa, state)) ends[s] = Expr.Repeat(spell(dfa.Edges(state).Single().Set), Math.Max(0, length.Min - count), length.Max - count);
            else if (count < last || length.Max is null)
                for (int c = 0; c < k; c++) next[(s * k) + c] = dfa.Next(state)[c] is var to && to == Dfa.None ? Dfa.None : numbers[(to, Math.Min(count + 1, last))];
        }
        return new LanguageExpr(Dfa.Raw(dfa.Alphabet, next, [.. pairs.Select(pair => dfa.Accepts(pair.State) && length.Contains(pair.Count))]), spell, ends);
    }

    /// <summary>Whether all words from a state on are repetitions of characters that lead back to it.</summary>
    private static bool IsTail(Dfa dfa, int state)
    {
        if (!dfa.Accepts(state)) return false;
        bool leads = false;
        foreach (int to in dfa.Next(state))
        {
            if (to != Dfa.None && to != state) return false;
            leads |= to == state;
        }
        return leads;
    }
}
