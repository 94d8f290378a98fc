using System.Runtime.InteropServices;
using System.Security.Cryptography;
using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>
/// The schemas of a document, equal ones once, and the goals made of them. Knows what is not supported and what is to be done about it.
/// </summary>
internal sealed class SchemaTable
{
    private static readonly HashSet<string> s_keywords = new(StringComparer.Ordinal)
    {
        "type", "nullable", "enum", "const", "allOf", "anyOf", "oneOf", "not", "if", "$ref", "$dynamicRef",
        "properties", "patternProperties", "additionalProperties", "propertyNames", "required", "minProperties", "maxProperties", "dependentRequired", "dependentSchemas", "dependencies", "unevaluatedProperties",
        "items", "prefixItems", "additionalItems", "minItems", "maxItems", "uniqueItems", "contains", "minContains", "maxContains", "unevaluatedItems",
        "minLength", "maxLength", "pattern", "format",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum", "multipleOf",
    };

    private readonly Dictionary<(UInt128 Text, bool IsValue, SchemaResource Resource, SchemaScope Scope), Schema> _schemas = [];
    private readonly Dictionary<string, Schema> _unions = new(StringComparer.Ordinal);
    private readonly List<Schema> _byId = [];
    private readonly Dictionary<int[], Goal> _goals = new(ArrayComparer<int>.Instance);
    private readonly HashSet<string> _warnings = new(StringComparer.Ordinal);
    private int _depth;

    public SchemaTable(JsonElement document, SchemaStrictness strictness, BuildBudget budget)
    {
        (Budget, IsBestEffort) = (budget, strictness == SchemaStrictness.BestEffort);
        Document = new SchemaDocument(document, budget);
        True = Intern([]);
        False = Intern([-1]);
        Root = Get(Document.Root.Root, Document.Root, SchemaScope.Empty.Enter(Document.Root));
    }

    public BuildBudget Budget { get; }

    public SchemaDocument Document { get; }

    public Schema Root { get; }

    /// <summary>What is not supported may be left out.</summary>
    public bool IsBestEffort { get; }

    /// <summary>What was left out because it is not supported.</summary>
    public IReadOnlyCollection<string> Warnings => _warnings;

    /// <summary>Any value.</summary>
    public Goal True { get; }

    /// <summary>No value.</summary>
    public Goal False { get; }

    public Schema this[int literal] => _byId[literal >> 1];

    /// <summary>A schema directly in another one.</summary>
    public Schema Inside(Schema outer, SchemaPart part)
    {
        SchemaResource resource = Document.ResourceOf(part, outer.Resource);
        return Get(part, resource, outer.Scope.Enter(resource));
    }

    public IReadOnlyList<Schema> AllInside(Schema outer, SchemaPart list)
    {
        List<Schema> schemas = [];
        foreach (SchemaPart part in list.Items())
        {
            Budget.Bytes(100);
            schemas.Add(Inside(outer, part));
        }
        return schemas.Count > 0 ? schemas : throw list.Wrong("a list of at least one schema");
    }

    public Schema Referenced(Schema from, SchemaPart reference)
    {
        (SchemaPart part, SchemaResource resource) = Document.Resolve(reference, from.Resource);
        return Get(part, resource, from.Scope.Enter(resource));
    }

    public Schema DynamicallyReferenced(Schema from, SchemaPart reference)
    {
        if (Document.DynamicName(reference, from.Resource) is not string name || from.Scope.Outermost(name) is not SchemaResource outermost) return Referenced(from, reference);
        SchemaPart part = outermost.Anchors[name];
        return Get(part, outermost, from.Scope.Enter(outermost));
    }

    /// <summary>The schema of this very value.</summary>
    public Schema Value(SchemaPart value) => Get(value, Document.Root, SchemaScope.Empty, isValue: true);

    /// <summary>The schema of what fits one of several.</summary>
    public Schema AnyOf(IReadOnlyList<Schema> schemas)
    {
        if (schemas.Count == 1) return schemas[0];
        Budget.Bytes(20L * schemas.Count);
        string key = string.Join(' ', schemas.Select(schema => schema.Id));
        if (!_unions.TryGetValue(key, out Schema? union))
        {
            Charge();
            _byId.Add(_unions[key] = union = new Schema(_byId.Count, schemas));
        }
        return union;
    }

    public Goal Goal(Schema schema, bool wanted = true) => schema.IsTrue == wanted && (schema.IsTrue || schema.IsFalse) ? True : schema.IsTrue || schema.IsFalse ? False : Intern([(schema.Id << 1) | (wanted ? 1 : 0)]);

    /// <summary>What reaches both.</summary>
    public Goal And(Goal a, Goal b)
    {
        if (a == b || b == True) return a;
        if (a == True) return b;
        if (a == False || b == False) return False;
        Budget.Steps(4 * (a.Literals.Length + b.Literals.Length));
        int[] all = [.. a.Literals, .. b.Literals];
        Array.Sort(all);
        List<int> merged = [];
        foreach (int literal in all)
        {
            if (merged.Count > 0 && merged[^1] == literal) continue;
            if (merged.Count > 0 && merged[^1] == (literal ^ 1)) return False;
            merged.Add(literal);
        }
        return Intern([.. merged]);
    }

    /// <summary>What does not reach a goal of one schema.</summary>
    public Goal Not(Goal goal) => goal == True ? False : goal == False ? True : Intern([goal.Literals.Single() ^ 1]);

    /// <summary>Goes one schema deeper. What is entered is to be left.</summary>
    public void Enter(Schema schema)
    {
        Budget.Steps(20);
        if (++_depth > ConstraintLimits.Nesting) throw schema.Path.Wrong($"schemas, their references and alternatives nest deeper than {ConstraintLimits.Nesting}; does a $ref lead back to itself?");
    }

    public void Leave() => _depth--;

    /// <summary>A schema asks for itself before any value.</summary>
    public Exception ComesBack(Schema schema) => Probes > 0 ? new OpenSchemaException() : schema.Path.Wrong("the schema comes back to itself before any value");

    /// <summary>Questions being asked whether a goal is out of reach; there a schema may ask for one that is just being read, and the answer is unknown.</summary>
    public int Probes { get; set; }

    /// <summary>Refuses what is not supported; where the best that can be done is enough, it is noted and left out.</summary>
    public void LeaveOut(SchemaPart part, string why) => LeaveOut(part.Path.Wrong(why));

    /// <inheritdoc cref="LeaveOut(SchemaPart, string)"/>
    public void LeaveOut(InvalidRequestException refused)
    {
        if (!IsBestEffort) throw refused;
        if (_warnings.Count < ConstraintLimits.Warnings) _warnings.Add($"{refused.Message} It is not kept to.");
    }

    private Schema Get(SchemaPart part, SchemaResource resource, SchemaScope scope, bool isValue = false)
    {
        if (!isValue && part.Value.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)) throw part.Wrong("an object, true or false");
        ReadOnlySpan<byte> text = JsonMarshal.GetRawUtf8Value(part.Value);
        Budget.Steps(20 + (text.Length / 16));
        (UInt128, bool, SchemaResource, SchemaScope) key = (Hash(text), isValue, resource, scope);
        if (_schemas.TryGetValue(key, out Schema? schema)) return schema;
        Charge();
        Dictionary<string, SchemaPart> keywords = new(StringComparer.Ordinal);
        if (isValue)
        {
            keywords["const"] = part;
        }
        else if (part.Value.ValueKind == JsonValueKind.Object)
        {
            foreach ((string name, SchemaPart value) in part.Members())
            {
                Budget.Steps(4);
                if (s_keywords.Contains(name) || (name is "then" or "else" && part.Value.TryGetProperty("if", out _))) keywords[name] = value;
            }
        }
        schema = new Schema(_byId.Count, part, resource, scope, keywords);
        _byId.Add(schema);
        return _schemas[key] = schema;
    }

    private void Charge()
    {
        Budget.Bytes(400);
        if (_byId.Count >= ConstraintLimits.Schemas) throw new InvalidRequestException($"The schema has more than {ConstraintLimits.Schemas} schemas that differ. Let alternatives share more, or split it.");
    }

    private Goal Intern(int[] literals)
    {
        if (_goals.TryGetValue(literals, out Goal? known)) return known;
        Budget.Bytes(120 + (4 * literals.Length));
        return _goals[literals] = new Goal(literals);
    }

    private static UInt128 Hash(ReadOnlySpan<byte> text)
    {
        Span<byte> hash = stackalloc byte[SHA256.HashSizeInBytes];
        SHA256.HashData(text, hash);
        return System.Buffers.Binary.BinaryPrimitives.ReadUInt128LittleEndian(hash);
    }
}

/// <summary>What a value must reach: it fits these schemas and does not fit those. Equal goals are one object.</summary>
/// <param name="literals">Of each schema its number twice, plus one where it must fit; rising.</param>
internal sealed class Goal(int[] literals)
{
    public int[] Literals => literals;
}

/// <summary>A question led to a schema that is just being read.</summary>
internal sealed class OpenSchemaException : Exception;
