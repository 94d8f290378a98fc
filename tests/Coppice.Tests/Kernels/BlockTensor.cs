using Coppice.Loading;

namespace Coppice.Tests.Kernels;

/// <summary>A weight tensor in memory, kept as blocks of a format.</summary>
internal sealed class BlockTensor(BlockFormat format, byte[] blocks, int outputs, int inputs) : WeightTensor
{
    public byte[] Blocks => blocks;

    public override string Name => "blocks";

    public override string TypeName => format.Type.ToString();

    public override WeightType Type => format.Type;

    public override IReadOnlyList<long> Shape => [outputs, inputs];

    public override long ByteCount => blocks.Length;

    private int BytesOfRow => inputs / format.BlockElements * format.BlockBytes;

    /// <summary>Any bits, but scales that keep sums in a float's good range.</summary>
    public static BlockTensor Random(BlockFormat format, int outputs, int inputs, int seed) => new(format, RandomBlocks(format, outputs * inputs / format.BlockElements, seed), outputs, inputs);

    public static byte[] RandomBlocks(BlockFormat format, int count, int seed)
    {
        var random = new Random(seed);
        byte[] blocks = new byte[count * format.BlockBytes];
        random.NextBytes(blocks);
        for (int block = 0; block < count; block++)
            foreach (int at in HalvesAt(format.Type)) BitConverter.TryWriteBytes(blocks.AsSpan(block * format.BlockBytes + at), (Half)((random.NextDouble() * 2 - 1) / 64));
        return blocks;
    }

    /// <summary>Where a block keeps d, and dMin or m.</summary>
    public static int[] HalvesAt(WeightType type) => type switch
    {
        WeightType.Q2_K => [80, 82],
        WeightType.Q3_K => [108],
        WeightType.Q6_K => [208],
        WeightType.Q4_1 or WeightType.Q5_1 or WeightType.Q4_K or WeightType.Q5_K => [0, 2],
        _ => [0],
    };

    public override void ReadRowBytes(long row, Span<byte> destination) => Row(row).CopyTo(destination);

    public override void ReadRow(long row, Span<float> destination) => format.Read(Row(row), destination);

    private ReadOnlySpan<byte> Row(long row) => blocks.AsSpan((int)row * BytesOfRow, BytesOfRow);
}
