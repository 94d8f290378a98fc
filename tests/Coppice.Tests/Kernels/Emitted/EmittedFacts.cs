using Coppice.Kernels.Emitted;

namespace Coppice.Tests.Kernels;

/// <summary>A test that is skipped, visibly, where the emitted code of a format cannot run.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EmittedFactAttribute : FactAttribute
{
    public EmittedFactAttribute(DotFormat format) => Skip = EmittedTile.Of(format) is null ? EmittedTile.Note(format) : null;
}

/// <inheritdoc cref="EmittedFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class EmittedTheoryAttribute : TheoryAttribute
{
    public EmittedTheoryAttribute(DotFormat format) => Skip = EmittedTile.Of(format) is null ? EmittedTile.Note(format) : null;
}

/// <summary>A test that is skipped, visibly, where AMX cannot be used.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MatrixFactAttribute : FactAttribute
{
    public MatrixFactAttribute() => Skip = Bf16Matrix.Instance is null ? Bf16Matrix.Note : null;
}

/// <inheritdoc cref="MatrixFactAttribute"/>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class MatrixTheoryAttribute : TheoryAttribute
{
    public MatrixTheoryAttribute() => Skip = Bf16Matrix.Instance is null ? Bf16Matrix.Note : null;
}
