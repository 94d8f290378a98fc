using Coppice.Loading;

namespace Coppice.Models;

/// <summary>Some rows of a tensor as a weight of its own: one of several matrices in one tensor, or one expert of all. Of a vector, some elements.</summary>
internal sealed class TensorPart(WeightTensor whole, TensorCut cut, long[] shape) : WeightTensor
{
    public override string Name => whole.Name;

    public override string TypeName => whole.TypeName;

    public override WeightType Type => whole.Type;

    public override IReadOnlyList<long> Shape => shape;

    public override long ByteCount => (long)(whole.ByteCount * (Int128)Elements(shape) / Math.Max(1, Elements(cut.TensorShape)));

    public override void ReadRowBytes(long row, Span<byte> destination)
    {
        if (shape.Length < 2) throw new NotSupportedException($"A part of the vector {whole.Name} has numbers and no bytes of its own.");
        whole.ReadRowBytes(RowOf(row), destination);
    }

    public override void ReadRow(long row, Span<float> destination)
    {
        if (shape.Length > 1)
        {
            whole.ReadRow(RowOf(row), destination);
            return;
        }
        float[] all = new float[cut.TensorShape[^1]];
        whole.ReadRow(row, all);
        for (int i = 0; i < destination.Length; i++) destination[i] = all[cut.RowInTensor(i)];
    }

    // The other dimension of three counts rows too: the expert's come first, last, or in the middle of all.
    private long RowOf(long row) => (ulong)row < (ulong)shape[0] ? cut.RowInTensor(row)
        : throw new ArgumentOutOfRangeException(nameof(row), row, $"This part of tensor {Quoted.Of(whole.Name)} has {shape[0]} rows.");

    private static long Elements(long[] dimensions) => dimensions.Aggregate(1L, (product, size) => product * size);
}
