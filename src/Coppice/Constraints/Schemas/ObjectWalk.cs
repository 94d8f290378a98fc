using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>Objects: their properties, names and counts.</summary>
internal sealed class ObjectWalk(SchemaTable table, GoalProbe probe, StringWalk strings) : ShapeWalk<ObjectShape>(table, probe)
{
    private const int NameCharacters = 500;

    protected override ObjectShape Any => ObjectShape.Any;

    protected override IReadOnlyList<ObjectShape> All { get; } = [ObjectShape.Any];

    protected override bool Has(string type) => type == "object";

    protected override ObjectShape Both(ObjectShape a, ObjectShape b) => a.And(b, Table);

    protected override bool IsVoid(ObjectShape shape)
    {
        if (shape.Min > shape.Max || shape.Required.Count > shape.Max) return true;
        foreach (string name in shape.Required)
            if (Probe.IsVoid(shape.GoalOf(name, Table))) return true;
        return false;
    }

    protected override bool Exclude(ObjectShape a, ObjectShape b)
    {
        foreach (string name in a.Required)
        {
            Budget.Steps(4);
            if (b.Values.TryGetValue(name, out Goal? other) && a.Values.TryGetValue(name, out Goal? own) && Probe.AreApart(own, other)) return true;
        }
        return false;
    }

    protected override ObjectShape Unnoted(ObjectShape shape) => shape.Evaluated.IsNone ? shape : shape.With(KeySet.None);

    /// <summary>An object has the properties of the value, with their values, and no others.</summary>
    protected override IReadOnlyList<ObjectShape> Values(IReadOnlyList<SchemaPart> values, bool wanted)
    {
        List<IReadOnlyList<ObjectShape>> sets = [];
        foreach (SchemaPart value in values)
        {
            Budget.Step();
            if (value.Value.ValueKind != JsonValueKind.Object) continue;
            (string Name, SchemaPart Part)[] members = [.. value.Members()];
            Budget.Steps(20 * members.Length);
            Budget.Bytes(200L * members.Length);
            HashSet<string> names = new(members.Select(member => member.Name), StringComparer.Ordinal);
            KeySet keys = new(names, []);
            if (wanted)
            {
                sets.Add([new ObjectShape
                {
                    Order = [.. members.Select(member => member.Name)],
                    Required = names,
                    Values = members.ToDictionary(member => member.Name, member => Table.Goal(Table.Value(member.Part)), StringComparer.Ordinal),
                    Rules = [new KeyRule(keys, true, Table.False)],
                }]);
                continue;
            }
            sets.Add([
                .. members.Select(member => ObjectShape.Lacking(member.Name, Table)),
                .. members.Select(member => ObjectShape.Requiring(member.Name, Table.Goal(Table.Value(member.Part), false), Table)),
                new ObjectShape { Witnesses = [new KeyRule(keys, true, Table.True)] },
            ]);
        }
        return wanted ? Together(sets, Or, None) : Together(sets, And, All);
    }

    protected override IReadOnlyList<ObjectShape> Assertions(Schema schema, bool wanted) =>
        wanted ? Together([[Named(schema)], [Counted(schema)], .. Dependent(schema, true)], And, All) : Together([Ruled(schema), .. Dependent(schema, false)], Or, None);

    protected override IReadOnlyList<ObjectShape> Closed(Schema schema, bool wanted, IReadOnlyList<ObjectShape> set)
    {
        if (schema["unevaluatedProperties"] is not SchemaPart part) return set;
        Schema rest = Table.Inside(schema, part);
        if (!wanted)
        {
            if (!rest.IsTrue) Table.LeaveOut(part, "unevaluatedProperties under not, in one of several alternatives of oneOf, or in if is not supported");
            return set;
        }
        Goal goal = Table.Goal(rest);
        return [.. set.Select(shape => shape.And(new ObjectShape
        {
            Rules = goal == Table.True ? [] : [new KeyRule(shape.Evaluated, true, goal)],
            SpeaksOfOthers = goal != Table.False,
        }, Table).With(KeySet.All))];
    }

    /// <summary>What all keywords but those that depend leave.</summary>
    private ObjectShape Named(Schema schema)
    {
        if (!schema.HasAny("properties", "patternProperties", "additionalProperties", "propertyNames", "required")) return ObjectShape.Any;
        List<string> order = [];
        Dictionary<string, Goal> values = new(StringComparer.Ordinal);
        List<KeyRule> rules = [];
        HashSet<string> required = new(StringComparer.Ordinal);
        foreach ((string name, Schema value) in Properties(schema))
        {
            order.Add(name);
            if (Table.Goal(value) is var goal && goal != Table.True) values[name] = goal;
        }
        bool namesSome = order.Count > 0;
        List<(TextLanguage Keys, Schema Value)> patterns = Patterns(schema);
        foreach ((TextLanguage keys, Schema value) in patterns) rules.Add(new KeyRule(new KeySet(KeySet.None.Names, [keys]), false, Table.Goal(value)));
        KeySet own = new(new HashSet<string>(order, StringComparer.Ordinal), [.. patterns.Select(pattern => pattern.Keys)]);
        bool speaks = patterns.Count > 0;
        if (schema["additionalProperties"] is SchemaPart others)
        {
            Goal goal = Table.Goal(Table.Inside(schema, others));
            rules.Add(new KeyRule(own, true, goal));
            speaks |= goal != Table.False;
            own = KeySet.All;
        }
        if (schema["propertyNames"] is SchemaPart keyNames)
        {
            StringSet allowed = strings.Of(Table.Goal(Table.Inside(schema, keyNames)));
            if (!ReferenceEquals(allowed, StringSet.All)) rules.Add(new KeyRule(Keys(allowed, Budget), true, Table.False));
            speaks = true;
        }
        foreach (string name in Required(schema))
            if (required.Add(name)) order.Add(name);
        return new ObjectShape
        {
            Order = [.. order.Distinct()],
            Values = values,
            Required = required,
            Rules = [.. rules.Where(rule => rule.Goal != Table.True)],
            NamesSome = namesSome,
            SpeaksOfOthers = speaks,
            Evaluated = Table.Document.LooksAtEvaluated ? own : KeySet.None,
        };
    }

    private static ObjectShape Counted(Schema schema)
    {
        if (!schema.HasAny("minProperties", "maxProperties")) return ObjectShape.Any;
        return new ObjectShape
        {
            Min = schema["minProperties"]?.Count(ConstraintLimits.Repetitions) ?? 0,
            Max = schema["maxProperties"]?.Most(ConstraintLimits.Repetitions) ?? int.MaxValue,
        };
    }

    /// <summary>What one of the keywords rules out.</summary>
    private List<ObjectShape> Ruled(Schema schema)
    {
        List<ObjectShape> shapes = [];
        List<string> names = [];
        foreach ((string name, Schema value) in Properties(schema))
        {
            names.Add(name);
            if (!value.IsTrue) shapes.Add(ObjectShape.Requiring(name, Table.Goal(value, false), Table));
        }
        List<(TextLanguage Keys, Schema Value)> patterns = Patterns(schema);
        foreach ((TextLanguage keys, Schema value) in patterns)
            if (!value.IsTrue) shapes.Add(new ObjectShape { Witnesses = [new KeyRule(new KeySet(KeySet.None.Names, [keys]), false, Table.Goal(value, false))] });
        if (schema["additionalProperties"] is SchemaPart others && Table.Inside(schema, others) is { IsTrue: false } other)
            shapes.Add(new ObjectShape { Witnesses = [new KeyRule(new KeySet(new HashSet<string>(names, StringComparer.Ordinal), [.. patterns.Select(pattern => pattern.Keys)]), true, Table.Goal(other, false))] });
        if (schema["propertyNames"] is SchemaPart keyNames && Table.Inside(schema, keyNames) is { IsTrue: false } allowed)
            shapes.Add(new ObjectShape { Witnesses = [new KeyRule(Keys(strings.Of(Table.Goal(allowed, false)), Budget), false, Table.True)] });
        foreach (string name in Required(schema)) shapes.Add(ObjectShape.Lacking(name, Table));
        if (schema["minProperties"]?.Count(ConstraintLimits.Repetitions) is int min and > 0) shapes.Add(new ObjectShape { Max = min - 1 });
        if (schema["maxProperties"]?.Count(ConstraintLimits.Repetitions) is int max) shapes.Add(new ObjectShape { Min = max + 1 });
        Budget.Steps(20 * shapes.Count);
        Budget.Bytes(700L * shapes.Count);
        return shapes;
    }

    /// <summary>dependentRequired, dependentSchemas, and dependencies, which is both: each a choice between lacking the name and what follows from it.</summary>
    private List<IReadOnlyList<ObjectShape>> Dependent(Schema schema, bool wanted)
    {
        List<IReadOnlyList<ObjectShape>> sets = [];
        foreach (string keyword in (ReadOnlySpan<string>)["dependentRequired", "dependentSchemas", "dependencies"])
        {
            if (schema[keyword] is not SchemaPart part) continue;
            foreach ((string name, SchemaPart asked) in part.Members())
            {
                Budget.Steps(20);
                ObjectShape has = ObjectShape.Requiring(name, Table.True, Table);
                IReadOnlyList<ObjectShape> follows;
                if (asked.Value.ValueKind == JsonValueKind.Array)
                {
                    string[] names = [.. asked.Items().Select(item => item.Text())];
                    if (names.Length == 0) continue;
                    follows = wanted
                        ? [new ObjectShape { Order = [name, .. names.Where(other => other != name)], Required = new HashSet<string>([name, .. names], StringComparer.Ordinal) }]
                        : [.. names.Select(other => has.And(ObjectShape.Lacking(other, Table), Table))];
                }
                else
                {
                    Schema then = Table.Inside(schema, asked);
                    if (then.IsTrue) continue;
                    follows = And([has], Of(then, wanted));
                }
                sets.Add(wanted ? Or(follows, [ObjectShape.Lacking(name, Table)]) : follows);
            }
        }
        return sets;
    }

    private IEnumerable<(string Name, Schema Value)> Properties(Schema schema)
    {
        if (schema["properties"] is not SchemaPart part) yield break;
        foreach ((string name, SchemaPart value) in part.Members())
        {
            Budget.Bytes(150);
            yield return (Short(name, value), Table.Inside(schema, value));
        }
    }

    private List<(TextLanguage Keys, Schema Value)> Patterns(Schema schema)
    {
        List<(TextLanguage, Schema)> patterns = [];
        if (schema["patternProperties"] is not SchemaPart part) return patterns;
        foreach ((string pattern, SchemaPart value) in part.Members()) patterns.Add((strings.Searched(pattern, value), Table.Inside(schema, value)));
        return patterns;
    }

    private IEnumerable<string> Required(Schema schema)
    {
        // true and false are of draft 3.
        if (schema["required"] is not { Value.ValueKind: not (JsonValueKind.True or JsonValueKind.False) } part) yield break;
        foreach (SchemaPart item in part.Items())
        {
            Budget.Bytes(250);
            yield return Short(item.Text(), item);
        }
    }

    private static KeySet Keys(StringSet set, BuildBudget budget) => set.Texts is { } texts ? new KeySet(texts, []) : new KeySet(KeySet.None.Names, [set.Language(budget)]);

    private static string Short(string name, SchemaPart place) => name.Length <= NameCharacters ? name : throw place.Path.Wrong($"a property's name has {name.Length} characters; it may have at most {NameCharacters}");
}
