namespace Coppice.Loading;

/// <summary>How a tensor's numbers are kept in its file.</summary>
public enum WeightType
{
    /// <summary>32-bit floats.</summary>
    F32,

    /// <summary>IEEE half precision.</summary>
    F16,

    /// <summary>bfloat16: the upper half of a 32-bit float.</summary>
    BF16,
}

/// <summary>A tensor in a memory-mapped file. Valid until the file is disposed. Row-major: the last dimension is contiguous.</summary>
/// <remarks>
/// A file may list tensors of types that cannot be computed with. Their name, shape and type name can be asked for;
/// <see cref="Type"/>, <see cref="RowBytes"/> and <see cref="ReadRow"/> then throw <see cref="ModelFormatException"/>.
/// </remarks>
public abstract class WeightTensor
{
    /// <summary>Its name in the file.</summary>
    public abstract string Name { get; }

    /// <summary>The type as its container names it: "BF16", "Q4_K", "F8_E4M3".</summary>
    public abstract string TypeName { get; }

    /// <summary>How its numbers are kept.</summary>
    public abstract WeightType Type { get; }

    /// <summary>Dimensions, outermost first: a linear layer's weight is [outputs, inputs], whatever the container.</summary>
    public abstract IReadOnlyList<long> Shape { get; }

    /// <summary>Bytes it takes in the file.</summary>
    public abstract long ByteCount { get; }

    /// <summary>The bytes of one row: the last dimension at <paramref name="row"/> of all the others together.</summary>
    public abstract ReadOnlySpan<byte> RowBytes(long row);

    /// <summary>One row as floats; exact for all of <see cref="WeightType"/>.</summary>
    public abstract void ReadRow(long row, Span<float> destination);
}
