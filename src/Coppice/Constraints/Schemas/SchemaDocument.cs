using System.Globalization;
using System.Text.Json;

namespace Coppice.Constraints.Schemas;

/// <summary>A schema that has an identifier of its own, and the anchors in it.</summary>
internal sealed class SchemaResource(Uri address, SchemaPart root)
{
    public Uri Address => address;

    public SchemaPart Root => root;

    public Dictionary<string, SchemaPart> Anchors { get; } = new(StringComparer.Ordinal);

    /// <summary>Those of the anchors that $dynamicRef may lead to.</summary>
    public HashSet<string> Dynamic { get; } = new(StringComparer.Ordinal);
}

/// <summary>A schema document: the resources in it, and what references name. Other documents are never read.</summary>
internal sealed class SchemaDocument
{
    // What a document without $id is called; references in it are resolved against this.
    private static readonly Uri s_nameless = new("schema:/document");

    private static readonly HashSet<string> s_schemas = new(StringComparer.Ordinal)
    {
        "items", "additionalItems", "unevaluatedItems", "contains", "additionalProperties", "unevaluatedProperties", "propertyNames", "not", "if", "then", "else", "contentSchema",
    };

    private static readonly HashSet<string> s_lists = new(StringComparer.Ordinal) { "allOf", "anyOf", "oneOf", "prefixItems", "items" };

    private static readonly HashSet<string> s_maps = new(StringComparer.Ordinal) { "properties", "patternProperties", "$defs", "definitions", "dependentSchemas", "dependencies" };

    private readonly Dictionary<Uri, SchemaResource> _resources = [];
    private readonly BuildBudget _budget;

    public SchemaDocument(JsonElement document, BuildBudget budget)
    {
        _budget = budget;
        SchemaPart part = new(document, SchemaPath.Root);
        Root = new SchemaResource(s_nameless, part);
        _resources[s_nameless] = Root;
        Root = Index(part, Root);
    }

    public SchemaResource Root { get; }

    /// <summary>unevaluatedProperties or unevaluatedItems is somewhere in it.</summary>
    public bool LooksAtEvaluated { get; private set; }

    /// <summary>The resource that a schema begins, or the one around it.</summary>
    public SchemaResource ResourceOf(SchemaPart schema, SchemaResource around) =>
        AddressOf(schema, around) is Uri address && _resources.TryGetValue(address, out SchemaResource? own) ? own : around;

    /// <summary>What a reference names, and the resource in which that lies.</summary>
    /// <param name="reference">The value of $ref or $dynamicRef.</param>
    /// <param name="from">The resource in which it stands.</param>
    public (SchemaPart Schema, SchemaResource Resource) Resolve(SchemaPart reference, SchemaResource from)
    {
        string text = reference.Text();
        int hash = text.IndexOf('#', StringComparison.Ordinal);
        string fragment = hash < 0 ? "" : Uri.UnescapeDataString(text[(hash + 1)..]);
        SchemaResource? resource = from;
        if (hash != 0 && !(Uri.TryCreate(from.Address, hash < 0 ? text : text[..hash], out Uri? address) && _resources.TryGetValue(address, out resource)))
            throw reference.Path.Wrong($"the reference '{Shortened(text)}' leads out of the document; other documents are not read: put what it names into $defs");
        if (fragment.Length == 0) return (resource!.Root, resource);
        if (fragment[0] == '/') return Follow(reference, fragment, resource!);
        if (resource!.Anchors.TryGetValue(fragment, out SchemaPart schema)) return (schema, ResourceOf(schema, resource));
        throw reference.Path.Wrong($"the reference '{Shortened(text)}' names nothing in the document");
    }

    /// <summary>The name of the dynamic anchor that a $dynamicRef names at first; null if it is an ordinary reference.</summary>
    public string? DynamicName(SchemaPart reference, SchemaResource from)
    {
        (_, SchemaResource resource) = Resolve(reference, from);
        string text = reference.Text();
        string name = text[(text.IndexOf('#', StringComparison.Ordinal) + 1)..];
        return resource.Dynamic.Contains(name) ? name : null;
    }

    private (SchemaPart Schema, SchemaResource Resource) Follow(SchemaPart reference, string pointer, SchemaResource resource)
    {
        SchemaPart at = resource.Root;
        foreach (string step in pointer.Split('/').Skip(1))
        {
            _budget.Step();
            string name = step.Replace("~1", "/", StringComparison.Ordinal).Replace("~0", "~", StringComparison.Ordinal);
            if (at.Value.ValueKind == JsonValueKind.Object && at.Value.TryGetProperty(name, out JsonElement member)) at = at.Then(name, member);
            else if (at.Value.ValueKind == JsonValueKind.Array && int.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out int index) && index < at.Value.GetArrayLength()) at = new SchemaPart(at.Value[index], at.Path.Then(index));
            else throw reference.Path.Wrong($"the reference '{Shortened(reference.Text())}' names nothing in the document");
            resource = ResourceOf(at, resource);
        }
        return (at, resource);
    }

    /// <summary>Finds the resources and anchors in a schema, without going into what is no schema.</summary>
    private SchemaResource Index(SchemaPart schema, SchemaResource around)
    {
        _budget.Step();
        if (schema.Value.ValueKind != JsonValueKind.Object) return around;
        SchemaResource resource = around;
        if (AddressOf(schema, around) is Uri address)
        {
            resource = new SchemaResource(address, schema);
            _budget.Bytes(400);
            // The same schema may stand at several places, as where two tools take the same kind of thing.
            if (!_resources.TryAdd(address, resource) && !JsonElement.DeepEquals(_resources[address].Root.Value, schema.Value)) throw schema.Path.Wrong($"two schemas have the $id '{Shortened(schema.Value.GetProperty("$id").GetString()!)}'");
        }
        foreach ((string name, SchemaPart part) in schema.Members())
        {
            LooksAtEvaluated |= name is "unevaluatedProperties" or "unevaluatedItems";
            if (name is "$anchor" or "$dynamicAnchor")
            {
                _budget.Bytes(100);
                if (!resource.Anchors.TryAdd(part.Text(), schema) && !JsonElement.DeepEquals(resource.Anchors[part.Text()].Value, schema.Value)) throw part.Path.Wrong($"two schemas have the anchor '{Shortened(part.Text())}'");
                if (name == "$dynamicAnchor") resource.Dynamic.Add(part.Text());
            }
            else if (s_maps.Contains(name) && part.Value.ValueKind == JsonValueKind.Object)
            {
                foreach ((_, SchemaPart inner) in part.Members()) Index(inner, resource);
            }
            else if (s_lists.Contains(name) && part.Value.ValueKind == JsonValueKind.Array)
            {
                foreach (SchemaPart inner in part.Items()) Index(inner, resource);
            }
            else if (s_schemas.Contains(name))
            {
                Index(part, resource);
            }
        }
        return resource;
    }

    /// <summary>What the $id of a schema says it is called; null if it has none.</summary>
    private static Uri? AddressOf(SchemaPart schema, SchemaResource around)
    {
        if (schema.Value.ValueKind != JsonValueKind.Object || !schema.Value.TryGetProperty("$id", out JsonElement id) || id.ValueKind != JsonValueKind.String) return null;
        string text = id.GetString()!.TrimEnd('#');
        return text.Length > 0 && text[0] != '#' && Uri.TryCreate(around.Address, text, out Uri? address) ? address : null;
    }

    private static string Shortened(string text) => text.Length > 60 ? text[..57] + "..." : text;
}
