using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>Everything that is asked of one value: the keywords of its schema, of those that allOf and $ref add, and of the alternative chosen.</summary>
internal sealed class SchemaKeywords
{
    private static readonly HashSet<string> s_notes = new(StringComparer.Ordinal)
    {
        "title", "description", "default", "examples", "example", "$schema", "$id", "$comment", "$defs", "definitions", "deprecated", "readOnly", "writeOnly",
        "contentEncoding", "contentMediaType", "discriminator", "externalDocs", "xml",
    };

    private static readonly HashSet<string> s_known = new(StringComparer.Ordinal)
    {
        "type", "nullable", "enum", "const", "anyOf", "oneOf",
        "properties", "required", "additionalProperties",
        "items", "prefixItems", "minItems", "maxItems",
        "minLength", "maxLength", "pattern", "format",
        "minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum",
    };

    private readonly Dictionary<string, List<SchemaPart>> _keywords = new(StringComparer.Ordinal);

    public SchemaKeywords()
    {
    }

    public SchemaKeywords(SchemaKeywords other)
    {
        IsImpossible = other.IsImpossible;
        Objects.AddRange(other.Objects);
        foreach ((string name, List<SchemaPart> values) in other._keywords) _keywords[name] = [.. values];
    }

    /// <summary>A schema false is among them.</summary>
    public bool IsImpossible { get; private set; }

    /// <summary>What each schema says of properties; additionalProperties speaks of those beside it only.</summary>
    public List<(SchemaPart? Properties, SchemaPart? Additional)> Objects { get; } = [];

    public bool IsEmpty => _keywords.Count == 0;

    public IReadOnlyList<SchemaPart> this[string name] => _keywords.TryGetValue(name, out List<SchemaPart>? values) ? values : [];

    public bool HasAny(params ReadOnlySpan<string> names)
    {
        foreach (string name in names)
            if (_keywords.ContainsKey(name)) return true;
        return false;
    }

    /// <summary>Keywords that are there and not among the names.</summary>
    public IEnumerable<(string Name, SchemaPart Part)> Beside(params string[] names) => _keywords.Where(pair => !names.Contains(pair.Key)).Select(pair => (pair.Key, pair.Value[0]));

    public static bool IsNote(string name) => s_notes.Contains(name) || name.StartsWith("x-", StringComparison.Ordinal);

    /// <summary>Takes the first value of a keyword out.</summary>
    public SchemaPart Take(string name)
    {
        List<SchemaPart> values = _keywords[name];
        SchemaPart first = values[0];
        if (values.Count == 1) _keywords.Remove(name);
        else values.RemoveAt(0);
        return first;
    }

    /// <summary>Adds a schema, and those it stands on.</summary>
    /// <param name="schema">An object, true or false.</param>
    /// <param name="references">Finds what a $ref names.</param>
    /// <param name="depth">Of references and allOf.</param>
    public void Add(SchemaPart schema, SchemaReferences references, int depth)
    {
        if (depth > ConstraintLimits.Nesting) throw schema.Path.Wrong($"allOf and $ref nest deeper than {ConstraintLimits.Nesting}; does a $ref lead back to itself?");
        references.Count(schema.Path);
        if (schema.Value.ValueKind == JsonValueKind.True) return;
        if (schema.IsFalse)
        {
            IsImpossible = true;
            return;
        }

        SchemaPart? properties = null, additional = null;
        foreach ((string name, SchemaPart part) in schema.Members())
        {
            if (name == "$ref") Add(references.Resolve(part), references, depth + 1);
            else if (name == "allOf") AddAll(part, references, depth);
            else if (name == "uniqueItems" && !part.Flag()) continue;
            else if (s_known.Contains(name)) Put(name, part);
            else if (!IsNote(name)) throw schema.Path.Wrong($"the keyword '{(name.Length > 60 ? name[..57] + "..." : name)}' is not supported; supported are {string.Join(", ", s_known)}, allOf and $ref");
            if (name == "properties") properties = part;
            if (name == "additionalProperties") additional = part;
        }
        if (properties is not null || additional is not null) Objects.Add((properties, additional));
    }

    private void AddAll(SchemaPart list, SchemaReferences references, int depth)
    {
        foreach (SchemaPart part in list.Items()) Add(part, references, depth + 1);
    }

    private void Put(string name, SchemaPart part)
    {
        if (!_keywords.TryGetValue(name, out List<SchemaPart>? values)) _keywords[name] = values = [];
        values.Add(part);
    }
}
