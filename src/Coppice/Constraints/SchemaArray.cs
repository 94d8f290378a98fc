namespace Coppice.Constraints;

/// <summary>Arrays: first those of prefixItems, then any number of items, between minItems and maxItems together.</summary>
internal sealed class SchemaArray(JsonRules rules, ReadSchema read)
{
    public Expr Read(SchemaKeywords keywords, SchemaPath path, int depth)
    {
        int min = keywords["minItems"].Select(part => part.Count()).DefaultIfEmpty(0).Max();
        int? max = keywords["maxItems"].Count == 0 ? null : keywords["maxItems"].Min(part => part.Count());
        if (max < min) throw path.Wrong($"minItems is {min} and maxItems is {max}; it must not be less");
        if (keywords["prefixItems"].Count > 1) throw path.Wrong("two schemas with prefixItems are not merged; write one list");
        foreach (SchemaPart items in keywords["items"])
            if (items.Value.ValueKind == System.Text.Json.JsonValueKind.Array) throw items.Path.Wrong("items is a list; lists of schemas are called prefixItems");

        SchemaPart[] first = keywords["prefixItems"] is [SchemaPart prefix] ? [.. prefix.Items()] : [];
        bool onlyFirst = keywords["items"].Any(part => part.IsFalse);
        if (onlyFirst && min > first.Length) throw path.Wrong($"minItems is {min}, and prefixItems and items allow {first.Length}");
        if (onlyFirst) max = Math.Min(max ?? int.MaxValue, first.Length);
        List<ListItem> list = [];
        for (int i = 0; i < first.Length && !(i >= max); i++) list.Add(new ListItem(read([first[i]], depth + 1), Skip(i, min)));
        if (max <= first.Length) return rules.Array(list);

        Expr item = read(keywords["items"], depth + 1);
        int copies = (max ?? min) - first.Length;
        if (copies > 1 && item is not CallExpr) item = rules.Add("an item", item);
        for (int i = first.Length; i < (max ?? min); i++) list.Add(new ListItem(item, Skip(i, min)));
        if (max is null) list.Add(new ListItem(item, ListSkip.Loop));
        return rules.Array(list);
    }

    private static ListSkip Skip(int index, int min) => index < min ? ListSkip.Never : ListSkip.ToEnd;
}
