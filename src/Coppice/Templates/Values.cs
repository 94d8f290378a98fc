namespace Coppice.Templates;

// What a template works with: null (None), bool, long, BigInteger (never one that fits into a long), double, string, and the types below. Nothing else of the program can be reached.

/// <summary>What stands where nothing is: it prints as nothing and holds nothing, but has no attributes and takes part in no arithmetic.</summary>
/// <param name="Why">What a use of it is told.</param>
internal sealed record Undefined(string Why);

internal enum SequenceKind
{
    List,
    Tuple,
    Range,

    /// <summary>dict.keys(), .values(), .items(): printed in their own way.</summary>
    Keys,
    Values,
    Items,

    /// <summary>What map, select and their like give: true even when empty, without length, and used up by the first use.</summary>
    Generator,
}

/// <summary>Values in order. Templates cannot change it.</summary>
internal sealed class Sequence(SequenceKind kind, IReadOnlyList<object?> items)
{
    private bool _isUsed;

    public SequenceKind Kind => kind;

    public IReadOnlyList<object?> Items => items;

    /// <summary>How it prints, if not by its items (range).</summary>
    public string? Shown { get; init; }

    /// <summary>Names of the parts (groupby).</summary>
    public string[]? Names { get; init; }

    public static Sequence List(IReadOnlyList<object?> items) => new(SequenceKind.List, items);

    public static Sequence Tuple(params object?[] items) => new(SequenceKind.Tuple, items);

    public static Sequence Generator(IReadOnlyList<object?> items) => new(SequenceKind.Generator, items);

    /// <summary>The items for going through them: once only, for a generator.</summary>
    public IReadOnlyList<object?> Use()
    {
        if (kind != SequenceKind.Generator) return items;
        if (_isUsed) return [];
        _isUsed = true;
        return items;
    }
}

/// <summary>Names and values, in the order in which they came. Templates cannot change it.</summary>
internal sealed class Map
{
    private readonly Dictionary<object, int> _places = new(KeyEquality.Instance);
    private readonly List<KeyValuePair<object?, object?>> _pairs = [];

    public IReadOnlyList<KeyValuePair<object?, object?>> Pairs => _pairs;

    public int Count => _pairs.Count;

    public object? this[object? key]
    {
        set
        {
            key = Markup.Bare(key);
            if (_places.TryAdd(key ?? KeyEquality.None, _pairs.Count)) _pairs.Add(new(key, value));
            else _pairs[_places[key ?? KeyEquality.None]] = new(_pairs[_places[key ?? KeyEquality.None]].Key, value);
        }
    }

    public bool TryGet(object? key, out object? value)
    {
        bool found = _places.TryGetValue(Markup.Bare(key) ?? KeyEquality.None, out int place);
        value = found ? _pairs[place].Value : null;
        return found;
    }

    public static bool IsKey(object? value) => value is null or string or Markup or bool or long or double or System.Numerics.BigInteger;

    // True, 1 and 1.0 are one key.
    private sealed class KeyEquality : IEqualityComparer<object>
    {
        public static readonly KeyEquality Instance = new();
        public static readonly object None = new();

        public new bool Equals(object? x, object? y) => object.Equals(Plain(x), Plain(y));

        public int GetHashCode(object key) => Plain(key)!.GetHashCode();

        private static object? Plain(object? key) => key switch
        {
            bool flag => flag ? 1L : 0L,
            double number when Math.Floor(number) == number && Math.Abs(number) < 1L << 53 => (long)number,
            _ => key,
        };
    }
}

/// <summary>namespace(): the one thing that a template can change.</summary>
internal sealed class Namespace
{
    public Dictionary<string, object?> Values { get; } = new(StringComparer.Ordinal);
}

/// <summary>Something that can be called: a macro, a method, a function.</summary>
internal sealed class Callable(string name, Func<Arguments, object?> call)
{
    public string Name => name;

    public object? Call(Arguments arguments) => call(arguments);
}

/// <summary>An object with attributes of its own: loop, cycler, joiner.</summary>
internal abstract class Facility
{
    public abstract bool TryAttribute(Rendering run, string name, out object? value);
}
