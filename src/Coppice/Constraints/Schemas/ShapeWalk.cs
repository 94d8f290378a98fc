namespace Coppice.Constraints.Schemas;

/// <summary>Values with parts, as a union of shapes.</summary>
internal abstract class ShapeWalk<TShape>(SchemaTable table, GoalProbe probe) : SchemaWalk<IReadOnlyList<TShape>>(table) where TShape : class
{
    protected abstract TShape Any { get; }

    protected abstract TShape Both(TShape a, TShape b);

    /// <summary>Whether no value has the shape, for certain.</summary>
    protected abstract bool IsVoid(TShape shape);

    /// <summary>Whether no value has both shapes, for certain and cheaply.</summary>
    protected abstract bool Exclude(TShape a, TShape b);

    /// <summary>Without what was noted for unevaluatedProperties and unevaluatedItems.</summary>
    protected abstract TShape Unnoted(TShape shape);

    protected GoalProbe Probe => probe;

    protected override IReadOnlyList<TShape> None { get; } = [];

    protected override bool IsNone(IReadOnlyList<TShape> set) => set.Count == 0;

    protected override IReadOnlyList<TShape> Unnoted(IReadOnlyList<TShape> set)
    {
        if (!Table.Document.LooksAtEvaluated) return set;
        Budget.Steps(20 * set.Count);
        Budget.Bytes(120L * set.Count);
        return [.. set.Select(Unnoted)];
    }

    /// <summary>Whether the document looks at what was evaluated: then what alternatives say of one value is put together.</summary>
    protected override bool NeedsAllThatFit(Schema schema) => Table.Document.LooksAtEvaluated;

    protected override IReadOnlyList<TShape> Or(IReadOnlyList<TShape> a, IReadOnlyList<TShape> b)
    {
        if (a.Count == 0 || ReferenceEquals(a, b)) return b;
        if (b.Count == 0) return a;
        if (IsAll(a) || IsAll(b)) return All;
        Check(a.Count + b.Count);
        return [.. a, .. b];
    }

    protected override IReadOnlyList<TShape> And(IReadOnlyList<TShape> a, IReadOnlyList<TShape> b)
    {
        if (IsAll(a)) return b;
        if (IsAll(b)) return a;
        if (a is [TShape one] && b is [TShape other]) return [Both(one, other)];
        List<TShape> shapes = [];
        foreach (TShape x in a)
        {
            foreach (TShape y in b)
            {
                Budget.Steps(8);
                if (Exclude(x, y) || Both(x, y) is not TShape both || IsVoid(both)) continue;
                shapes.Add(both);
                Check(shapes.Count);
            }
        }
        return shapes;
    }

    /// <summary>Whether no value of the type reaches the goal, for certain.</summary>
    public bool IsVoid(Goal goal) => Of(goal).All(IsVoid);

    protected override bool AreApart(IReadOnlyList<TShape> a, IReadOnlyList<TShape> b)
    {
        foreach (TShape x in a)
        {
            foreach (TShape y in b)
            {
                Budget.Steps(8);
                if (!Exclude(x, y) && !IsVoid(Both(x, y))) return false;
            }
        }
        return true;
    }

    private bool IsAll(IReadOnlyList<TShape> set) => set is [TShape only] && ReferenceEquals(only, Any);

    private void Check(int shapes)
    {
        Budget.Steps(shapes / 8);
        Budget.Bytes(8L * shapes);
        if (shapes > ConstraintLimits.Shapes) throw new InvalidRequestException($"The alternatives of the schema multiply to more than {ConstraintLimits.Shapes} kinds of one value. Let alternatives share less, or tell them apart by a property.");
    }
}

/// <summary>Tells goals that no value reaches. What it does not see for certain it takes for reachable.</summary>
internal sealed class GoalProbe(SchemaTable table)
{
    // Goals in goals that are looked at: what tells alternatives apart lies near.
    private const int Deepest = 6;

    private readonly Dictionary<Goal, bool> _known = [];
    private readonly Dictionary<Goal, HashSet<string>?> _values = [];
    private readonly HashSet<Goal> _open = [];

    /// <summary>By type: whether certainly none of its values reaches the goal.</summary>
    public List<Func<Goal, bool>> Rules { get; } = [];

    /// <summary>The texts of all values that reach a goal; null if they are not listed.</summary>
    public Func<Goal, IReadOnlyList<string>?> List { get; set; } = _ => null;

    /// <summary>Whether no value reaches both, for certain. Lists, such as those of consts that tell alternatives apart, are compared without a new goal.</summary>
    public bool AreApart(Goal a, Goal b)
    {
        if (a == b) return false;
        return Values(a) is { } own && Values(b) is { } other ? !own.Overlaps(other) : IsVoid(table.And(a, b));
    }

    public bool IsVoid(Goal goal)
    {
        if (goal == table.False) return true;
        if (goal == table.True) return false;
        if (_known.TryGetValue(goal, out bool known)) return known;
        if (_open.Count >= Deepest || !_open.Add(goal)) return false;
        bool isVoid = Asked(() => Rules.TrueForAll(rule => rule(goal)));
        _open.Remove(goal);
        return _known[goal] = isVoid;
    }

    private HashSet<string>? Values(Goal goal)
    {
        if (_values.TryGetValue(goal, out HashSet<string>? known)) return known;
        HashSet<string>? values = null;
        Asked(() => (values = List(goal) is { } list ? new HashSet<string>(list, StringComparer.Ordinal) : null) is not null);
        return _values[goal] = values;
    }

    /// <summary>False where the answer is not known.</summary>
    private bool Asked(Func<bool> question)
    {
        table.Probes++;
        try
        {
            return question();
        }
        catch (OpenSchemaException)
        {
            return false;
        }
        finally
        {
            table.Probes--;
        }
    }
}
