namespace Coppice.Constraints.Schemas;

/// <summary>Names of properties: some, or those of languages.</summary>
internal sealed class KeySet(IReadOnlySet<string> names, IReadOnlyList<TextLanguage> languages)
{
    public static readonly KeySet None = new(new HashSet<string>(), []);

    public static readonly KeySet All = new(new HashSet<string>(), [TextLanguage.Everything]);

    public IReadOnlySet<string> Names => names;

    public IReadOnlyList<TextLanguage> Languages => languages;

    public bool IsNone => names.Count == 0 && languages.Count == 0;

    public static KeySet Of(string name) => new(new HashSet<string>(StringComparer.Ordinal) { name }, []);

    public bool Contains(string name, BuildBudget budget)
    {
        budget.Steps(1 + (languages.Count * (4 + name.Length)));
        return names.Contains(name) || languages.Any(language => language.Contains(name, budget));
    }

    public KeySet Or(KeySet other, BuildBudget budget)
    {
        if (IsNone) return other;
        if (other.IsNone) return this;
        budget.Steps(4 * (names.Count + other.Names.Count));
        budget.Bytes(32L * (names.Count + other.Names.Count));
        return new KeySet(new HashSet<string>([.. names, .. other.Names], StringComparer.Ordinal), [.. languages.Union(other.Languages)]);
    }
}

/// <summary>Each property whose name is in the keys, or is not, has a value that reaches the goal.</summary>
internal readonly record struct KeyRule(KeySet Keys, bool IsOutside, Goal Goal)
{
    public bool Concerns(string name, BuildBudget budget) => Keys.Contains(name, budget) != IsOutside;
}

/// <summary>Objects, as all of its rules leave them.</summary>
internal sealed class ObjectShape
{
    public static readonly ObjectShape Any = new();

    /// <summary>Names that schemas speak of, in their order.</summary>
    public IReadOnlyList<string> Order { get; init; } = [];

    /// <summary>What the values of named properties must reach, where that is something.</summary>
    public IReadOnlyDictionary<string, Goal> Values { get; init; } = new Dictionary<string, Goal>();

    public IReadOnlySet<string> Required { get; init; } = new HashSet<string>();

    public IReadOnlyList<KeyRule> Rules { get; init; } = [];

    /// <summary>Of each of these there is a property that the rule concerns, and its value reaches the goal.</summary>
    public IReadOnlyList<KeyRule> Witnesses { get; init; } = [];

    public int Min { get; init; }

    public int Max { get; init; } = int.MaxValue;

    /// <summary>A schema names properties.</summary>
    public bool NamesSome { get; init; }

    /// <summary>A schema says something of properties that are not named, other than that there are none.</summary>
    public bool SpeaksOfOthers { get; init; }

    /// <summary>What unevaluatedProperties does not look at.</summary>
    public KeySet Evaluated { get; init; } = KeySet.None;

    public static ObjectShape Requiring(string name, Goal goal, SchemaTable table) => new()
    {
        Order = [name],
        Required = new HashSet<string>(StringComparer.Ordinal) { name },
        Values = goal == table.True ? new Dictionary<string, Goal>() : new Dictionary<string, Goal>(StringComparer.Ordinal) { [name] = goal },
    };

    public static ObjectShape Lacking(string name, SchemaTable table) => new() { Rules = [new KeyRule(KeySet.Of(name), false, table.False)] };

    public ObjectShape With(KeySet evaluated) => new()
    {
        Order = Order,
        Values = Values,
        Required = Required,
        Rules = Rules,
        Witnesses = Witnesses,
        Min = Min,
        Max = Max,
        NamesSome = NamesSome,
        SpeaksOfOthers = SpeaksOfOthers,
        Evaluated = evaluated,
    };

    public ObjectShape And(ObjectShape other, SchemaTable table)
    {
        BuildBudget budget = table.Budget;
        int size = Order.Count + other.Order.Count + Values.Count + other.Values.Count + Rules.Count + other.Rules.Count + Witnesses.Count + other.Witnesses.Count;
        budget.Steps(10 + (8 * size));
        budget.Bytes(200 + (60L * size));
        HashSet<string> names = new(Order, StringComparer.Ordinal);
        Dictionary<string, Goal> values = new(Values, StringComparer.Ordinal);
        foreach ((string name, Goal goal) in other.Values) values[name] = values.TryGetValue(name, out Goal? own) ? table.And(own, goal) : goal;
        return new ObjectShape
        {
            Order = [.. Order, .. other.Order.Where(names.Add)],
            Values = values,
            Required = new HashSet<string>([.. Required, .. other.Required], StringComparer.Ordinal),
            Rules = [.. Rules.Union(other.Rules)],
            Witnesses = [.. Witnesses.Union(other.Witnesses)],
            Min = Math.Max(Min, other.Min),
            Max = Math.Min(Max, other.Max),
            NamesSome = NamesSome || other.NamesSome,
            SpeaksOfOthers = SpeaksOfOthers || other.SpeaksOfOthers,
            Evaluated = Evaluated.Or(other.Evaluated, budget),
        };
    }

    /// <summary>What the value of a property must reach.</summary>
    public Goal GoalOf(string name, SchemaTable table)
    {
        Goal goal = Values.TryGetValue(name, out Goal? own) ? own : table.True;
        foreach (KeyRule rule in Rules)
            if (rule.Concerns(name, table.Budget)) goal = table.And(goal, rule.Goal);
        return goal;
    }
}
