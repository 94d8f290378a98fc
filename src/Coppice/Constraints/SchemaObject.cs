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

        bool namesSome = order.Count > 0;
        List<SchemaPart>? additional = Additional(keywords, properties, order, path, namesSome);
        HashSet<string> required = new(StringComparer.Ordinal);
        foreach (SchemaPart item in keywords["required"].SelectMany(part => part.Items()))
        {
            string name = item.Text();
            if (!required.Add(name) || properties.ContainsKey(name)) continue;
            if (name.Length > NameCharacters) throw path.Wrong($"a property's name has {name.Length} characters; it may have at most {NameCharacters}");
            if (additional is null && keywords.Objects.Any(o => o.Additional is { IsFalse: true })) throw item.Path.Wrong($"'{name}' is required and additionalProperties is false without it among the properties");
            properties[name] = additional ?? [];
            order.Add(name);
        }

        List<ListItem> members = [];
        foreach (string name in order)
        {
            Expr key = Expr.Text(JsonRules.TextOf(name));
            members.Add(new ListItem(JsonRules.Member(key, read(properties[name], depth + 1)), required.Contains(name) ? ListSkip.Never : ListSkip.ToNext));
        }
        if (additional is not null) members.Add(new ListItem(JsonRules.Member(rules.KeyExcept(order), read(additional, depth + 1)), ListSkip.Loop));
        return rules.Object(members);
    }

    /// <summary>The schemas of properties that are not named; null if there may be none. Drops named ones that another schema closes out.</summary>
    private static List<SchemaPart>? Additional(SchemaKeywords keywords, Dictionary<string, List<SchemaPart>> properties, List<string> order, SchemaPath path, bool namesSome)
    {
        bool closed = false, open = false;
        List<SchemaPart> schemas = [];
        foreach ((SchemaPart? named, SchemaPart? others) in keywords.Objects)
        {
            if (others is not SchemaPart rule) continue;
            if (rule.Value.ValueKind is not (JsonValueKind.Object or JsonValueKind.True or JsonValueKind.False)) throw rule.Wrong("true, false or a schema");
            HashSet<string> own = [.. named?.Members().Select(member => member.Name) ?? []];
            string[] foreign = [.. order.Where(name => !own.Contains(name))];
            closed |= rule.IsFalse;
            open |= !rule.IsFalse;
            if (rule.Value.ValueKind == JsonValueKind.Object) schemas.Add(rule);
            foreach (string name in foreign)
            {
                if (rule.Value.ValueKind == JsonValueKind.Object) properties[name].Add(rule);
                if (!rule.IsFalse) continue;
                if (keywords["required"].SelectMany(part => part.Items()).Any(item => item.Text() == name))
                    throw path.Wrong($"'{name}' is required by one schema and closed out by another's additionalProperties");
                order.Remove(name);
                properties.Remove(name);
            }
        }
        return closed || (namesSome && !open) ? null : schemas;
    }
}
