using Coppice.Loading;

namespace Coppice.Tests.Kernels;

/// <summary>A weight tensor in memory.</summary>
internal sealed class MatrixTensor(string name, float[] numbers, params long[] shape) : WeightTensor
{
    public float[] Numbers { get; } = numbers;

    public override string Name { get; } = name;

    public override string TypeName => "F32";

    public override long ByteCount => Shape[0] * Shape[1] * sizeof(float);

    public override WeightType Type => WeightType.F32;

    public override IReadOnlyList<long> Shape { get; } = shape;

    public static MatrixTensor Random(int outputs, int inputs, int seed) => new($"random.{seed}", Levels.Random(outputs * inputs, seed), outputs, inputs);

    public override ReadOnlySpan<byte> RowBytes(long row) => System.Runtime.InteropServices.MemoryMarshal.AsBytes(Row(row));

    public override void ReadRow(long row, Span<float> destination) => Row(row).CopyTo(destination);

    private ReadOnlySpan<float> Row(long row) => Numbers.AsSpan((int)(row * Shape[^1]), (int)Shape[^1]);
}
