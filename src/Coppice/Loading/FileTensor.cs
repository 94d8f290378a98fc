namespace Coppice.Loading;

/// <summary>A tensor whose place in the file has been checked: [offset, offset + byteCount) lies within it and holds the shape exactly.</summary>
/// <param name="file">Its file.</param>
/// <param name="name">Its name there.</param>
/// <param name="typeName">The type as the container names it.</param>
/// <param name="type">Null: a type that cannot be computed with.</param>
/// <param name="shape">Dimensions, outermost first. None: one number.</param>
/// <param name="offset">First byte in the file.</param>
/// <param name="byteCount">Bytes in the file.</param>
internal sealed class FileTensor(ModelFile file, string name, string typeName, WeightType? type, long[] shape, long offset, long byteCount) : WeightTensor
{
    public override string Name => name;

    public override string TypeName => typeName;

    public override WeightType Type => type ?? throw new ModelFormatException(file.Path,
        $"Tensor {Quoted.Of(name)} is kept as {typeName}, and weights can be read as {string.Join(", ", Enum.GetNames<WeightType>())}. Use a file that keeps them in one of these.");

    public override IReadOnlyList<long> Shape => shape;

    public override long ByteCount => byteCount;

    private long RowElements => shape.Length == 0 ? 1 : shape[^1];

    private long Rows
    {
        get
        {
            long rows = 1;
            for (int i = 0; i < shape.Length - 1; i++) rows *= shape[i];
            return rows;
        }
    }

    public override void ReadRowBytes(long row, Span<byte> destination) => ReadRowsBytes(row, 1, destination);

    internal override void ReadRowsBytes(long first, int rows, Span<byte> destination)
    {
        if (first < 0 || first > Rows - rows) throw new ArgumentOutOfRangeException(nameof(first), first, $"Tensor {Quoted.Of(name)} has {Rows} rows.");
        long rowBytes = RowByteCount;
        if (destination.Length != rows * rowBytes)
            throw new ArgumentException($"{rows} rows of tensor {Quoted.Of(name)} have {rows * rowBytes} bytes and the destination {destination.Length}.", nameof(destination));
        file.Read(offset + first * rowBytes, destination);
    }

    public override void ReadRow(long row, Span<float> destination)
    {
        if (RowElements > int.MaxValue / sizeof(float))
            throw new ModelFormatException(file.Path, $"A row of tensor {Quoted.Of(name)} has {RowElements} elements; at most {int.MaxValue / sizeof(float)} can be read.");
        if (destination.Length != RowElements)
            throw new ArgumentException($"A row of tensor {Quoted.Of(name)} has {RowElements} elements and the destination {destination.Length}.", nameof(destination));
        // The bytes come to lie at the destination's end and become numbers from its beginning on: no type has more bytes than its numbers,
        // so that none is written over before it was read.
        Span<byte> bytes = System.Runtime.InteropServices.MemoryMarshal.AsBytes(destination)[^(int)RowByteCount..];
        ReadRowBytes(row, bytes);
        switch (Type)
        {
            case WeightType.F32: break;
            case WeightType.F16: FloatRows.FromF16(bytes, destination); break;
            case WeightType.BF16: FloatRows.FromBF16(bytes, destination); break;
            default: BlockFormat.Of(Type)!.Read(bytes, destination); break;
        }
    }
}
