namespace Coppice.Templates;

/// <summary>The methods of lists and dicts. Those that change them are refused, as transformers refuses them.</summary>
internal static class CollectionMethods
{
    private static readonly HashSet<string> s_listChanges = new(["append", "clear", "extend", "insert", "pop", "remove", "reverse", "sort"], StringComparer.Ordinal);
    private static readonly HashSet<string> s_mapChanges = new(["clear", "pop", "popitem", "setdefault", "update"], StringComparer.Ordinal);

    public static Callable? Find(Rendering run, Sequence sequence, string name)
    {
        if (sequence.Kind is not (SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range)) return null;
        if (s_listChanges.Contains(name)) return Refused("list", name);
        return name switch
        {
            "count" => new Callable(name, a => sequence.Items.LongCount(i => Comparison.Same(run, i, a.As("value")[0]))),
            "index" => new Callable(name, a =>
            {
                for (int i = 0; i < sequence.Items.Count; i++)
                    if (Comparison.Same(run, sequence.Items[i], a.As("value")[0])) return (long)i;
                throw run.Fail("The value looked for is not in the list.");
            }),
            "copy" when sequence.Kind == SequenceKind.List => new Callable(name, _ => sequence),
            _ => null,
        };
    }

    public static Callable? Find(Rendering run, Map map, string name)
    {
        if (s_mapChanges.Contains(name)) return map.TryGet(name, out _) ? null : Refused("dict", name);
        return name switch
        {
            "get" => new Callable(name, a =>
            {
                a.As("key", "default");
                return Map.IsKey(a[0]) && map.TryGet(a[0], out object? value) ? value : a.Or(1, null);
            }),
            "items" => new Callable(name, _ => View(run, SequenceKind.Items, map)),
            "keys" => new Callable(name, _ => View(run, SequenceKind.Keys, map)),
            "values" => new Callable(name, _ => View(run, SequenceKind.Values, map)),
            "copy" => new Callable(name, _ => map),
            _ => null,
        };
    }

    private static Sequence View(Rendering run, SequenceKind kind, Map map)
    {
        run.Items(map.Count * 2L);
        return new Sequence(kind, [.. map.Pairs.Select(p => kind switch
        {
            SequenceKind.Keys => p.Key,
            SequenceKind.Values => p.Value,
            _ => Sequence.Tuple(p.Key, p.Value),
        })]);
    }

    private static Callable Refused(string type, string name) =>
        new(name, a => throw a.Run.Fail($"{type}.{name} changes a {type}, which a chat template may not do; make a new one, or use a namespace()."));
}
