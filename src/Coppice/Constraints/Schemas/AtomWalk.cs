using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>Some of null, true and false.</summary>
internal sealed record AtomSet(bool Null, bool True, bool False)
{
    public IEnumerable<string> Words
    {
        get
        {
            if (True) yield return "true";
            if (False) yield return "false";
            if (Null) yield return "null";
        }
    }
}

/// <summary>null, true and false: values that have no keywords of their own.</summary>
internal sealed class AtomWalk(SchemaTable table) : SchemaWalk<AtomSet>(table)
{
    protected override AtomSet All { get; } = new(true, true, true);

    protected override AtomSet None { get; } = new(false, false, false);

    protected override bool Has(string type) => false;

    protected override AtomSet OfPart(HashSet<string> names, bool wanted) => new(names.Contains("null") == wanted, names.Contains("boolean") == wanted, names.Contains("boolean") == wanted);

    protected override AtomSet And(AtomSet a, AtomSet b) => new(a.Null && b.Null, a.True && b.True, a.False && b.False);

    protected override AtomSet Or(AtomSet a, AtomSet b) => new(a.Null || b.Null, a.True || b.True, a.False || b.False);

    protected override bool IsNone(AtomSet set) => set == None;

    protected override bool AreApart(AtomSet a, AtomSet b) => IsNone(And(a, b));

    protected override AtomSet Values(IReadOnlyList<SchemaPart> values, bool wanted)
    {
        Budget.Steps(values.Count);
        return new(Is(JsonValueKind.Null), Is(JsonValueKind.True), Is(JsonValueKind.False));

        bool Is(JsonValueKind kind) => values.Any(value => value.Value.ValueKind == kind) == wanted;
    }

    protected override AtomSet Assertions(Schema schema, bool wanted) => wanted ? All : None;
}
