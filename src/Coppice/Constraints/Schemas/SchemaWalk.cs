using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// What schemas leave of the values of one type, as a set. Negation is carried to the keywords, each of which says what it admits and what it does not:
/// both may be less than they mean by themselves, so that what is made of them is never too much.
/// </summary>
/// <typeparam name="TSet">A set of values.</typeparam>
internal abstract class SchemaWalk<TSet>(SchemaTable table) where TSet : class
{
    private readonly Dictionary<int, TSet> _known = [];
    private readonly HashSet<int> _open = [];

    protected SchemaTable Table { get; } = table;

    protected BuildBudget Budget => Table.Budget;

    protected abstract TSet All { get; }

    protected abstract TSet None { get; }

    /// <summary>Names of types that have these values.</summary>
    protected abstract bool Has(string type);

    protected abstract TSet And(TSet a, TSet b);

    protected abstract TSet Or(TSet a, TSet b);

    /// <summary>Whether nothing is in it, as far as is seen without work.</summary>
    protected abstract bool IsNone(TSet set);

    /// <summary>These values, or all others.</summary>
    protected abstract TSet Values(IReadOnlyList<SchemaPart> values, bool wanted);

    /// <summary>What the keywords of this type leave, or what one of them rules out.</summary>
    protected abstract TSet Assertions(Schema schema, bool wanted);

    /// <summary>Values of the type that <paramref name="names"/> leave, besides those whose whole type is left.</summary>
    protected virtual TSet? OfPart(HashSet<string> names, bool wanted) => null;

    /// <summary>Without what was noted for unevaluatedProperties and unevaluatedItems.</summary>
    protected virtual TSet Unnoted(TSet set) => set;

    /// <summary>After all other keywords: what those leave that look at what the others evaluated.</summary>
    protected virtual TSet Closed(Schema schema, bool wanted, TSet set) => set;

    /// <summary>Whether anyOf is to say of each value all alternatives that it fits.</summary>
    protected virtual bool NeedsAllThatFit(Schema schema) => false;

    /// <summary>Whether no value is in both, for certain.</summary>
    protected virtual bool AreApart(TSet a, TSet b) => false;

    public TSet Of(Goal goal)
    {
        if (goal == Table.False) return None;
        TSet set = All;
        foreach (int literal in goal.Literals)
        {
            set = And(set, Of(literal));
            if (IsNone(set)) return set;
        }
        return set;
    }

    protected TSet Of(Schema schema, bool wanted) => schema.IsTrue ? (wanted ? All : None) : schema.IsFalse ? (wanted ? None : All) : Of((schema.Id << 1) | (wanted ? 1 : 0));

    protected TSet Without(Schema schema) => Unnoted(Of(schema, false));

    private TSet Of(int literal)
    {
        if (_known.TryGetValue(literal, out TSet? known)) return known;
        Schema schema = Table[literal];
        if (!_open.Add(literal)) throw Table.ComesBack(schema);
        Table.Enter(schema);
        try
        {
            return _known[literal] = Make(schema, (literal & 1) != 0);
        }
        finally
        {
            Table.Leave();
            _open.Remove(literal);
        }
    }

    private TSet Make(Schema schema, bool wanted)
    {
        TSet set = wanted ? All : None;
        foreach (Func<Schema, bool, TSet?> part in (ReadOnlySpan<Func<Schema, bool, TSet?>>)[Types, Listed, Assertions, Union, References, AllOf, AnyOf, OneOf, Not, If])
        {
            if (part(schema, wanted) is not TSet one) continue;
            set = wanted ? And(set, one) : Or(set, one);
            if (wanted && IsNone(set)) return None;
        }
        return Closed(schema, wanted, set);
    }

    private TSet? Types(Schema schema, bool wanted)
    {
        if (schema["type"] is not SchemaPart part) return null;
        HashSet<string> names = SchemaTypes.Read(part);
        if (schema["nullable"] is SchemaPart nullable && nullable.Flag()) names.Add("null");
        if (OfPart(names, wanted) is TSet some) return some;
        return names.Any(Has) == wanted ? All : None;
    }

    private TSet? Listed(Schema schema, bool wanted)
    {
        TSet? set = null;
        if (schema["const"] is SchemaPart value) set = Values([value], wanted);
        if (schema["enum"] is not SchemaPart list) return set;
        TSet listed = Values([.. list.Items()], wanted);
        return set is null ? listed : wanted ? And(set, listed) : Or(set, listed);
    }

    private TSet? Union(Schema schema, bool wanted) => schema.Alternatives is { } alternatives ? Any(alternatives, wanted) : null;

    private TSet? References(Schema schema, bool wanted)
    {
        TSet? set = null;
        if (schema["$ref"] is SchemaPart reference) set = Of(Table.Referenced(schema, reference), wanted);
        if (schema["$dynamicRef"] is not SchemaPart dynamic) return set;
        TSet led = Of(Table.DynamicallyReferenced(schema, dynamic), wanted);
        return set is null ? led : wanted ? And(set, led) : Or(set, led);
    }

    private TSet? AllOf(Schema schema, bool wanted)
    {
        if (schema["allOf"] is not SchemaPart list) return null;
        return wanted ? Every(Table.AllInside(schema, list), true) : Some(Table.AllInside(schema, list), false);
    }

    private TSet? AnyOf(Schema schema, bool wanted)
    {
        if (schema["anyOf"] is not SchemaPart list) return null;
        IReadOnlyList<Schema> alternatives = Table.AllInside(schema, list);
        return wanted && NeedsAllThatFit(schema) ? AllThatFit(alternatives, list) : Any(alternatives, wanted);
    }

    private TSet Any(IReadOnlyList<Schema> alternatives, bool wanted) => wanted ? Some(alternatives, true) : Every(alternatives, false);

    private TSet Every(IEnumerable<Schema> schemas, bool wanted) => Together([.. schemas.Distinct().Select(schema => Of(schema, wanted))], And, All);

    private TSet Some(IEnumerable<Schema> schemas, bool wanted) => Together([.. schemas.Distinct().Select(schema => Of(schema, wanted))], Or, None);

    /// <summary>Joins neighbours, then what came of them: so that sets grow late, and little is copied.</summary>
    protected static T Together<T>(List<T> sets, Func<T, T, T> join, T empty)
    {
        for (; sets.Count > 1; sets = [.. sets.Chunk(2).Select(pair => pair.Length == 2 ? join(pair[0], pair[1]) : pair[0])])
        {
        }
        return sets is [T one] ? one : empty;
    }

    private TSet AllThatFit(IReadOnlyList<Schema> alternatives, SchemaPart list)
    {
        if (alternatives.Count > ConstraintLimits.UnevaluatedAlternatives)
            throw list.Path.Wrong($"anyOf has {alternatives.Count} alternatives beside unevaluatedProperties or unevaluatedItems; it may have at most {ConstraintLimits.UnevaluatedAlternatives} there");
        List<TSet> ways = [];
        for (int chosen = (1 << alternatives.Count) - 1; chosen > 0; chosen--)
            ways.Add(Every(alternatives.Where((_, i) => (chosen >> i & 1) != 0), true));
        return Together(ways, Or, None);
    }

    private TSet? OneOf(Schema schema, bool wanted)
    {
        if (schema["oneOf"] is not SchemaPart list) return null;
        IReadOnlyList<Schema> ways = Table.AllInside(schema, list);
        return wanted ? ExactlyOne(ways) : NoneOrTwo(ways);
    }

    private TSet ExactlyOne(IReadOnlyList<Schema> ways)
    {
        TSet[] sets = [.. ways.Select(way => Of(way, true))];
        if (sets.Count(set => set.Equals(All)) > 1) return None;
        List<int>[] meets = [.. sets.Select(_ => new List<int>())];   // the others that a value of this one may fit too
        for (int i = 0; i < sets.Length; i++)
        {
            if (IsNone(sets[i])) continue;
            for (int j = i + 1; j < sets.Length; j++)
            {
                Budget.Step();
                if (IsNone(sets[j]) || AreApart(sets[i], sets[j])) continue;
                Budget.Bytes(16);
                meets[i].Add(j);
                meets[j].Add(i);
            }
        }
        List<TSet> ones = [];
        for (int i = 0; i < sets.Length; i++)
        {
            TSet one = sets[i];
            foreach (int j in meets[i])
                if (!IsNone(one)) one = And(one, Without(ways[j]));
            if (!IsNone(one)) ones.Add(one);
        }
        return Together(ones, Or, None);
    }

    /// <summary>Values that fit at least one, and at least two, of some alternatives.</summary>
    private readonly record struct Fits(TSet One, TSet Two);

    private TSet NoneOrTwo(IReadOnlyList<Schema> ways)
    {
        List<Fits> fits = [.. ways.Select(way => new Fits(Of(way, true), None))];
        return Or(Every(ways, false), Together(fits, Joined, new Fits(None, None)).Two);

        Fits Joined(Fits a, Fits b)
        {
            Budget.Step();
            return new(Or(a.One, b.One), Or(Or(a.Two, b.Two), And(a.One, b.One)));
        }
    }

    private TSet? Not(Schema schema, bool wanted)
    {
        if (schema["not"] is not SchemaPart part) return null;
        Schema inner = Table.Inside(schema, part);
        return wanted ? Without(inner) : Of(inner, true);
    }

    private TSet? If(Schema schema, bool wanted)
    {
        if (schema["if"] is not SchemaPart part || !schema.HasAny("then", "else")) return IfAlone(schema, wanted);
        Schema test = Table.Inside(schema, part);
        return Or(Chosen(Of(test, true), "then"), Chosen(Without(test), "else"));

        TSet Chosen(TSet fits, string name)
        {
            if (schema[name] is not SchemaPart branch) return wanted ? fits : None;
            return IsNone(fits) ? fits : And(fits, Of(Table.Inside(schema, branch), wanted));
        }
    }

    /// <summary>An if without then and else asks for nothing, but notes what it evaluates.</summary>
    private TSet? IfAlone(Schema schema, bool wanted) =>
        wanted && schema["if"] is SchemaPart part && NeedsAllThatFit(schema) ? Or(Of(Table.Inside(schema, part), true), Without(Table.Inside(schema, part))) : null;
}

/// <summary>The types of JSON Schema.</summary>
internal static class SchemaTypes
{
    private static readonly string[] s_types = ["object", "array", "string", "number", "integer", "boolean", "null"];

    public static HashSet<string> Read(SchemaPart part)
    {
        HashSet<string> names = new(StringComparer.Ordinal);
        foreach (SchemaPart item in part.Value.ValueKind == JsonValueKind.Array ? part.Items() : [part])
        {
            if (!s_types.Contains(item.Text())) throw item.Wrong($"one of {string.Join(", ", s_types)}");
            names.Add(item.Text());
        }
        return names;
    }
}
