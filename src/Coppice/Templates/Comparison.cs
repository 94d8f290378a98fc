using System.Numerics;

namespace Coppice.Templates;

/// <summary>Equality, order and membership.</summary>
internal static class Comparison
{
    public static bool Same(Rendering run, object? a, object? b)
    {
        run.Step();
        (a, b) = (Markup.Bare(a), Markup.Bare(b));
        if (Arithmetic.IsNumber(a) && Arithmetic.IsNumber(b)) return CompareNumbers(a!, b!) == 0;
        return (a, b) switch
        {
            (null, null) => true,
            (string x, string y) => SameTexts(run, x, y),
            (Undefined, Undefined) => true,
            (Sequence x, Sequence y) => ReferenceEquals(x, y) || (IsData(x) && x.Kind == y.Kind && SameItems(run, x, y)),
            (Map x, Map y) => ReferenceEquals(x, y) || SamePairs(run, x, y),
            _ => ReferenceEquals(a, b),
        };
    }

    /// <summary>Less than zero where <paramref name="a"/> comes first.</summary>
    public static int Order(Rendering run, object? a, object? b)
    {
        run.Step();
        (a, b) = (Markup.Bare(a), Markup.Bare(b));
        if (Arithmetic.IsNumber(a) && Arithmetic.IsNumber(b)) return CompareNumbers(a!, b!);
        return (a, b) switch
        {
            (string x, string y) => CompareTexts(run, x, y),
            (Sequence x, Sequence y) when x.Kind == y.Kind && x.Kind is SequenceKind.List or SequenceKind.Tuple => OrderItems(run, x, y),
            _ => throw run.Fail(UndefinedIn(a, b) ?? $"{TypeName.Of(a)} and {TypeName.Of(b)} have no order."),
        };
    }

    /// <summary>NaN is in no order with anything.</summary>
    public static bool IsOrdered(object? a, object? b) => !(a is double x && double.IsNaN(x)) && !(b is double y && double.IsNaN(y));

    public static bool Contains(Rendering run, object? container, object? item)
    {
        item = Markup.Bare(item);
        switch (Markup.Bare(container))
        {
            case string text:
                if (item is not string part) throw run.Fail(UndefinedIn(item, null) ?? $"'in' a text needs a text to look for; it gets {TypeName.Of(item)}.");
                run.Search(text, part);
                return text.Contains(part, StringComparison.Ordinal);
            case Map map:
                return Map.IsKey(item) && map.TryGet(item, out _);
            default:
                foreach (object? candidate in Iteration.Of(run, container))
                    if (Same(run, candidate, item)) return true;
                return false;
        }
    }

    /// <summary>Sorts without changing the order of equals.</summary>
    /// <param name="run">Pays for it.</param>
    /// <param name="items">What is sorted.</param>
    /// <param name="key">What decides the order.</param>
    /// <param name="descending">Whether the greatest comes first.</param>
    public static List<object?> Sorted(Rendering run, IReadOnlyList<object?> items, Func<object?, object?> key, bool descending)
    {
        run.Items(items.Count * 2L);
        (object? Key, object? Item)[] from = [.. items.Select(i => (key(i), i))];
        (object? Key, object? Item)[] to = new (object?, object?)[from.Length];
        // Bottom-up merging; List.Sort is not stable and wraps the errors of what it calls.
        for (int width = 1; width < from.Length; width *= 2)
        {
            for (int start = 0; start < from.Length; start += 2 * width)
                Merge(run, from, to, start, Math.Min(start + width, from.Length), Math.Min(start + 2 * width, from.Length), descending);
            (from, to) = (to, from);
        }
        return [.. from.Select(p => p.Item)];
    }

    private static void Merge(Rendering run, (object? Key, object? Item)[] from, (object? Key, object? Item)[] to, int left, int middle, int end, bool descending)
    {
        for (int at = left, right = middle; at < end; at++)
        {
            bool takesLeft = right >= end;
            if (!takesLeft && left < middle)
            {
                int order = Order(run, from[left].Key, from[right].Key);
                takesLeft = descending ? order >= 0 : order <= 0;
            }
            to[at] = takesLeft ? from[left++] : from[right++];
        }
    }

    private static string? UndefinedIn(object? a, object? b) => (a as Undefined ?? b as Undefined)?.Why;

    private static bool IsData(Sequence sequence) => sequence.Kind is not SequenceKind.Generator and not SequenceKind.Values;

    private static int CompareNumbers(object a, object b)
    {
        if (a is double x && b is double y) return double.IsNaN(x) || double.IsNaN(y) ? 1 : x.CompareTo(y);
        if (a is double real) return CompareMixed(real, Arithmetic.Big(b));
        if (b is double other) return double.IsNaN(other) ? 1 : -CompareMixed(other, Arithmetic.Big(a));
        return Arithmetic.Big(a).CompareTo(Arithmetic.Big(b));
    }

    private static bool SameTexts(Rendering run, string x, string y)
    {
        if (x.Length != y.Length) return false;
        run.Search(x, "");
        return x == y;
    }

    // Exactly: a large whole number is not rounded to a float first.
    private static int CompareMixed(double real, BigInteger whole)
    {
        if (!double.IsFinite(real)) return double.IsNegativeInfinity(real) ? -1 : 1;
        double floor = Math.Floor(real);
        int order = new BigInteger(floor).CompareTo(whole);
        return order == 0 && real > floor ? 1 : order;
    }

    // By code points: UTF-16 order differs above U+D7FF.
    private static int CompareTexts(Rendering run, string x, string y)
    {
        run.Characters(Math.Min(x.Length, y.Length));
        for (int i = 0; i < Math.Min(x.Length, y.Length); i++)
        {
            char a = x[i], b = y[i];
            if (a == b) continue;
            return char.IsSurrogate(a) == char.IsSurrogate(b) ? a - b : char.IsSurrogate(a) ? 1 : -1;
        }
        return x.Length - y.Length;
    }

    private static bool SameItems(Rendering run, Sequence x, Sequence y)
    {
        if (x.Items.Count != y.Items.Count) return false;
        run.Enter();
        for (int i = 0; i < x.Items.Count; i++)
        {
            if (Same(run, x.Items[i], y.Items[i])) continue;
            run.Leave();
            return false;
        }
        run.Leave();
        return true;
    }

    private static bool SamePairs(Rendering run, Map x, Map y)
    {
        if (x.Count != y.Count) return false;
        run.Enter();
        foreach ((object? key, object? value) in x.Pairs)
        {
            if (y.TryGet(key, out object? other) && Same(run, value, other)) continue;
            run.Leave();
            return false;
        }
        run.Leave();
        return true;
    }

    private static int OrderItems(Rendering run, Sequence x, Sequence y)
    {
        run.Enter();
        int order = x.Items.Count - y.Items.Count;
        for (int i = 0; i < Math.Min(x.Items.Count, y.Items.Count); i++)
        {
            if (Same(run, x.Items[i], y.Items[i])) continue;
            order = Order(run, x.Items[i], y.Items[i]);
            break;
        }
        run.Leave();
        return order;
    }
}
