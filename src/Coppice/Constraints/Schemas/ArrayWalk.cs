using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>Arrays: their items and counts.</summary>
internal sealed class ArrayWalk : ShapeWalk<ArrayShape>
{
    public ArrayWalk(SchemaTable table, GoalProbe probe) : base(table, probe)
    {
        Any = new ArrayShape([], table.True);
        All = [Any];
    }

    protected override ArrayShape Any { get; }

    protected override IReadOnlyList<ArrayShape> All { get; }

    protected override bool Has(string type) => type == "array";

    protected override ArrayShape Both(ArrayShape a, ArrayShape b) => a.And(b, Table);

    protected override bool IsVoid(ArrayShape shape)
    {
        if (shape.Min > shape.Max || (shape.Min > shape.First.Count && Probe.IsVoid(shape.Rest))) return true;
        for (int i = 0; i < shape.Min && i < shape.First.Count; i++)
            if (Probe.IsVoid(shape.First[i])) return true;
        return false;
    }

    protected override bool Exclude(ArrayShape a, ArrayShape b) => a.Min > b.Max || b.Min > a.Max;

    protected override ArrayShape Unnoted(ArrayShape shape) => shape.Evaluated == 0 && shape.EvaluatedAmong.Count == 0 ? shape : shape with { Evaluated = 0, EvaluatedAmong = [] };

    protected override IReadOnlyList<ArrayShape> Values(IReadOnlyList<SchemaPart> values, bool wanted)
    {
        List<IReadOnlyList<ArrayShape>> sets = [];
        foreach (SchemaPart value in values)
        {
            Budget.Step();
            if (value.Value.ValueKind != JsonValueKind.Array) continue;
            Schema[] items = [.. value.Items().Select(Table.Value)];
            Budget.Bytes(100L * items.Length);
            if (wanted)
            {
                sets.Add([new ArrayShape([.. items.Select(item => Table.Goal(item))], Table.False) { Min = items.Length, Max = items.Length }]);
                continue;
            }
            List<ArrayShape> others = [.. items.Select((item, i) => At(i, Table.Goal(item, false))), Any with { Min = items.Length + 1 }];
            if (items.Length > 0) others.Add(Any with { Max = items.Length - 1 });
            sets.Add(others);
        }
        return wanted ? Together(sets, Or, None) : Together(sets, And, All);
    }

    protected override IReadOnlyList<ArrayShape> Assertions(Schema schema, bool wanted) => wanted ? [Ruled(schema)] : RuledOut(schema);

    protected override IReadOnlyList<ArrayShape> Closed(Schema schema, bool wanted, IReadOnlyList<ArrayShape> set)
    {
        if (schema["unevaluatedItems"] is not SchemaPart part) return set;
        Schema rest = Table.Inside(schema, part);
        if (!wanted)
        {
            if (!rest.IsTrue) Table.LeaveOut(part, "unevaluatedItems under not, in one of several alternatives of oneOf, or in if is not supported");
            return set;
        }
        return [.. set.Select(shape => shape.And(new ArrayShape(
            [.. Enumerable.Repeat(Table.True, Math.Min(shape.Evaluated, shape.First.Count))],
            shape.Evaluated == int.MaxValue ? Table.True : shape.EvaluatedAmong.Count == 0 ? Table.Goal(rest) : Table.Goal(Table.AnyOf([rest, .. shape.EvaluatedAmong]))), Table) with
        { Evaluated = int.MaxValue })];
    }

    private ArrayShape Ruled(Schema schema)
    {
        if (!schema.HasAny("items", "prefixItems", "minItems", "maxItems", "contains", "uniqueItems")) return Any;
        (IReadOnlyList<Schema> first, Schema? rest) = Items(schema);
        ArrayShape shape = new([.. first.Select(item => Table.Goal(item))], rest is null ? Table.True : Table.Goal(rest))
        {
            Min = schema["minItems"]?.Count(ConstraintLimits.Repetitions) ?? 0,
            Max = schema["maxItems"]?.Most(ConstraintLimits.Repetitions) ?? int.MaxValue,
            Unique = schema["uniqueItems"] is SchemaPart unique && unique.Flag() ? unique : null,
            Evaluated = rest is null ? first.Count : int.MaxValue,
        };
        if (Contains(schema) is not (Schema among, int least, int most)) return shape;
        return shape with
        {
            Tallies = least == 0 && most == int.MaxValue ? [] : [new Tally(Table.Goal(among), 0, least, most)],
            EvaluatedAmong = Table.Document.LooksAtEvaluated ? [among] : [],
        };
    }

    private List<ArrayShape> RuledOut(Schema schema)
    {
        List<ArrayShape> shapes = [];
        (IReadOnlyList<Schema> first, Schema? rest) = Items(schema);
        for (int i = 0; i < first.Count; i++)
            if (!first[i].IsTrue) shapes.Add(At(i, Table.Goal(first[i], false)));
        if (rest is { IsTrue: false }) shapes.Add(Any with { Min = first.Count + 1, Tallies = [new Tally(Table.Goal(rest, false), first.Count, 1, int.MaxValue)] });
        if (schema["minItems"]?.Count(ConstraintLimits.Repetitions) is int min and > 0) shapes.Add(Any with { Max = min - 1 });
        if (schema["maxItems"]?.Count(ConstraintLimits.Repetitions) is int max) shapes.Add(Any with { Min = max + 1 });
        if (Contains(schema) is (Schema among, int least, int most))
        {
            if (least > 0) shapes.Add(Any with { Tallies = [new Tally(Table.Goal(among), 0, 0, least - 1)] });
            if (most != int.MaxValue) shapes.Add(Any with { Tallies = [new Tally(Table.Goal(among), 0, most + 1, int.MaxValue)] });
        }
        if (schema["uniqueItems"] is SchemaPart unique && unique.Flag()) Table.LeaveOut(unique, "uniqueItems under not, in one of several alternatives of oneOf, or in if is not supported");
        return shapes;
    }

    /// <summary>Goals of the first items, and of the rest if something is said of it. A list in items and additionalItems are of draft 7.</summary>
    private (IReadOnlyList<Schema> First, Schema? Others) Items(Schema schema)
    {
        if (schema["items"] is not SchemaPart items) return (First(schema["prefixItems"]), null);
        if (items.Value.ValueKind != JsonValueKind.Array) return (First(schema["prefixItems"]), Table.Inside(schema, items));
        return (First(items), schema["additionalItems"] is SchemaPart rest ? Table.Inside(schema, rest) : null);

        IReadOnlyList<Schema> First(SchemaPart? list) => list is SchemaPart part ? [.. part.Items().Select(item => Table.Inside(schema, item))] : [];
    }

    private (Schema Among, int Min, int Max)? Contains(Schema schema)
    {
        if (schema["contains"] is not SchemaPart part) return null;
        return (Table.Inside(schema, part), schema["minContains"]?.Count(ConstraintLimits.Repetitions) ?? 1, schema["maxContains"]?.Count(ConstraintLimits.Repetitions) ?? int.MaxValue);
    }

    private ArrayShape At(int index, Goal goal)
    {
        Budget.Steps(20 + index);
        Budget.Bytes(200 + (8L * index));
        return new([.. Enumerable.Repeat(Table.True, index), goal], Table.True) { Min = index + 1 };
    }
}
