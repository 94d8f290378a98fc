namespace Coppice.Templates;

/// <summary>The variables that a place in a template sees. A loop or macro has its own; what it sets is gone when it ends.</summary>
internal sealed class Scope(Rendering run, Scope? outer)
{
    private readonly Dictionary<string, object?> _values = new(StringComparer.Ordinal);

    public Rendering Run => run;

    public object? this[string name]
    {
        get
        {
            for (Scope? scope = this; scope is not null; scope = scope.Outer)
                if (scope._values.TryGetValue(name, out object? value)) return value;
            return new Undefined($"'{name}' is not defined.");
        }
        set => _values[name] = value;
    }

    public Scope Inner()
    {
        run.Items(4);
        return new(run, this);
    }

    private Scope? Outer => outer;
}
