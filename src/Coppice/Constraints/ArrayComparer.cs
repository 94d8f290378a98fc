using System.Diagnostics.CodeAnalysis;

namespace Coppice.Constraints;

/// <summary>Arrays are equal where their elements are.</summary>
internal sealed class ArrayComparer<T> : IEqualityComparer<T[]> where T : IEquatable<T>
{
    public static readonly ArrayComparer<T> Instance = new();

    public bool Equals(T[]? x, T[]? y) => x.AsSpan().SequenceEqual(y);

    public int GetHashCode([DisallowNull] T[] values)
    {
        HashCode hash = default;
        foreach (T value in values) hash.Add(value);
        return hash.ToHashCode();
    }
}
