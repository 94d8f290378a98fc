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

    /// <summary>ggml: 8 bits in blocks of 32 with a scale; 8.5 bits a weight.</summary>
    Q8_0,

    /// <summary>ggml: 4 bits in blocks of 32 with a scale; 4.5 bits a weight.</summary>
    Q4_0,

    /// <summary>ggml: 4 bits in blocks of 32 with scale and smallest value; 5 bits a weight.</summary>
    Q4_1,

    /// <summary>ggml: 5 bits in blocks of 32 with a scale; 5.5 bits a weight.</summary>
    Q5_0,

    /// <summary>ggml: 5 bits in blocks of 32 with scale and smallest value; 6 bits a weight.</summary>
    Q5_1,

    /// <summary>ggml: 2 bits in blocks of 256, scale and smallest value for each 16; 2.625 bits a weight.</summary>
    Q2_K,

    /// <summary>ggml: 3 bits in blocks of 256, a scale for each 16; 3.4375 bits a weight.</summary>
    Q3_K,

    /// <summary>ggml: 4 bits in blocks of 256, scale and smallest value for each 32; 4.5 bits a weight.</summary>
    Q4_K,

    /// <summary>ggml: 5 bits in blocks of 256, scale and smallest value for each 32; 5.5 bits a weight.</summary>
    Q5_K,

    /// <summary>ggml: 6 bits in blocks of 256, a scale for each 16; 6.5625 bits a weight.</summary>
    Q6_K,

    /// <summary>ggml: one of 16 uneven values in blocks of 32 with a scale; 4.5 bits a weight.</summary>
    IQ4_NL,

    /// <summary>ggml: one of 16 uneven values in blocks of 256, a scale for each 32; 4.25 bits a weight.</summary>
    IQ4_XS,
}

/// <summary>A tensor in a file, read row by row, from any thread, until the file is disposed. Row-major: the last dimension is contiguous.</summary>
/// <remarks>
/// A file may list tensors of types that cannot be computed with. Their name, shape and type name can be asked for;
/// <see cref="Type"/>, <see cref="ReadRowBytes"/> and <see cref="ReadRow"/> then throw <see cref="ModelFormatException"/>.
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

    /// <summary>Bytes of one row: the last dimension.</summary>
    public long RowByteCount => BlockFormat.BytesOf(Type, Shape.Count == 0 ? 1 : Shape[^1]);

    /// <summary>One row as it is kept, the one at <paramref name="row"/> of all the other dimensions together.</summary>
    /// <param name="row">From 0.</param>
    /// <param name="destination">[<see cref="RowByteCount"/>].</param>
    /// <exception cref="ModelFormatException">The file has become shorter since it was opened.</exception>
    public abstract void ReadRowBytes(long row, Span<byte> destination);

    /// <summary>Rows that follow one another, in fewer calls to the system where the file has them so.</summary>
    internal virtual void ReadRowsBytes(long first, int rows, Span<byte> destination)
    {
        int rowBytes = destination.Length / rows;
        for (int i = 0; i < rows; i++) ReadRowBytes(first + i, destination.Slice(i * rowBytes, rowBytes));
    }

    /// <summary>One row as floats; exact for all of <see cref="WeightType"/>.</summary>
    /// <inheritdoc cref="ReadRowBytes"/>
    public abstract void ReadRow(long row, Span<float> destination);
}
