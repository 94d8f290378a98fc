namespace Coppice.Constraints.Schemas;

/// <summary>Arrays and objects that are counted while they are written: a rule for each state, each the last call of those before it, so that none stays on the stack.</summary>
internal static class ListMachine
{
    /// <param name="rules">Take the states in.</param>
    /// <param name="name">What messages call it.</param>
    /// <param name="brackets">Around the list.</param>
    /// <param name="start">The state before the first item.</param>
    /// <param name="steps">What may come in a state, and the state after it; without an item where it is left out.</param>
    /// <param name="accepts">Whether the list may end in a state.</param>
    /// <param name="budget">Pays.</param>
    public static Expr Make<TState>(JsonRules rules, string name, (string Open, string Close) brackets, TState start, Func<TState, IEnumerable<(Expr? Item, TState Next)>> steps, Func<TState, bool> accepts, BuildBudget budget)
        where TState : IEquatable<TState>
    {
        Dictionary<(TState State, bool Begun), int> ruleOf = [];
        Queue<(TState State, bool Begun)> open = new();
        Expr all = Expr.Sequence([Expr.Text(brackets.Open), rules.Whitespace, At(start, false)]);
        while (open.TryDequeue(out (TState State, bool Begun) at))
        {
            List<Expr> ways = [];
            foreach ((Expr? item, TState next) in steps(at.State))
            {
                budget.Nodes(1);
                budget.Bytes(200);
                if (item is null) ways.Add(At(next, at.Begun));
                else ways.Add(at.Begun ? Expr.Sequence([rules.Comma, item, At(next, true)]) : Expr.Sequence([item, At(next, true)]));
            }
            if (accepts(at.State)) ways.Add(at.Begun ? Expr.Sequence([rules.Whitespace, Expr.Text(brackets.Close)]) : Expr.Text(brackets.Close));
            rules.Set(ruleOf[at], Expr.Choice(ways));
        }
        return all;

        CallExpr At(TState state, bool begun)
        {
            if (ruleOf.TryGetValue((state, begun), out int rule)) return new CallExpr(rule);
            budget.Nodes(1);
            budget.Bytes(300);
            ruleOf[(state, begun)] = rule = rules.Reserve(name);
            open.Enqueue((state, begun));
            return new CallExpr(rule);
        }
    }
}
