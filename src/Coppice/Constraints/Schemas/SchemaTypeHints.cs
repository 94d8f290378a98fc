namespace Coppice.Constraints.Schemas;

/// <summary>
/// What a goal that names no type is taken to mean. By the specification a keyword says nothing of values of other types; but who lists properties or
/// items means objects or arrays, and a model that may write anything else too would. Counts, bounds, patterns and formats alone hint at nothing.
/// </summary>
internal sealed class SchemaTypeHints(SchemaTable table)
{
    private readonly Dictionary<Schema, Hint> _known = [];

    public Hint Of(Goal goal)
    {
        Hint hint = Hint.None;
        foreach (int literal in goal.Literals)
            if ((literal & 1) != 0) hint |= Of(table[literal]);
        return hint.HasFlag(Hint.Said) ? Hint.None : hint;
    }

    private Hint Of(Schema schema)
    {
        if (_known.TryGetValue(schema, out Hint known)) return known;
        _known[schema] = Hint.None;
        table.Enter(schema);
        Hint hint = schema.HasAny("type", "enum", "const") ? Hint.Said : Hint.None;
        if (schema.HasAny("properties", "patternProperties", "additionalProperties", "required", "unevaluatedProperties")) hint |= Hint.Object;
        if (schema.HasAny("items", "prefixItems", "unevaluatedItems")) hint |= Hint.Array;
        if (schema["$ref"] is SchemaPart reference) hint |= Of(table.Referenced(schema, reference));
        foreach (string keyword in (ReadOnlySpan<string>)["allOf", "anyOf", "oneOf"])
        {
            if (schema[keyword] is not SchemaPart list) continue;
            foreach (Schema part in table.AllInside(schema, list)) hint |= Of(part);
        }
        table.Leave();
        return _known[schema] = hint;
    }
}

/// <summary>What keywords hint at.</summary>
[Flags]
internal enum Hint
{
    None = 0,
    Object = 1,
    Array = 2,

    /// <summary>The type is said, or values are listed: no hint counts.</summary>
    Said = 4,
}
