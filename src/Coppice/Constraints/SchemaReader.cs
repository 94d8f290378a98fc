using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Constraints;

/// <summary>
/// Translates a JSON Schema to rules. Each schema becomes the texts of the values it describes; a schema that is a reference becomes a rule,
/// which recursion calls. oneOf is read as anyOf. A schema without a type is of the types its keywords speak of.
/// </summary>
internal sealed class SchemaReader
{
    private static readonly string[] s_types = ["object", "array", "string", "number", "integer", "boolean", "null"];
    private static readonly string[] s_ofObjects = ["properties", "required", "additionalProperties"];
    private static readonly string[] s_ofArrays = ["items", "prefixItems", "minItems", "maxItems"];
    private static readonly string[] s_ofStrings = ["minLength", "maxLength", "pattern", "format"];
    private static readonly string[] s_ofNumbers = ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"];

    private readonly JsonRules _rules = new();
    private readonly SchemaReferences _references;
    private readonly Dictionary<string, int> _ruleOfReference = new(StringComparer.Ordinal);
    private readonly Queue<(int Rule, SchemaPart Schema)> _waiting = new();

    private readonly BuildBudget _budget;

    private SchemaReader(JsonElement document, BuildBudget budget) => (_references, _budget) = (new SchemaReferences(document), budget);

    /// <summary>The rules, root first.</summary>
    public static IReadOnlyList<(string Name, Expr Body)> Read(string json, BuildBudget budget)
    {
        ConstraintLimits.CheckLength("schema", json);
        try
        {
            using JsonDocument document = JsonDocument.Parse(json, new JsonDocumentOptions { AllowDuplicateProperties = false, MaxDepth = 2 * ConstraintLimits.Nesting });
            SchemaReader reader = new(document.RootElement, budget);
            reader._rules.Set(0, reader.Schema([new SchemaPart(document.RootElement, SchemaPath.Root)], 0));
            while (reader._waiting.TryDequeue(out (int Rule, SchemaPart Schema) next)) reader._rules.Set(next.Rule, reader.Schema([next.Schema], 0));
            return reader._rules.Rules;
        }
        catch (JsonException e)
        {
            throw new InvalidRequestException(JsonFault.Of("The schema", e));
        }
        catch (Exception e) when (e is InvalidOperationException or ArgumentException)   // a surrogate without its other half, escaped or not
        {
            throw new InvalidRequestException("The schema has a text with half a surrogate pair (U+D800 to U+DFFF); texts must be Unicode.");
        }
    }

    /// <summary>What fits all of the schemas.</summary>
    private Expr Schema(IReadOnlyList<SchemaPart> schemas, int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw schemas[0].Path.Wrong($"schemas nest deeper than {ConstraintLimits.Nesting}");
        if (schemas.Count == 0) return _rules.AnyValue;
        if (schemas.Count == 1 && PureReference(schemas[0]) is { } reference) return Rule(reference);

        SchemaKeywords keywords = new();
        foreach (SchemaPart schema in schemas) keywords.Add(schema, _references, 0);
        return Value(keywords, schemas[0].Path, depth);
    }

    private static SchemaPart? PureReference(SchemaPart schema)
    {
        if (schema.Value.ValueKind != JsonValueKind.Object || !schema.Value.TryGetProperty("$ref", out JsonElement reference)) return null;
        return schema.Members().All(member => member.Name == "$ref" || SchemaKeywords.IsNote(member.Name)) ? schema.Then("$ref", reference) : null;
    }

    private CallExpr Rule(SchemaPart reference)
    {
        string name = reference.Text();
        if (!_ruleOfReference.TryGetValue(name, out int rule))
        {
            SchemaPart target = _references.Resolve(reference);
            rule = _ruleOfReference[name] = _rules.Reserve(name);
            _waiting.Enqueue((rule, target));
        }
        return new CallExpr(rule);
    }

    private Expr Value(SchemaKeywords keywords, SchemaPath path, int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw path.Wrong($"schemas nest deeper than {ConstraintLimits.Nesting}");
        if (keywords.IsImpossible) return Expr.Nothing;
        string? choice = keywords.HasAny("anyOf") ? "anyOf" : keywords.HasAny("oneOf") ? "oneOf" : null;
        if (choice is not null) return Alternatives(keywords, choice, depth);

        HashSet<string> types = Types(keywords);
        if (keywords.HasAny("enum", "const")) return Listed(keywords, types, path);
        List<Expr> ways = [];
        if (types.Contains("object")) ways.Add(new SchemaObject(_rules, Schema).Read(keywords, path, depth));
        if (types.Contains("array")) ways.Add(new SchemaArray(_rules, Schema).Read(keywords, path, depth));
        if (types.Contains("string")) ways.Add(SchemaScalars.String(keywords, _rules, _budget));
        if (types.Contains("number")) ways.Add(SchemaScalars.Number(keywords, _rules));
        else if (types.Contains("integer")) ways.Add(SchemaScalars.Integer(keywords, path));
        if (types.Contains("boolean")) ways.Add(new WordsExpr(["true", "false"]));
        if (types.Contains("null")) ways.Add(Expr.Text("null"));
        return Expr.Choice(ways);
    }

    private Expr Alternatives(SchemaKeywords keywords, string name, int depth)
    {
        SchemaPart list = keywords.Take(name);
        List<Expr> ways = [];
        foreach (SchemaPart alternative in list.Items())
        {
            if (keywords.IsEmpty)
            {
                ways.Add(Schema([alternative], depth + 1));
                continue;
            }
            SchemaKeywords together = new(keywords);
            together.Add(alternative, _references, 0);
            ways.Add(Value(together, alternative.Path, depth + 1));
        }
        return ways.Count > 0 ? Expr.Choice(ways) : throw list.Wrong("a list of at least one schema");
    }

    private static HashSet<string> Types(SchemaKeywords keywords)
    {
        HashSet<string>? types = null;
        foreach (SchemaPart part in keywords["type"])
        {
            HashSet<string> named = new(StringComparer.Ordinal);
            foreach (SchemaPart item in part.Value.ValueKind == JsonValueKind.Array ? part.Items() : [part])
            {
                if (!s_types.Contains(item.Text())) throw item.Wrong($"one of {string.Join(", ", s_types)}");
                named.Add(item.Text());
            }
            if (named.Contains("number")) named.Add("integer");
            if (types is null) types = named;
            else types.IntersectWith(named);
        }
        if (types is null)
        {
            types = new(StringComparer.Ordinal);
            if (keywords.HasAny(s_ofObjects)) types.Add("object");
            if (keywords.HasAny(s_ofArrays)) types.Add("array");
            if (keywords.HasAny(s_ofStrings)) types.Add("string");
            if (keywords.HasAny(s_ofNumbers)) types.UnionWith(["number", "integer"]);
            if (types.Count == 0) types.UnionWith(s_types);
        }
        if (keywords["nullable"].Any(part => part.Flag())) types.Add("null");
        return types;
    }

    /// <summary>The values of enum and const that have one of the types.</summary>
    private static WordsExpr Listed(SchemaKeywords keywords, HashSet<string> types, SchemaPath path)
    {
        foreach ((string name, _) in keywords.Beside("enum", "const", "type", "nullable"))
            throw path.Wrong($"'{name}' beside enum or const is not supported; list only the values that fit");
        HashSet<string>? values = null;
        bool typed = keywords.HasAny("type");
        foreach (SchemaPart part in keywords["enum"].Concat(keywords["const"]))
        {
            bool isEnum = keywords["enum"].Contains(part);
            HashSet<string> named = new(StringComparer.Ordinal);
            foreach (SchemaPart item in isEnum ? part.Items() : [part])
                if (!typed || HasType(item.Value, types)) named.Add(JsonRules.TextOf(item.Value));
            if (values is null) values = named;
            else values.IntersectWith(named);
        }
        if (values!.Count == 0) throw path.Wrong("no value of enum or const fits the other keywords");
        return new WordsExpr(values);
    }

    private static bool HasType(JsonElement value, HashSet<string> types) => value.ValueKind switch
    {
        JsonValueKind.Object => types.Contains("object"),
        JsonValueKind.Array => types.Contains("array"),
        JsonValueKind.String => types.Contains("string"),
        JsonValueKind.Number => types.Contains("number") || (types.Contains("integer") && value.TryGetDecimal(out decimal number) && number == decimal.Truncate(number)),
        JsonValueKind.Null => types.Contains("null"),
        _ => types.Contains("boolean"),
    };
}

/// <summary>What fits all of the schemas; any value if there are none.</summary>
internal delegate Expr ReadSchema(IReadOnlyList<SchemaPart> schemas, int depth);
