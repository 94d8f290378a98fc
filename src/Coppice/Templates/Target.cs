namespace Coppice.Templates;

/// <summary>What can be assigned to.</summary>
internal abstract class Target
{
    public abstract void Assign(Scope scope, object? value);
}

internal sealed class NameTarget(string name) : Target
{
    public override void Assign(Scope scope, object? value) => scope[name] = value;
}

/// <summary>namespace.name.</summary>
internal sealed class NamespaceTarget(string owner, string name) : Target
{
    public override void Assign(Scope scope, object? value)
    {
        if (scope[owner] is not Namespace names) throw scope.Run.Fail($"'{owner}.{name}' cannot be set: only a namespace() can be changed.");
        scope.Run.Items(4);
        names.Values[name] = value;
    }
}

internal sealed class TupleTarget(Target[] parts) : Target
{
    public override void Assign(Scope scope, object? value)
    {
        IReadOnlyList<object?> values = Iteration.Of(scope.Run, value);
        if (values.Count != parts.Length) throw scope.Run.Fail($"{values.Count} values cannot be given to {parts.Length} names.");
        for (int i = 0; i < parts.Length; i++) parts[i].Assign(scope, values[i]);
    }
}
