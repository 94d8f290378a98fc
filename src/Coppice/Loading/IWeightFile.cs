using System.Diagnostics.CodeAnalysis;

namespace Coppice.Loading;

/// <summary>A container of named tensors. Its header has been checked; tensors are valid until it is disposed.</summary>
internal interface IWeightFile : IDisposable
{
    /// <summary>The file, as the user named it.</summary>
    string Path { get; }

    /// <summary>All tensors, in the file's order, those of types that cannot be computed with among them.</summary>
    IReadOnlyList<WeightTensor> Tensors { get; }

    bool TryGetTensor(string name, [NotNullWhen(true)] out WeightTensor? tensor);
}
