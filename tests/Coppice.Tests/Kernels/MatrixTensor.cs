using System.Runtime.InteropServices;
using Coppice.KvCache;
using Coppice.Loading;

namespace Coppice.Tests.Kernels;

/// <summary>A weight tensor in memory. Its numbers are floats that its type holds exactly.</summary>
internal sealed class MatrixTensor(string name, float[] numbers, WeightType type, params long[] shape) : WeightTensor
{
    public float[] Numbers { get; } = numbers;

    public override string Name { get; } = name;

    public override string TypeName => Type.ToString();

    public override long ByteCount => Shape[0] * Shape[1] * sizeof(float);

    public override WeightType Type { get; } = type;

    public override IReadOnlyList<long> Shape { get; } = shape;

    public static MatrixTensor Random(int outputs, int inputs, int seed, WeightType type = WeightType.F32)
    {
        float[] numbers = Levels.Random(outputs * inputs, seed);
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = type switch { WeightType.BF16 => Bf16.Widen(Bf16.Round(numbers[i])), WeightType.F16 => (float)(Half)numbers[i], _ => numbers[i] };
        return new MatrixTensor($"random.{seed}", numbers, type, outputs, inputs);
    }

    public override void ReadRowBytes(long row, Span<byte> destination) => (Type switch
    {
        WeightType.BF16 => MemoryMarshal.AsBytes(Array.ConvertAll(Row(row).ToArray(), Bf16.Round).AsSpan()),
        WeightType.F16 => MemoryMarshal.AsBytes(Array.ConvertAll(Row(row).ToArray(), number => (Half)number).AsSpan()),
        _ => MemoryMarshal.AsBytes(Row(row)),
    }).CopyTo(destination);

    public override void ReadRow(long row, Span<float> destination) => Row(row).CopyTo(destination);

    private ReadOnlySpan<float> Row(long row) => Numbers.AsSpan((int)(row * Shape[^1]), (int)Shape[^1]);
}
