namespace Coppice.Templates;

/// <summary>
/// value.name and value[key]. A name is looked for among the methods first and then among the keys, a key the other way round, as Jinja does.
/// Names that begin with an underscore are nobody's.
/// </summary>
internal static class Lookup
{
    public static object? Attribute(Rendering run, object? value, string name)
    {
        run.Step();
        if (value is Undefined undefined) throw run.Fail(undefined.Why);
        if (TryMember(run, value, name, out object? member)) return member;
        return value is Map map && map.TryGet(name, out object? item) ? item : Nothing(value, name);
    }

    /// <summary>The attribute alone, which no key stands in for.</summary>
    public static object? Member(Rendering run, object? value, string name)
    {
        if (value is Undefined undefined) throw run.Fail(undefined.Why);
        return TryMember(run, value, name, out object? member) ? member : Nothing(value, name);
    }

    public static object? Item(Rendering run, object? value, object? key)
    {
        run.Step();
        key = Markup.Bare(key);
        if (key is string looked) run.Characters(looked.Length);
        switch (value)
        {
            case Markup markup when AsIndex(key) is not null: return Markup.Marked(Item(run, markup.Text, key));
            case Undefined undefined:
                throw run.Fail(undefined.Why);
            case Map map when Map.IsKey(key) && map.TryGet(key, out object? item):
                return item;
            case Sequence sequence when sequence.Kind is SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range && AsIndex(key) is long index:
                return At(sequence.Items.Count, index) is int place ? sequence.Items[place] : new Undefined($"A list of {sequence.Items.Count} has no element {index}.");
            case string text when AsIndex(key) is long index:
                run.Characters(text.Length);
                if (At(PythonText.Length(text), index) is not int character) return new Undefined($"A text has no character {index}.");
                int start = PythonText.Place(text, character);
                return text[start..PythonText.Next(text, start)];
        }
        if (key is string name) return TryMember(run, value, name, out object? member) ? member : Nothing(value, name);
        return Nothing(value, PythonText.Repr(run, key));
    }

    public static object? Slice(Rendering run, object? value, object? from, object? to, object? by)
    {
        if (value is Undefined undefined) throw run.Fail(undefined.Why);
        long step = Bound(run, by) ?? 1;
        if (step == 0) throw run.Fail("A slice cannot go by steps of 0.");
        if (value is Markup markup) return Markup.Marked(Slice(run, markup.Text, from, to, by));
        if (value is string text)
        {
            run.Characters(text.Length);
            if (step == 1 && PythonText.Length(text) == text.Length)
            {
                (long start, long end) = Bounds(run, text.Length, from, to, 1);
                return end <= start ? "" : text[(int)start..(int)end];
            }
            return string.Concat(Pick(run, Iteration.Of(run, text), from, to, step).Cast<string>());
        }
        if (value is not Sequence { Kind: SequenceKind.List or SequenceKind.Tuple or SequenceKind.Range } sequence)
            throw run.Fail($"{TypeName.Of(value)} has no slices.");
        return new Sequence(sequence.Kind == SequenceKind.Tuple ? SequenceKind.Tuple : SequenceKind.List, Pick(run, sequence.Items, from, to, step));
    }

    private static List<object?> Pick(Rendering run, IReadOnlyList<object?> items, object? from, object? to, long step)
    {
        (long start, long end) = Bounds(run, items.Count, from, to, step);
        List<object?> picked = [];
        for (long at = start; step > 0 ? at < end : at > end; at += step)
        {
            run.Items(1);
            picked.Add(items[(int)at]);
            if (Math.Abs(step) > items.Count) break;
        }
        return picked;
    }

    // Python's rules: a negative bound counts from the end, and what lies outside is moved to the border.
    private static (long Start, long End) Bounds(Rendering run, long count, object? from, object? to, long step)
    {
        long low = step > 0 ? 0 : -1, high = step > 0 ? count : count - 1;
        long start = Bound(run, from) is long first ? Math.Clamp(first < 0 ? first + count : first, low, high) : step > 0 ? low : high;
        long end = Bound(run, to) is long last ? Math.Clamp(last < 0 ? last + count : last, low, high) : step > 0 ? high : low;
        return (start, end);
    }

    private static long? Bound(Rendering run, object? value)
    {
        if (value is null) return null;
        if (value is Undefined undefined) throw run.Fail(undefined.Why);
        return AsIndex(value) is long bound ? Math.Clamp(bound, int.MinValue, int.MaxValue) : throw run.Fail($"The bounds of a slice are whole numbers; one is {TypeName.Of(value)}.");
    }

    private static long? AsIndex(object? key) => key switch
    {
        long index => index,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    private static int? At(int count, long index)
    {
        if (index < 0) index += count;
        return index >= 0 && index < count ? (int)index : null;
    }

    private static bool TryMember(Rendering run, object? value, string name, out object? member)
    {
        member = null;
        if (name.StartsWith('_')) return false;
        switch (value)
        {
            case string text: return Found(TextMethods.Find(text, name), out member);
            case Markup markup: return Found(markup.Method(name), out member);
            case Sequence sequence:
                if (sequence.Names is not null && Array.IndexOf(sequence.Names, name) is >= 0 and int part)
                {
                    member = sequence.Items[part];
                    return true;
                }
                return Found(CollectionMethods.Find(run, sequence, name), out member);
            case Map map: return Found(CollectionMethods.Find(run, map, name), out member);
            case not null when Arithmetic.IsNumber(value): return NumberFilters.TryMember(value, name, out member);
            case Namespace names: return names.Values.TryGetValue(name, out member);
            case Facility facility: return facility.TryAttribute(run, name, out member);
            case Callable callable when name == "name":
                member = callable.Name;
                return true;
            default: return false;
        }
    }

    private static bool Found(Callable? method, out object? member)
    {
        member = method;
        return method is not null;
    }

    private static Undefined Nothing(object? value, string name) =>
        new(name.StartsWith('_') ? $"'{Short(name)}' of {TypeName.Of(value)} is not for templates." : $"{TypeName.Of(value)} has no '{Short(name)}'.");

    private static string Short(string name) => name.Length <= 60 ? name : name[..60] + "…";
}
