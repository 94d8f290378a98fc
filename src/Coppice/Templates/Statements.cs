using System.Text;

namespace Coppice.Templates;

/// <summary>How it goes on after a statement.</summary>
internal enum Flow
{
    Next,
    Break,
    Continue,
}

internal abstract class Statement(int line)
{
    public int Line => line;

    public abstract Flow Execute(Scope scope, StringBuilder output);
}

internal sealed class Body(Statement[] statements)
{
    public Flow Execute(Scope scope, StringBuilder output)
    {
        Rendering run = scope.Run;
        run.Enter();
        foreach (Statement statement in statements)
        {
            run.Step();
            run.Line = statement.Line;
            Flow flow = statement.Execute(scope, output);
            if (flow == Flow.Next) continue;
            run.Leave();
            return flow;
        }
        run.Leave();
        return Flow.Next;
    }

    /// <summary>What it prints, in variables of its own.</summary>
    public string Capture(Scope scope)
    {
        StringBuilder output = new();
        Execute(scope, output);
        return output.ToString();
    }
}

internal sealed class TextOutput(int line, string text) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        scope.Run.Append(output, text);
        return Flow.Next;
    }
}

internal sealed class Print(int line, Expression value) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        object? shown = value.Evaluate(scope);
        scope.Run.Line = Line;
        scope.Run.Append(output, PythonText.Of(scope.Run, shown));
        return Flow.Next;
    }
}

internal sealed class If(int line, (Expression Condition, Body Body)[] branches, Body? otherwise) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        foreach ((Expression condition, Body body) in branches)
            if (Truth.Of(condition.Evaluate(scope))) return body.Execute(scope, output);
        return otherwise?.Execute(scope, output) ?? Flow.Next;
    }
}

internal sealed class For(int line, Target target, Expression items, Expression? condition, Body body, Body? otherwise, bool isRecursive) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output) => Run(scope, items.Evaluate(scope), 0, output);

    private Flow Run(Scope scope, object? value, int depth, StringBuilder output)
    {
        IReadOnlyList<object?> all = Iteration.Of(scope.Run, value);
        if (condition is not null) all = Filtered(scope, all);
        if (all.Count == 0) return otherwise?.Execute(scope.Inner(), output) ?? Flow.Next;
        LoopState loop = new(all, depth, isRecursive ? deeper => Again(scope, deeper, depth + 1) : null);
        for (; loop.Index0 < all.Count; loop.Index0++)
        {
            Scope inner = scope.Inner();
            inner["loop"] = loop;
            scope.Run.Line = Line;
            target.Assign(inner, all[loop.Index0]);
            if (body.Execute(inner, output) == Flow.Break) break;
        }
        return Flow.Next;
    }

    // loop(items) in a recursive loop: what the same loop prints for other items.
    private string Again(Scope scope, object? value, int depth)
    {
        StringBuilder output = new();
        Run(scope, value, depth, output);
        return output.ToString();
    }

    private List<object?> Filtered(Scope scope, IReadOnlyList<object?> all)
    {
        List<object?> kept = [];
        foreach (object? item in all)
        {
            Scope inner = scope.Inner();
            target.Assign(inner, item);
            if (Truth.Of(condition!.Evaluate(inner))) kept.Add(item);
        }
        return kept;
    }
}

/// <summary>break and continue.</summary>
internal sealed class Jump(int line, Flow flow) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output) => flow;
}

internal sealed class Set(int line, Target target, Expression value) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        object? assigned = value.Evaluate(scope);
        scope.Run.Line = Line;
        target.Assign(scope, assigned);
        return Flow.Next;
    }
}

/// <summary>{% set x %}…{% endset %}, maybe through filters; <paramref name="filtered"/> reads the text from <see cref="Variable"/>.</summary>
internal sealed class SetBlock(int line, Target target, Body body, Expression filtered) : Statement(line)
{
    /// <summary>Where the body's text lies for the filters: no name of a template.</summary>
    public const string Variable = "the body";

    public override Flow Execute(Scope scope, StringBuilder output)
    {
        target.Assign(scope, Through(scope, body, filtered));
        return Flow.Next;
    }

    public static object? Through(Scope scope, Body body, Expression filtered)
    {
        Scope inner = scope.Inner();
        inner[Variable] = body.Capture(inner);
        return filtered.Evaluate(inner);
    }
}

internal sealed class FilterBlock(int line, Body body, Expression filtered) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        scope.Run.Append(output, PythonText.Of(scope.Run, SetBlock.Through(scope, body, filtered)));
        return Flow.Next;
    }
}

/// <summary>A body with variables of its own: with, and the generation tag, which marks what the model wrote and prints as it is.</summary>
internal sealed class With(int line, (Target Target, Expression Value)[] variables, Body body) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        Scope inner = scope.Inner();
        foreach ((Target target, Expression value) in variables) target.Assign(inner, value.Evaluate(scope));
        return body.Execute(inner, output);
    }
}

internal sealed record Parameter(string Name, Expression? Default);

internal sealed class MacroDefinition(int line, string name, Macro macro) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        scope[name] = macro.Close(name, scope);
        return Flow.Next;
    }
}

/// <summary>{% call(parameters) macro(…) %}…{% endcall %}: the macro can call the body as caller().</summary>
internal sealed class CallBlock(int line, Call call, Macro body) : Statement(line)
{
    public override Flow Execute(Scope scope, StringBuilder output)
    {
        object? printed = call.Invoke(scope, body.Close("caller", scope));
        scope.Run.Line = Line;
        scope.Run.Append(output, PythonText.Of(scope.Run, printed));
        return Flow.Next;
    }
}

/// <summary>Parameters and body of a macro.</summary>
/// <param name="Parameters">In order.</param>
/// <param name="Body">What it prints is its value.</param>
/// <param name="TakesRest">The body looks at varargs.</param>
/// <param name="TakesNamedRest">The body looks at kwargs.</param>
/// <param name="TakesCaller">The body looks at caller.</param>
internal sealed record Macro(Parameter[] Parameters, Body Body, bool TakesRest, bool TakesNamedRest, bool TakesCaller)
{
    public Callable Close(string name, Scope scope) => new(name, given => Run(name, scope, given));

    private string Run(string name, Scope outer, Arguments given)
    {
        Rendering run = given.Run;
        run.Enter();
        Scope scope = outer.Inner();
        List<(string Name, object? Value)> named = [.. given.Named];
        scope["caller"] = new Undefined($"'{name}' is not called by a call block.");
        if (TakesCaller && named.FindIndex(n => n.Name == "caller") is >= 0 and int caller)
        {
            scope["caller"] = named[caller].Value;
            named.RemoveAt(caller);
        }
        for (int i = 0; i < Parameters.Length; i++)
        {
            (string parameter, Expression? missing) = (Parameters[i].Name, Parameters[i].Default);
            int at = named.FindIndex(n => n.Name == parameter);
            if (i < given.Positional.Count && at >= 0) throw run.Fail($"'{name}' gets '{parameter}' twice.");
            if (i < given.Positional.Count) scope[parameter] = given.Positional[i];
            else if (at >= 0) scope[parameter] = named[at].Value;
            else scope[parameter] = missing is null ? new Undefined($"'{name}' is called without '{parameter}'.") : missing.Evaluate(scope);
            if (at >= 0) named.RemoveAt(at);
        }
        if (TakesRest) scope["varargs"] = Sequence.Tuple([.. given.Positional.Skip(Parameters.Length)]);
        else if (given.Positional.Count > Parameters.Length) throw run.Fail($"'{name}' takes {Parameters.Length} arguments; it gets {given.Positional.Count}.");
        if (TakesNamedRest)
        {
            Map rest = new();
            foreach ((string key, object? value) in named) rest[key] = value;
            scope["kwargs"] = rest;
        }
        else if (named.Count > 0)
        {
            throw run.Fail($"'{name}' has no argument '{named[0].Name}'.");
        }
        string text = Body.Capture(scope);
        run.Leave();
        return text;
    }
}
