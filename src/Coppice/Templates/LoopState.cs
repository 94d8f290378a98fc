namespace Coppice.Templates;

/// <summary>The variable 'loop'.</summary>
/// <param name="items">What it goes through.</param>
/// <param name="depth">How many loops of its kind it is in.</param>
/// <param name="again">What it prints for other items; null where the loop is not recursive.</param>
internal sealed class LoopState(IReadOnlyList<object?> items, int depth, Func<object?, string>? again) : Facility
{
    private IReadOnlyList<object?>? _last;

    public int Index0 { get; set; }

    public override bool TryAttribute(Rendering run, string name, out object? value)
    {
        value = name switch
        {
            "index" => Index0 + 1L,
            "index0" => (long)Index0,
            "revindex" => (long)items.Count - Index0,
            "revindex0" => items.Count - 1L - Index0,
            "first" => Index0 == 0,
            "last" => Index0 == items.Count - 1,
            "length" => (long)items.Count,
            "depth" => depth + 1L,
            "depth0" => (long)depth,
            "previtem" => Index0 > 0 ? items[Index0 - 1] : new Undefined("There is no previous item."),
            "nextitem" => Index0 + 1 < items.Count ? items[Index0 + 1] : new Undefined("There is no next item."),
            "cycle" => new Callable("loop.cycle", a => a.Positional.Count > 0 ? a.Positional[Index0 % a.Positional.Count] : throw run.Fail("loop.cycle needs something to cycle through.")),
            "" => new Callable("loop", a => again is not null ? again(a.As("iterable")[0]) : throw run.Fail("The loop can be called only where it has the word 'recursive'.")),
            "changed" => new Callable("loop.changed", Changed),
            _ => this,
        };
        return !ReferenceEquals(value, this);
    }

    private object Changed(Arguments arguments)
    {
        IReadOnlyList<object?>? last = _last;
        _last = arguments.Positional;
        return last is null || !Comparison.Same(arguments.Run, Sequence.List(last), Sequence.List(_last));
    }
}

/// <summary>cycler(…).</summary>
internal sealed class Cycler(IReadOnlyList<object?> items) : Facility
{
    private int _at;

    public override bool TryAttribute(Rendering run, string name, out object? value)
    {
        value = name switch
        {
            "next" => new Callable("cycler.next", _ =>
            {
                object? item = items[_at];
                _at = (_at + 1) % items.Count;
                return item;
            }),
            "reset" => new Callable("cycler.reset", _ =>
            {
                _at = 0;
                return null;
            }),
            "current" => items[_at],
            _ => this,
        };
        return !ReferenceEquals(value, this);
    }
}

/// <summary>joiner(separator): nothing when called first, then the separator.</summary>
internal sealed class Joiner(object? separator) : Facility
{
    private bool _isUsed;

    public override bool TryAttribute(Rendering run, string name, out object? value)
    {
        value = new Callable("joiner", _ =>
        {
            object? shown = _isUsed ? separator : "";
            _isUsed = true;
            return shown;
        });
        return name.Length == 0;
    }
}
