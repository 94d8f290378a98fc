namespace Coppice.Templates;

/// <summary>Filters over the items of a list.</summary>
internal static class SequenceFilters
{
    public static object? Length(object? value, Arguments given)
    {
        given.As();
        given.Run.Characters((value as string)?.Length ?? 0);
        int length = value switch
        {
            string text => PythonText.Length(text),
            Undefined => 0,
            Map map => map.Count,
            Sequence { Kind: not SequenceKind.Generator } sequence => sequence.Items.Count,
            _ => throw given.Run.Fail($"{TypeName.Of(value)} has no length{(value is Sequence ? "; put '| list' before it" : "")}."),
        };
        return (long)length;
    }

    public static object? First(object? value, Arguments given)
    {
        IReadOnlyList<object?> items = Iteration.Of(given.As().Run, value);
        return items.Count > 0 ? items[0] : new Undefined("An empty list has no first item.");
    }

    public static object? Last(object? value, Arguments given)
    {
        if (value is Sequence { Kind: SequenceKind.Generator }) throw given.Run.Fail("What comes out of a filter such as 'map' has no last item; put '| list' before it.");
        IReadOnlyList<object?> items = Iteration.Of(given.As().Run, value);
        return items.Count > 0 ? items[^1] : new Undefined("An empty list has no last item.");
    }

    public static object? Items(object? value, Arguments given) => value switch
    {
        Undefined => Sequence.Generator([]),
        Map map => Sequence.Generator(CollectionMethods.Find(given.As().Run, map, "items")!.Call(given) is Sequence pairs ? pairs.Items : []),
        _ => throw given.Run.Fail($"items needs a dict; here is {TypeName.Of(value)}."),
    };

    public static object? DictSort(object? value, Arguments given)
    {
        given.As("case_sensitive", "by", "reverse");
        if (value is not Map map) throw given.Run.Fail((value as Undefined)?.Why ?? $"dictsort needs a dict; here is {TypeName.Of(value)}.");
        bool isExact = given.Flag(0, missing: false);
        int part = (given.OptionalText(1) ?? "key") switch
        {
            "key" => 0,
            "value" => 1,
            _ => throw given.Wrong(1, "'key' or 'value'"),
        };
        List<object?> pairs = [.. map.Pairs.Select(p => Sequence.Tuple(p.Key, p.Value))];
        return Sequence.List(Comparison.Sorted(given.Run, pairs, p => Folded(((Sequence)p!).Items[part], isExact), given.Flag(2, missing: false)));
    }

    public static object? Sort(object? value, Arguments given)
    {
        given.As("reverse", "case_sensitive", "attribute");
        bool isExact = given.Flag(1, missing: false);
        object? attribute = given.Or(2, null);
        return Sequence.List(Comparison.Sorted(given.Run, Iteration.Of(given.Run, value), Key, given.Flag(0, missing: false)));

        // "a,b" sorts by a and then by b. Keys are lists, in which undefined values are equal and need no order.
        object? Key(object? item)
        {
            if (attribute is null) return Folded(item, isExact);
            object?[] parts = attribute is string paths ? paths.Split(',') : [attribute];
            return Sequence.List([.. parts.Select(p => Folded(SelectionFilters.Path(given.Run, item, p), isExact))]);
        }
    }

    public static object? Unique(object? value, Arguments given)
    {
        given.As("case_sensitive", "attribute");
        bool isExact = given.Flag(0, missing: false);
        List<object?> kept = [], keys = [];
        Map scalars = new();
        foreach (object? item in Iteration.Of(given.Run, value))
        {
            object? key = Folded(given.Or(1, null) is { } attribute ? SelectionFilters.Path(given.Run, item, attribute) : item, isExact);
            if (Map.IsKey(key) ? scalars.TryGet(key, out _) : keys.Any(k => Comparison.Same(given.Run, k, key))) continue;
            if (Map.IsKey(key)) scalars[key] = null;
            else keys.Add(key);
            kept.Add(item);
        }
        return Sequence.Generator(kept);
    }

    public static object? Reverse(object? value, Arguments given)
    {
        given.As();
        if (value is string text) return string.Concat(Iteration.Of(given.Run, text).Reverse().Cast<string>());
        return Sequence.Generator([.. Iteration.Of(given.Run, value).Reverse()]);
    }

    public static object? Batch(object? value, Arguments given)
    {
        int size = given.As("linecount", "fill_with").Int(0);
        if (size <= 0) throw given.Wrong(0, "a number above 0");
        List<object?> batches = [];
        foreach (object?[] batch in Iteration.Of(given.Run, value).Chunk(size)) batches.Add(Sequence.List(Filled(batch, size, given)));
        return Sequence.Generator(batches);
    }

    public static object? Slice(object? value, Arguments given)
    {
        int slices = given.As("slices", "fill_with").Int(0);
        if (slices <= 0) throw given.Wrong(0, "a number above 0");
        given.Run.Items(slices);
        IReadOnlyList<object?> items = Iteration.Of(given.Run, value);
        (int each, int rest) = Math.DivRem(items.Count, slices);
        List<object?> lists = [];
        for (int i = 0, from = 0; i < slices; i++)
        {
            int count = each + (i < rest ? 1 : 0);
            lists.Add(Sequence.List(Filled([.. items.Skip(from).Take(count)], i >= rest && rest > 0 ? each + 1 : count, given)));
            from += count;
        }
        return Sequence.Generator(lists);
    }

    public static object? Extreme(object? value, Arguments given, bool greatest)
    {
        given.As("case_sensitive", "attribute");
        bool isExact = given.Flag(0, missing: false);
        IReadOnlyList<object?> items = Iteration.Of(given.Run, value);
        if (items.Count == 0) return new Undefined("An empty list has no least and no greatest item.");
        object? best = items[0];
        for (int i = 1; i < items.Count; i++)
        {
            int order = Comparison.Order(given.Run, Key(items[i]), Key(best));
            if (greatest ? order > 0 : order < 0) best = items[i];
        }
        return best;

        object? Key(object? item) => Folded(given.Or(1, null) is { } attribute ? SelectionFilters.Path(given.Run, item, attribute) : item, isExact);
    }

    private static object?[] Filled(object?[] items, int size, Arguments given)
    {
        if (given.Or(1, null) is not { } fill || items.Length >= size) return items;
        given.Run.Items(size);
        return [.. items, .. Enumerable.Repeat(fill, size - items.Length)];
    }

    private static object? Folded(object? key, bool isExact) => key is string text && !isExact ? text.ToLowerInvariant() : key;
}
