namespace Coppice.Constraints.Schemas;

/// <summary>
/// An object whose properties are counted, or one of which is to be a witness. A property that comes twice counts once with every reader, and its last
/// value is the one that counts; so additional properties that must be different begin with rising characters, and a witness among them is the last.
/// </summary>
internal sealed class CountedObject(
    ObjectShape shape, IReadOnlyList<Named> named, List<(TextLanguage? Keys, Goal Goal)> others, HashSet<string> taken, SchemaTable table, GoalProbe probe, JsonRules rules, Func<Goal, Expr> write)
{
    private const string Initials = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

    private readonly int _most = Math.Min(shape.Max, int.MaxValue - 1);
    private readonly int _all = (1 << shape.Witnesses.Count) - 1;
    private readonly Dictionary<(int Kind, int Initial), Expr?> _keys = [];

    public Expr Write()
    {
        if (shape.Witnesses.Count > 8) throw new InvalidRequestException("The schema asks by not, oneOf or if for more than 8 properties that are not named in one object. Name them.");
        return ListMachine.Make(rules, "counted properties", ("{", "}"), new State(0, 0, 0, -1), at => at.Next < named.Count ? NamedSteps(at) : OtherSteps(at), Accepts, table.Budget);
    }

    /// <param name="Next">The named property that may come next; after them all others may, and after one more none.</param>
    /// <param name="Count">Properties so far, as far as it matters.</param>
    /// <param name="Witnessed">A bit for each witness that has come.</param>
    /// <param name="Initial">What the last additional property begins with, of those that had to be different; -1 before the first.</param>
    private readonly record struct State(int Next, int Count, int Witnessed, int Initial);

    private bool Accepts(State at) => at.Next >= named.Count && at.Count >= shape.Min && at.Witnessed == _all;

    private int After(int count) => Math.Min(count + 1, shape.Max < int.MaxValue ? Math.Max(shape.Min, _most) : shape.Min);

    private IEnumerable<(Expr?, State)> NamedSteps(State at)
    {
        Named property = named[at.Next];
        if (!property.IsRequired) yield return (null, at with { Next = at.Next + 1 });
        if (at.Count >= _most) yield break;
        State after = at with { Next = at.Next + 1, Count = After(at.Count) };
        for (int chosen = 0; chosen <= _all; chosen++)
        {
            if ((chosen & at.Witnessed) != 0 || Concerned(chosen, property.Name) is not Goal asked) continue;
            Goal goal = table.And(property.Goal, asked);
            if (!probe.IsVoid(goal)) yield return (property.Member(goal, write), after with { Witnessed = at.Witnessed | chosen });
        }
    }

    /// <summary>What the chosen witnesses ask of a property; null if the name does not concern one of them.</summary>
    private Goal? Concerned(int chosen, string name)
    {
        Goal goal = table.True;
        for (int w = 0; w < shape.Witnesses.Count; w++)
        {
            if ((chosen >> w & 1) == 0) continue;
            if (!shape.Witnesses[w].Concerns(name, table.Budget)) return null;
            goal = table.And(goal, shape.Witnesses[w].Goal);
        }
        return goal;
    }

    private IEnumerable<(Expr?, State)> OtherSteps(State at)
    {
        if (at.Next > named.Count || at.Count >= _most) yield break;
        bool mustDiffer = at.Count < shape.Min;
        for (int kind = 0; kind < others.Count; kind++)
        {
            Expr value = write(others[kind].Goal);
            if (!mustDiffer)
            {
                if (Key(kind, -1) is Expr key) yield return (JsonRules.Member(key, value), at with { Count = After(at.Count) });
            }
            else if (shape.Min - at.Count == 1 && at.Initial < 0)
            {
                // Nothing came before that it could repeat.
                if (Key(kind, -1) is Expr key) yield return (JsonRules.Member(key, value), at with { Count = After(at.Count), Initial = Initials.Length });
            }
            else
            {
                for (int initial = at.Initial + 1; initial < Initials.Length; initial++)
                    if (Key(kind, initial) is Expr key) yield return (JsonRules.Member(key, value), at with { Count = After(at.Count), Initial = initial });
            }
        }
        if (at.Witnessed == _all || shape.Min - at.Count > 1 || (mustDiffer && at.Initial >= 0)) yield break;
        foreach ((Expr key, Goal goal) in LastWitness(at.Witnessed)) yield return (JsonRules.Member(key, write(goal)), new State(named.Count + 1, After(at.Count), _all, -1));
    }

    /// <summary>A property that is all witnesses which are still missing.</summary>
    private IEnumerable<(Expr Key, Goal Goal)> LastWitness(int witnessed)
    {
        BuildBudget budget = table.Budget;
        foreach ((TextLanguage? keys, Goal goal) in others)
        {
            TextLanguage language = keys ?? TextLanguage.Everything;
            Goal asked = goal;
            for (int w = 0; w < shape.Witnesses.Count; w++)
            {
                if ((witnessed >> w & 1) != 0) continue;
                KeyRule rule = shape.Witnesses[w];
                TextLanguage own = rule.Keys.Languages.Aggregate(TextLanguage.Words(rule.Keys.Names, budget), (a, b) => a.Or(b, budget));
                language = rule.IsOutside ? language.Except(own, budget) : language.And(own, budget);
                asked = table.And(asked, rule.Goal);
            }
            if (!language.IsEmpty(budget) && !probe.IsVoid(asked)) yield return (ObjectWriter.Key(language, taken, rules, budget), asked);
        }
    }

    /// <summary>A key of a kind that begins with a character, or any; null if there is none.</summary>
    private Expr? Key(int kind, int initial)
    {
        if (_keys.TryGetValue((kind, initial), out Expr? known)) return known;
        TextLanguage? keys = others[kind].Keys;
        if (initial >= 0)
        {
            TextLanguage begins = TextLanguage.FromPattern($"^{Initials[initial]}", "a key", table.Budget);
            keys = keys is null ? begins : keys.And(begins, table.Budget);
            if (keys.IsEmpty(table.Budget)) return _keys[(kind, initial)] = null;
        }
        return _keys[(kind, initial)] = new SharedExpr(ObjectWriter.Key(keys, taken, rules, table.Budget));
    }
}
