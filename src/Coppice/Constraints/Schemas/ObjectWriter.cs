namespace Coppice.Constraints.Schemas;

/// <summary>
/// Writes the shapes of objects as expressions. Properties come in the order in which the schema names them, then additional ones. Where a schema names
/// properties and says nothing of others, there are none: weak models would else not find the end, and what is left out is valid too.
/// </summary>
internal sealed class ObjectWriter(SchemaTable table, GoalProbe probe, JsonRules rules, Func<Goal, Expr> write)
{
    private BuildBudget Budget => table.Budget;

    public Expr Write(ObjectShape shape)
    {
        List<Named> named = [];
        HashSet<string> taken = new(StringComparer.Ordinal);
        foreach (string name in Names(shape))
        {
            taken.Add(name);
            Budget.Steps(20);
            Goal goal = shape.GoalOf(name, table);
            bool isRequired = shape.Required.Contains(name);
            if (!probe.IsVoid(goal)) named.Add(new Named(name, goal, isRequired));
            else if (isRequired) return Expr.Nothing;
        }
        foreach (KeyRule rule in shape.Rules) taken.UnionWith(rule.Keys.Names);

        int required = shape.Required.Count;
        bool needsOthers = shape.Min > named.Count || shape.Witnesses.Count > 0;
        bool mayHaveOthers = !(shape.NamesSome && named.Count > 0 && !shape.SpeaksOfOthers) || needsOthers;
        List<(TextLanguage? Keys, Goal Goal)> others = mayHaveOthers && shape.Max > required ? Others(shape) : [];
        bool isCounted = shape.Min > required || (shape.Max < int.MaxValue && (others.Count > 0 || shape.Max < named.Count)) || shape.Witnesses.Count > 0;
        return isCounted ? new CountedObject(shape, named, others, taken, table, probe, rules, write).Write() : Plain(named, others, taken);
    }

    private Expr Plain(List<Named> named, List<(TextLanguage? Keys, Goal Goal)> others, HashSet<string> taken)
    {
        List<ListItem> members = [.. named.Select(property => new ListItem(property.Member(write), property.IsRequired ? ListSkip.Never : ListSkip.ToNext))];
        if (others.Count > 0)
            members.Add(new ListItem(Expr.Choice([.. others.Select(other => JsonRules.Member(Key(other.Keys, taken, rules, Budget), write(other.Goal)))]), ListSkip.Loop));
        return rules.Object(members);
    }

    /// <summary>A key of the language, or any, that is none of those taken.</summary>
    public static Expr Key(TextLanguage? keys, HashSet<string> taken, JsonRules rules, BuildBudget budget)
    {
        if (keys is null) return rules.KeyExcept(taken, budget);
        string[] among = [.. taken.Where(name => keys.Contains(name, budget))];
        return new SharedExpr(JsonRules.Quoted((among.Length == 0 ? keys : keys.Except(TextLanguage.Words(among, budget), budget)).ToExpr(JsonRules.Spelled, budget)));
    }

    /// <summary>Names that are spoken of; also those of a rule that leaves no others.</summary>
    private static IEnumerable<string> Names(ObjectShape shape)
    {
        IEnumerable<string> names = shape.Order.Concat(shape.Values.Keys);
        KeyRule closing = shape.Rules.FirstOrDefault(rule => Closes(rule));
        return (closing.Keys is null ? names : names.Concat(closing.Keys.Names)).Distinct(StringComparer.Ordinal);
    }

    private static bool Closes(KeyRule rule) => rule.IsOutside && rule.Keys.Languages.Count == 0 && rule.Goal.Literals is [-1];

    /// <summary>Kinds of properties beside those that are named: a language of keys, null where it is any, and what their values must reach.</summary>
    private List<(TextLanguage? Keys, Goal Goal)> Others(ObjectShape shape)
    {
        List<(TextLanguage? Keys, Goal Goal)> kinds = [(null, table.True)];
        foreach (KeyRule rule in shape.Rules)
        {
            if (rule.Keys.Languages.Count == 0)
            {
                if (rule.IsOutside) kinds = [.. kinds.Select(kind => (kind.Keys, table.And(kind.Goal, rule.Goal)))];
                continue;
            }
            TextLanguage inside = rule.Keys.Languages.Aggregate((a, b) => a.Or(b, Budget));
            List<(TextLanguage?, Goal)> split = [];
            foreach ((TextLanguage? keys, Goal goal) in kinds)
            {
                TextLanguage all = keys ?? TextLanguage.Everything;
                TextLanguage within = all.And(inside, Budget), beyond = all.Except(inside, Budget);
                (TextLanguage concerned, TextLanguage rest) = rule.IsOutside ? (beyond, within) : (within, beyond);
                if (!concerned.IsEmpty(Budget)) split.Add((concerned, table.And(goal, rule.Goal)));
                if (!rest.IsEmpty(Budget)) split.Add((rest, goal));
            }
            kinds = split;
        }
        return [.. kinds.Where(kind => !probe.IsVoid(kind.Goal))];
    }
}

/// <summary>A property with a name of its own.</summary>
internal readonly record struct Named(string Name, Goal Goal, bool IsRequired)
{
    public Expr Member(Func<Goal, Expr> write) => Member(Goal, write);

    public Expr Member(Goal goal, Func<Goal, Expr> write) => JsonRules.Member(Expr.Text(JsonRules.TextOf(Name)), write(goal));
}
