namespace Coppice.Templates;

/// <summary>What a filter, test, method, function or macro is called with.</summary>
internal sealed class Arguments(Rendering run, string callee, IReadOnlyList<object?> positional, IReadOnlyList<(string Name, object? Value)> named)
{
    private object?[] _slots = [];
    private bool[] _given = [];
    private string[] _names = [];

    public Rendering Run => run;

    public IReadOnlyList<object?> Positional => positional;

    public IReadOnlyList<(string Name, object? Value)> Named => named;

    public int Count => positional.Count + named.Count;

    /// <summary>Gives the arguments their names, in the order in which they may be written without.</summary>
    public Arguments As(params string[] names)
    {
        _names = names;
        _slots = new object?[names.Length];
        _given = new bool[names.Length];
        if (positional.Count > names.Length) throw run.Fail($"{callee} takes at most {names.Length} arguments; it gets {positional.Count}.");
        for (int i = 0; i < positional.Count; i++) Put(i, positional[i]);
        foreach ((string name, object? value) in named)
        {
            int slot = Array.IndexOf(names, name);
            if (slot < 0) throw run.Fail($"{callee} has no argument '{name}'.");
            Put(slot, value);
        }
        return this;
    }

    /// <summary>The arguments without the first <paramref name="count"/>, for the filter or test that the first one names.</summary>
    public Arguments After(int count, string newCallee) => new(run, newCallee, [.. positional.Skip(count)], named);

    /// <summary>The one argument's pairs as named arguments.</summary>
    public Arguments Pairs(string name)
    {
        if (As(name)[0] is not Map map) throw Wrong(0, "a dict");
        return new Arguments(run, callee, [], [.. map.Pairs.Where(p => p.Key is string).Select(p => ((string)p.Key!, p.Value))]);
    }

    /// <summary>The arguments with each value changed.</summary>
    public Arguments With(Func<object?, object?> change) => new(run, callee, [.. positional.Select(change)], [.. named.Select(n => (n.Name, change(n.Value)))]);

    public bool Has(int slot) => _given[slot];

    public object? this[int slot] => _given[slot] ? Markup.Bare(_slots[slot]) : throw run.Fail($"{callee} needs the argument '{_names[slot]}'.");

    public object? Or(int slot, object? missing) => _given[slot] ? Markup.Bare(_slots[slot]) : missing;

    public string Text(int slot) => this[slot] is string text ? text : throw Wrong(slot, "a text");

    /// <summary>A text, or null where none is given or it is none.</summary>
    public string? OptionalText(int slot) => Or(slot, null) is null ? null : Text(slot);

    public int Int(int slot, int? missing = null)
    {
        if (!_given[slot] && missing is int value) return value;
        return Integer(this[slot]) is long whole and >= int.MinValue and <= int.MaxValue ? (int)whole : throw Wrong(slot, "a whole number below 2^31");
    }

    public bool Flag(int slot, bool missing) => _given[slot] ? Truth.Of(_slots[slot]) : missing;

    public ChatTemplateException Wrong(int slot, string wanted) => run.Fail($"{callee} needs {wanted} as '{_names[slot]}'; it gets {TypeName.Of(_slots[slot])}.");

    private static long? Integer(object? value) => value switch
    {
        long number => number,
        bool flag => flag ? 1 : 0,
        _ => null,
    };

    private void Put(int slot, object? value)
    {
        if (_given[slot]) throw run.Fail($"{callee} gets '{_names[slot]}' twice.");
        _slots[slot] = value;
        _given[slot] = true;
    }
}
