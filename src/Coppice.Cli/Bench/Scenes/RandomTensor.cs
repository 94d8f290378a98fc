using System.Globalization;
using System.Runtime.InteropServices;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>A weight that is made up when it is read, so that it takes no memory: numbers that keep a layer's output about as large as its input.</summary>
internal sealed class RandomTensor(string name, int seed, WeightType type, params long[] shape) : WeightTensor
{
    public override string Name => name;

    public override string TypeName => type.ToString();

    public override WeightType Type => type;

    public override IReadOnlyList<long> Shape => shape;

    public override long ByteCount => BlockFormat.BytesOf(type, shape.Aggregate(1L, (product, size) => product * size));

    /// <summary>The weights of a model of any size.</summary>
    public static Func<WeightKey, WeightTensor> Of(ModelConfig config) => key =>
        new RandomTensor(string.Create(CultureInfo.InvariantCulture, $"random.{key}"), (key.Layer * 64 + (int)key.Role) * 256 + key.Expert, WeightType.F32, WeightRoles.Shape(key.Role, config));

    // Random bits are blocks like any others, but as 16-bit floats some would be too small for a float to be multiplied at full speed.
    public override void ReadRowBytes(long row, Span<byte> destination)
    {
        switch (type)
        {
            case WeightType.F32: throw new NotSupportedException("A random weight of floats has numbers and no bytes.");
            case WeightType.BF16: MemoryMarshal.AsBytes<ushort>(Array.ConvertAll(Row(row), Bf16.Round)).CopyTo(destination); break;
            case WeightType.F16: MemoryMarshal.AsBytes<Half>(Array.ConvertAll(Row(row), x => (Half)x)).CopyTo(destination); break;
            default: RandomFill.Bytes(destination.Length, seed + (int)row * 31).CopyTo(destination); break;
        }
    }

    private float[] Row(long row)
    {
        float[] values = new float[shape[^1]];
        ReadRow(row, values);
        return values;
    }

    public override void ReadRow(long row, Span<float> destination)
    {
        if (BlockFormat.Of(type) is { } format) format.Read(RandomFill.Bytes((int)RowByteCount, seed + (int)row * 31), destination);
        // Uniform in ±1 has variance 1/3.
        else RandomFill.Floats(destination, seed + (int)row * 31, shape.Length == 1 ? 1 : (float)Math.Sqrt(3.0 / shape[^1]));
    }
}
