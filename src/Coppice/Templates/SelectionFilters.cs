using System.Globalization;

namespace Coppice.Templates;

/// <summary>Filters that pick items, or a part of each.</summary>
internal static class SelectionFilters
{
    /// <summary>"a.b.0": attribute of attribute. What is missing, at each step, is the last argument, if there is one.</summary>
    public static object? Path(Rendering run, object? value, object? path, object? missing = null)
    {
        if (path is not string names) return Or(Lookup.Item(run, value, path), missing);
        foreach (string name in names.Split('.'))
            value = Or(Lookup.Item(run, value, long.TryParse(name, NumberStyles.None, CultureInfo.InvariantCulture, out long index) ? index : name), missing);
        return value;
    }

    private static object? Or(object? value, object? missing) => value is Undefined && missing is not null ? missing : value;

    public static object? Map(object? value, Arguments given)
    {
        if (!Truth.Of(value)) return Sequence.Generator([]);
        IReadOnlyList<object?> items = Iteration.Of(given.Run, value);
        if (given.Positional.Count == 0 && given.Named.Any(n => n.Name == "attribute"))
        {
            given.As("", "attribute", "default");
            return Sequence.Generator([.. items.Select(i => Path(given.Run, i, given[1], given.Or(2, null)))]);
        }
        if (given.Positional is not [string name, ..]) throw given.Run.Fail("map needs the name of a filter, or 'attribute'.");
        Filter filter = Filters.Find(given.Run, name);
        return Sequence.Generator([.. items.Select(i => filter(i, given.After(1, $"the filter '{name}'")))]);
    }

    public static object? Select(object? value, Arguments given, bool wanted) => Pick(value, given, 0, i => i, wanted);

    public static object? SelectByAttribute(object? value, Arguments given, bool wanted)
    {
        if (Truth.Of(value) && given.Positional.Count == 0) throw given.Run.Fail("selectattr and rejectattr need the name of an attribute.");
        return Pick(value, given, 1, i => Path(given.Run, i, given.Positional[0]), wanted);
    }

    public static object? GroupBy(object? value, Arguments given)
    {
        given.As("attribute", "default", "case_sensitive");
        bool isExact = given.Flag(2, missing: false);
        IReadOnlyList<object?> sorted = Comparison.Sorted(given.Run, Iteration.Of(given.Run, value), i => Folded(Key(i)), descending: false);
        List<object?> groups = [];
        for (int from = 0, to; from < sorted.Count; from = to)
        {
            object? key = Key(sorted[from]);
            for (to = from + 1; to < sorted.Count && Comparison.Same(given.Run, Folded(Key(sorted[to])), Folded(key));) to++;
            groups.Add(new Sequence(SequenceKind.Tuple, [key, Sequence.List([.. sorted.Skip(from).Take(to - from)])]) { Names = ["grouper", "list"] });
        }
        return Sequence.List(groups);

        object? Key(object? item) => Path(given.Run, item, given[0], given.Or(1, null));

        object? Folded(object? key) => key is string text && !isExact ? text.ToLowerInvariant() : key;
    }

    // The test's name and arguments follow the first ones; without a test, what is true.
    private static Sequence Pick(object? value, Arguments given, int first, Func<object?, object?> part, bool wanted)
    {
        // None, too, has no items.
        if (!Truth.Of(value)) return Sequence.Generator([]);
        Func<object?, bool> holds = Truth.Of;
        if (given.Positional.Count > first)
        {
            if (given.Positional[first] is not string name) throw given.Run.Fail("The name of a test is a text.");
            Test test = Tests.Find(given.Run, name);
            Arguments rest = given.After(first + 1, $"the test '{name}'");
            holds = i => test(Markup.Bare(i), rest);
        }
        List<object?> picked = [];
        foreach (object? item in Iteration.Of(given.Run, value))
        {
            given.Run.Items(1);
            if (holds(part(item)) == wanted) picked.Add(item);
        }
        return Sequence.Generator(picked);
    }
}
