namespace Coppice.Constraints.Schemas;

/// <summary>How many items from an index on reach a goal of one schema.</summary>
internal readonly record struct Tally(Goal Goal, int From, int Min, int Max);

/// <summary>Arrays, as all of their rules leave them.</summary>
/// <param name="First">Goals of the first items, of those that are there.</param>
/// <param name="Rest">The goal of those after them.</param>
internal sealed record ArrayShape(IReadOnlyList<Goal> First, Goal Rest)
{
    public int Min { get; init; }

    public int Max { get; init; } = int.MaxValue;

    public IReadOnlyList<Tally> Tallies { get; init; } = [];

    /// <summary>Where it is said that no two items are equal; null where it is not.</summary>
    public SchemaPart? Unique { get; init; }

    /// <summary>Items from here on are looked at by unevaluatedItems, but for those of <see cref="EvaluatedAmong"/>.</summary>
    public int Evaluated { get; init; }

    public IReadOnlyList<Schema> EvaluatedAmong { get; init; } = [];

    public Goal this[int index] => index < First.Count ? First[index] : Rest;

    public ArrayShape And(ArrayShape other, SchemaTable table)
    {
        int first = Math.Max(First.Count, other.First.Count);
        int noted = Tallies.Count + other.Tallies.Count + EvaluatedAmong.Count + other.EvaluatedAmong.Count;
        table.Budget.Steps(20 + (8 * (first + noted)));
        table.Budget.Bytes(200 + (8L * first) + (60L * noted));
        Goal[] goals = new Goal[first];
        for (int i = 0; i < first; i++) goals[i] = table.And(this[i], other[i]);
        return new ArrayShape(goals, table.And(Rest, other.Rest))
        {
            Min = Math.Max(Min, other.Min),
            Max = Math.Min(Max, other.Max),
            Tallies = [.. Tallies.Union(other.Tallies)],
            Unique = Unique ?? other.Unique,
            Evaluated = Math.Max(Evaluated, other.Evaluated),
            EvaluatedAmong = [.. EvaluatedAmong.Union(other.EvaluatedAmong)],
        };
    }
}
