using System.Text.Json;

namespace Coppice.Constraints;

/// <summary>
/// Objects. Properties come in the order in which the schema names them, then those that are only required, then additional ones. Where a schema names
/// properties and says nothing of others, there are none: weak models would else not find the end, and what is left out is valid too.
/// </summary>
internal sealed class SchemaObject(JsonRules rules, ReadSchema read)
{
    private const int NameCharacters = 500;

    public Expr Read(SchemaKeywords keywords, SchemaPath path, int depth)
    {
        List<string> order = [];
        Dictionary<string, List<SchemaPart>> properties = new(StringComparer.Ordinal);
        foreach ((SchemaPart? named, _) in keywords.Objects)
        {
            foreach ((string name, SchemaPart schema) in named?.Members() ?? [])
            {
                if (name.Length > NameCharacters) throw path.Wrong($"a property's name has {name.Length} characters; it may have at most {NameCharacters}");
                if (!properties.TryGetValue(name, out List<SchemaPart>? schemas))
                {
                    properties[name] = schemas = [];
                    order.Add(name);
                }
                schemas.Add(schema);
            }
        }

        SchemaPart[] required = [.. keywords["required"].SelectMany(part => part.Items())];
        HashSet<string> requiredNames = new(required.Select(item => item.Text()), StringComparer.Ordinal);
        List<SchemaPart>? additional = Additional(keywords, properties, order, requiredNames, path);
        foreach (SchemaPart item in required)
        {
            string name = item.Text();
            if (properties.ContainsKey(name)) continue;
            if (name.Length > NameCharacters) throw path.Wrong($"a property's name has {name.Length} characters; it may have at most {NameCharacters}");
            if (additional is null && keywords.Objects.Any(o => o.Additional is { IsFalse: true })) throw item.Path.Wrong($"'{name}' is required and additionalProperties is false without it among the properties");
            properties[name] = additional ?? [];
            order.Add(name);
        }

        List<ListItem> members = [];
        foreach (string name in order)
        {
            Expr key = Expr.Text(JsonRules.TextOf(name));
            members.Add(new ListItem(JsonRules.Member(key, read(properties[name], depth + 1)), requiredNames.Contains(name) ? ListSkip.Never : ListSkip.ToNext));
        }
        if (additional is not null) members.Add(new ListItem(JsonRules.Member(rules.KeyExcept(order), read(additional, depth + 1)), ListSkip.Loop));
        return rules.Object(members);
    }

    /// <summary>The schemas of properties that are not named; null if there may be none. Drops named ones that another schema closes out.</summary>
    private static List<SchemaPart>? Additional(SchemaKeywords keywords, Dictionary<string, List<SchemaPart>> properties, List<string> order, HashSet<string> required, SchemaPath path)
    {
        bool namesSome = order.Count > 0, closed = false, open = false;
        List<SchemaPart> schemas = [];
        foreach ((SchemaPart? named, SchemaPart? others) in keywords.Objects)
        {
            if (others is not SchemaPart rule) continue;
            if (rule.Value.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)) throw rule.Wrong("true, false or a schema");
            HashSet<string> own = new(named?.Members().Select(member => member.Name) ?? [], StringComparer.Ordinal);
            if (rule.IsFalse)
            {
                closed = true;
                string? lost = order.Find(name => required.Contains(name) && !own.Contains(name));
                if (lost is not null) throw path.Wrong($"'{lost}' is required by one schema and closed out by another's additionalProperties");
                order.RemoveAll(name => !own.Contains(name) && properties.Remove(name));
                continue;
            }
            open = true;
            if (rule.Value.ValueKind != JsonValueKind.Object) continue;
            schemas.Add(rule);
            foreach (string name in order.Where(name => !own.Contains(name))) properties[name].Add(rule);
        }
        return closed || (namesSome && !open) ? null : schemas;
    }
}
