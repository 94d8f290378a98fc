using System.Runtime.InteropServices;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>A weight on its way into a tensor.</summary>
/// <param name="Weight">As its folder keeps it.</param>
/// <param name="Cut">Which rows of the tensor are its; null: all.</param>
/// <param name="RowOf">Which row of the weight is the n-th of its rows in the tensor.</param>
internal sealed record TensorShare(WeightTensor Weight, TensorCut? Cut, Func<long, long> RowOf)
{
    /// <summary>The tensor's shape.</summary>
    public IReadOnlyList<long> TensorShape => Cut?.TensorShape ?? Weight.Shape;

    /// <summary>Whether a row of the tensor is this weight's, and which.</summary>
    public bool TryFind(long rowInTensor, out long row)
    {
        long inWeight = rowInTensor;
        bool own = Cut is not TensorCut cut || cut.TryRowInWeight(rowInTensor, Weight.Shape[0], out inWeight);
        row = own ? RowOf(inWeight) : 0;
        return own;
    }
}

/// <summary>A matrix of a GGUF file, made of one weight or of several: queries, keys and values, gate and up, or all experts.</summary>
/// <param name="name">In the file.</param>
/// <param name="shares">Matrices that fill the tensor.</param>
internal sealed class ComposedTensor(string name, IReadOnlyList<TensorShare> shares) : WeightTensor
{
    public override string Name => name;

    public override string TypeName => Type.ToString();

    /// <summary>What all of them have, or F32, which holds every number of the others.</summary>
    public override WeightType Type { get; } = shares.All(share => share.Weight.Type == shares[0].Weight.Type) ? shares[0].Weight.Type : WeightType.F32;

    public override IReadOnlyList<long> Shape => shares[0].TensorShape;

    public override long ByteCount => BlockFormat.BytesOf(Type, Shape.Aggregate(1L, (product, size) => product * size));

    public override void ReadRowBytes(long row, Span<byte> destination)
    {
        WeightTensor weight = Find(row, out long at);
        if (weight.Type == Type) weight.ReadRowBytes(at, destination);
        else weight.ReadRow(at, MemoryMarshal.Cast<byte, float>(destination));
    }

    public override void ReadRow(long row, Span<float> destination) => Find(row, out long at).ReadRow(at, destination);

    private WeightTensor Find(long row, out long at)
    {
        foreach (TensorShare share in shares)
            if (share.TryFind(row, out at)) return share.Weight;
        throw new ArgumentOutOfRangeException(nameof(row), row, $"No weight has this row of tensor {Quoted.Of(name)}.");
    }
}

/// <summary>A vector of a GGUF file: a norm, biases, or RoPE's divisors. F32, as all vectors are.</summary>
internal sealed class WrittenVector(string name, float[] numbers) : WeightTensor
{
    public override string Name => name;

    public override string TypeName => nameof(WeightType.F32);

    public override WeightType Type => WeightType.F32;

    public override IReadOnlyList<long> Shape => [numbers.Length];

    public override long ByteCount => (long)numbers.Length * sizeof(float);

    /// <param name="name">In the file.</param>
    /// <param name="shares">Vectors that fill it.</param>
    /// <param name="offset">Added to every number.</param>
    public static WrittenVector Of(string name, IReadOnlyList<TensorShare> shares, float offset)
    {
        float[] all = new float[shares[0].TensorShape[^1]];
        foreach (TensorShare share in shares)
        {
            float[] own = new float[share.Weight.Shape[^1]];
            share.Weight.ReadRow(0, own);
            for (int i = 0; i < own.Length; i++) all[share.Cut?.RowInTensor(i) ?? i] = own[share.RowOf(i)] + offset;
        }
        return new(name, all);
    }

    /// <summary>All of it.</summary>
    public ReadOnlySpan<byte> Bytes => MemoryMarshal.AsBytes(numbers.AsSpan());

    public override void ReadRowBytes(long row, Span<byte> destination) => Bytes.CopyTo(destination);

    public override void ReadRow(long row, Span<float> destination) => numbers.CopyTo(destination);
}
