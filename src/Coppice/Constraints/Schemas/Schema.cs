namespace Coppice.Constraints.Schemas;

/// <summary>
/// A schema, in the order of resources that led to it where a $dynamicRef may ask for them. Equal schemas are one object.
/// </summary>
internal sealed class Schema
{
    private readonly Dictionary<string, SchemaPart> _keywords;

    public Schema(int id, SchemaPart part, SchemaResource resource, SchemaScope scope, Dictionary<string, SchemaPart> keywords)
    {
        (Id, Part, Resource, Scope, _keywords) = (id, part, resource, scope, keywords);
        IsFalse = part.IsFalse;
    }

    /// <param name="id">Its number.</param>
    /// <param name="alternatives">A value that fits one of them fits.</param>
    public Schema(int id, IReadOnlyList<Schema> alternatives) : this(id, alternatives[0].Part, alternatives[0].Resource, alternatives[0].Scope, [])
    {
        Alternatives = alternatives;
        IsFalse = false;
    }

    public int Id { get; }

    public SchemaPart Part { get; }

    public SchemaPath Path => Part.Path;

    public SchemaResource Resource { get; }

    public SchemaScope Scope { get; }

    public bool IsFalse { get; }

    /// <summary>No keyword of it says anything of values.</summary>
    public bool IsTrue => !IsFalse && _keywords.Count == 0 && Alternatives is null;

    /// <summary>Null but where the schema was made of others.</summary>
    public IReadOnlyList<Schema>? Alternatives { get; }

    public int KeywordCount => _keywords.Count;

    public SchemaPart? this[string keyword] => _keywords.TryGetValue(keyword, out SchemaPart part) ? part : null;

    public bool Has(string keyword) => _keywords.ContainsKey(keyword);

    public bool HasAny(params ReadOnlySpan<string> keywords)
    {
        foreach (string keyword in keywords)
            if (_keywords.ContainsKey(keyword)) return true;
        return false;
    }
}

/// <summary>The resources with dynamic anchors that were gone through, outermost first; each once.</summary>
internal sealed class SchemaScope
{
    public static readonly SchemaScope Empty = new(null, null);

    private readonly SchemaScope? _outer;
    private readonly SchemaResource? _resource;
    private readonly Dictionary<SchemaResource, SchemaScope> _inner = [];

    private SchemaScope(SchemaScope? outer, SchemaResource? resource)
    {
        (_outer, _resource) = (outer, resource);
    }

    public SchemaScope Enter(SchemaResource resource)
    {
        if (resource.Dynamic.Count == 0) return this;
        for (SchemaScope? at = this; at is not null; at = at._outer)
            if (at._resource == resource) return this;
        if (!_inner.TryGetValue(resource, out SchemaScope? inner)) _inner[resource] = inner = new SchemaScope(this, resource);
        return inner;
    }

    /// <summary>The outermost resource that has the dynamic anchor.</summary>
    public SchemaResource? Outermost(string anchor)
    {
        SchemaResource? found = null;
        for (SchemaScope? at = this; at is not null; at = at._outer)
            if (at._resource is not null && at._resource.Dynamic.Contains(anchor)) found = at._resource;
        return found;
    }
}
