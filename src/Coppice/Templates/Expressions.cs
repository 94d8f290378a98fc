namespace Coppice.Templates;

/// <summary>Something that has a value.</summary>
internal abstract class Expression(int line)
{
    public int Line => line;

    public object? Evaluate(Scope scope)
    {
        Rendering run = scope.Run;
        run.Enter();
        run.Step();
        run.Line = line;
        object? value = Compute(scope);
        run.Leave();
        return value;
    }

    protected abstract object? Compute(Scope scope);
}

internal sealed class Literal(int line, object? value) : Expression(line)
{
    public object? Value => value;

    protected override object? Compute(Scope scope) => value;
}

internal sealed class Name(int line, string name) : Expression(line)
{
    public string Text => name;

    protected override object? Compute(Scope scope) => scope[name];
}

internal sealed class SequenceLiteral(int line, SequenceKind kind, Expression[] items) : Expression(line)
{
    public SequenceKind Kind => kind;

    public Expression[] Items => items;

    protected override object? Compute(Scope scope)
    {
        scope.Run.Items(items.Length + 4L);
        return new Sequence(kind, Array.ConvertAll(items, i => i.Evaluate(scope)));
    }
}

internal sealed class MapLiteral(int line, (Expression Key, Expression Value)[] pairs) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        scope.Run.Items(pairs.Length * 4L + 8);
        Map map = new();
        foreach ((Expression key, Expression value) in pairs)
        {
            object? name = key.Evaluate(scope);
            if (!Map.IsKey(name)) throw scope.Run.Fail($"A key of a dict is a text, number, bool or None; one is {TypeName.Of(name)}.");
            map[name] = value.Evaluate(scope);
        }
        return map;
    }
}

/// <summary>Operators of one rank, from left to right: flat, so that a long sum does not nest.</summary>
internal sealed class Chain(int line, Expression first, (string Symbol, Expression Operand)[] rest) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? value = first.Evaluate(scope);
        foreach ((string symbol, Expression operand) in rest)
        {
            object? right = operand.Evaluate(scope);
            scope.Run.Line = Line;
            value = Arithmetic.Apply(scope.Run, symbol, value, right);
        }
        return value;
    }
}

internal sealed class Concatenation(int line, Expression[] parts) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        string[] texts = Array.ConvertAll(parts, p => PythonText.Of(scope.Run, p.Evaluate(scope)));
        scope.Run.Characters(texts.Sum(t => (long)t.Length));
        return string.Concat(texts);
    }
}

internal sealed class Negation(int line, Expression operand, bool keepsSign) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? value = operand.Evaluate(scope);
        object negated = Arithmetic.Negated(scope.Run, value);
        return keepsSign && value is not bool ? value : keepsSign ? Arithmetic.Negated(scope.Run, negated) : negated;
    }
}

internal sealed class Not(int line, Expression operand) : Expression(line)
{
    protected override object? Compute(Scope scope) => !Truth.Of(operand.Evaluate(scope));
}

/// <summary>and, or: the first operand that decides it, as it is.</summary>
internal sealed class Choice(int line, Expression[] operands, bool decisive) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? value = null;
        foreach (Expression operand in operands)
        {
            value = operand.Evaluate(scope);
            if (Truth.Of(value) == decisive) break;
        }
        return value;
    }
}

/// <summary>a &lt; b &lt; c: true if each pair is in order.</summary>
internal sealed class Comparisons(int line, Expression first, (string Symbol, Expression Operand)[] rest) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? left = first.Evaluate(scope);
        foreach ((string symbol, Expression operand) in rest)
        {
            object? right = operand.Evaluate(scope);
            scope.Run.Line = Line;
            if (!Holds(scope.Run, symbol, left, right)) return false;
            left = right;
        }
        return true;
    }

    public static bool Holds(Rendering run, string symbol, object? left, object? right) => symbol switch
    {
        "==" => Comparison.Same(run, left, right),
        "!=" => !Comparison.Same(run, left, right),
        "in" => Comparison.Contains(run, right, left),
        "not in" => !Comparison.Contains(run, right, left),
        "<" => Comparison.Order(run, left, right) < 0 && Comparison.IsOrdered(left, right),
        "<=" => Comparison.Order(run, left, right) <= 0 && Comparison.IsOrdered(left, right),
        ">" => Comparison.Order(run, left, right) > 0 && Comparison.IsOrdered(left, right),
        _ => Comparison.Order(run, left, right) >= 0 && Comparison.IsOrdered(left, right),
    };
}

/// <summary>a if condition else b.</summary>
internal sealed class Conditional(int line, Expression condition, Expression yes, Expression? no) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        if (Truth.Of(condition.Evaluate(scope))) return yes.Evaluate(scope);
        return no is null ? new Undefined($"The 'if' of line {Line} is false and has no 'else'.") : no.Evaluate(scope);
    }
}

internal sealed class AttributeOf(int line, Expression value, string name) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? owner = value.Evaluate(scope);
        scope.Run.Line = Line;
        if (owner is Undefined undefined) throw scope.Run.Fail($"{undefined.Why} So it has no '{name}'.");
        return Lookup.Attribute(scope.Run, owner, name);
    }
}

internal sealed class ItemOf(int line, Expression value, Expression key) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? owner = value.Evaluate(scope), index = key.Evaluate(scope);
        scope.Run.Line = Line;
        return Lookup.Item(scope.Run, owner, index);
    }
}

internal sealed class SliceOf(int line, Expression value, Expression? from, Expression? to, Expression? by) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? owner = value.Evaluate(scope), start = from?.Evaluate(scope), end = to?.Evaluate(scope), step = by?.Evaluate(scope);
        scope.Run.Line = Line;
        return Lookup.Slice(scope.Run, owner, start, end, step);
    }
}

/// <summary>What is written between the parentheses of a call.</summary>
internal sealed record CallArguments(Expression[] Positional, (string Name, Expression Value)[] Named, Expression? Rest, Expression? NamedRest)
{
    public static CallArguments None { get; } = new([], [], null, null);

    public Arguments Evaluate(Scope scope, string callee)
    {
        List<object?> positional = [.. Positional.Select(a => a.Evaluate(scope))];
        List<(string, object?)> named = [.. Named.Select(a => (a.Name, a.Value.Evaluate(scope)))];
        if (Rest is not null) positional.AddRange(Iteration.Of(scope.Run, Rest.Evaluate(scope)));
        if (NamedRest is not null)
        {
            if (NamedRest.Evaluate(scope) is not Map map) throw scope.Run.Fail($"'**' in the call of {callee} needs a dict.");
            foreach ((object? key, object? value) in map.Pairs) named.Add((key as string ?? throw scope.Run.Fail($"'**' in the call of {callee} needs names that are texts."), value));
        }
        return new Arguments(scope.Run, callee, positional, named);
    }
}

internal sealed class Call(int line, Expression callee, CallArguments arguments) : Expression(line)
{
    protected override object? Compute(Scope scope) => Invoke(scope, null);

    /// <param name="scope">Where it stands.</param>
    /// <param name="caller">The body of a call block, for the macro.</param>
    public object? Invoke(Scope scope, Callable? caller)
    {
        object? target = callee.Evaluate(scope);
        if (target is Undefined undefined) throw scope.Run.Fail($"It cannot be called: {undefined.Why}");
        if (target is Facility facility && facility.TryAttribute(scope.Run, "", out object? self)) target = self;
        if (target is not Callable callable) throw scope.Run.Fail($"{TypeName.Of(target)} cannot be called.");
        Arguments given = arguments.Evaluate(scope, callable.Name);
        if (caller is not null) given = new Arguments(scope.Run, callable.Name, given.Positional, [.. given.Named, ("caller", caller)]);
        scope.Run.Line = Line;
        return callable.Call(given);
    }
}

internal sealed class FilterCall(int line, Expression value, string name, CallArguments arguments) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? operand = value.Evaluate(scope);
        Arguments given = arguments.Evaluate(scope, $"the filter '{name}'");
        scope.Run.Line = Line;
        return Filters.Find(scope.Run, name)(operand, given);
    }
}

internal sealed class TestCall(int line, Expression value, string name, CallArguments arguments) : Expression(line)
{
    protected override object? Compute(Scope scope)
    {
        object? operand = value.Evaluate(scope);
        Arguments given = arguments.Evaluate(scope, $"the test '{name}'");
        scope.Run.Line = Line;
        return Tests.Find(scope.Run, name)(name == "escaped" ? operand : Markup.Bare(operand), given);
    }
}
