using Coppice.Loading;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Loading;

/// <summary>Blocks written by hand, and blocks of random bits against the formats' published definitions, number by number.</summary>
public sealed class BlockFormatTests
{
    public static TheoryData<WeightType> Types => [.. BlockFormat.All.Select(format => format.Type)];

    private static readonly int[] s_values = [-127, -104, -83, -65, -49, -35, -22, -10, 1, 13, 25, 38, 53, 69, 89, 113];

    private static float[] Read(WeightType type, byte[] block)
    {
        BlockFormat format = BlockFormat.Of(type)!;
        Assert.Equal(format.BlockBytes, block.Length);
        float[] numbers = new float[format.BlockElements];
        format.Read(block, numbers);
        return numbers;
    }

    private static byte[] Bytes(int count, params (int At, int Value)[] set)
    {
        byte[] bytes = new byte[count];
        foreach ((int at, int value) in set) bytes[at] = (byte)value;
        return bytes;
    }

    // 0x3800 is 0.5, 0x3C00 is 1, 0x4000 is 2, 0xB800 is -0.5, as halves; the lower byte comes first.
    [Fact]
    public void Q4_0_by_hand()
    {
        float[] w = Read(WeightType.Q4_0, Bytes(18, (1, 0x38), (2, 0xF0), (3, 0x1A), (17, 0x8C)));
        // Byte 0 is 0xF0: number 0 is (0 - 8) / 2 and number 16 is (15 - 8) / 2. Byte 1 is 0x1A: 10 and 1. Byte 15 is 0x8C: 12 and 8. All else is 0.
        Assert.Equal([-4f, 3.5f, 1f, -3.5f, 2f, 0f, -4f], [w[0], w[16], w[1], w[17], w[15], w[31], w[9]]);
    }

    [Fact]
    public void Q4_1_by_hand()
    {
        float[] w = Read(WeightType.Q4_1, Bytes(20, (1, 0x38), (3, 0xC0), (4, 0xF0), (19, 0x21)));
        // d = 0.5, m = -2.
        Assert.Equal([-2f, 5.5f, -1.5f, -1f, -2f], [w[0], w[16], w[15], w[31], w[7]]);
    }

    [Fact]
    public void Q5_0_by_hand()
    {
        // Fifth bits of numbers 0 and 31.
        float[] w = Read(WeightType.Q5_0, Bytes(22, (1, 0x38), (2, 0x01), (5, 0x80), (6, 0xF3), (21, 0x20)));
        // 16 + 3, 15, 0, 16 + 2, each less 16 and halved.
        Assert.Equal([1.5f, -0.5f, -8f, 1f], [w[0], w[16], w[15], w[31]]);
    }

    [Fact]
    public void Q5_1_by_hand()
    {
        float[] w = Read(WeightType.Q5_1, Bytes(24, (1, 0x3C), (3, 0x38), (4, 0x01), (7, 0x80), (8, 0xF3), (23, 0x20)));
        Assert.Equal([19.5f, 15.5f, 0.5f, 18.5f], [w[0], w[16], w[15], w[31]]);
    }

    [Fact]
    public void Q8_0_by_hand()
    {
        float[] w = Read(WeightType.Q8_0, Bytes(34, (1, 0x38), (2, 127), (3, 0x80), (33, 0xFF)));
        Assert.Equal([63.5f, -64f, -0.5f, 0f], [w[0], w[1], w[31], w[30]]);
    }

    [Fact]
    public void IQ4_NL_by_hand()
    {
        float[] w = Read(WeightType.IQ4_NL, Bytes(18, (1, 0xB8), (2, 0xF8), (3, 0x70)));
        // Values 8 and 15 are 1 and 113, values 0 and 7 are -127 and -10; times -0.5.
        Assert.Equal([-0.5f, -56.5f, 63.5f, 5f], [w[0], w[16], w[1], w[17]]);
    }

    [Fact]
    public void IQ4_XS_by_hand()
    {
        // Scale 3 (numbers 96 to 127): lower bits 0xA in the upper half of byte 4 + 1, upper bits 0b11 at bits 6 and 7 of the 16: 0x3A = 58.
        float[] w = Read(WeightType.IQ4_XS, Bytes(136, (1, 0x3C), (2, 0xC0), (5, 0xA0), (8 + 48, 0xF8)));
        Assert.Equal([26f, 26f * 113, 26f * -127, -32f * -127], [w[96], w[112], w[97], w[0]]);
    }

    [Fact]
    public void Q2_K_by_hand()
    {
        // Group 1 (numbers 16 to 31): scale 3, min 5. Group 9 (144 to 159): scale 2, min 0. d = 0.5, dMin = 1.
        float[] w = Read(WeightType.Q2_K, Bytes(84, (1, 0x53), (9, 0x02), (16 + 16, 0b10), (16 + 32 + 16, 0b11), (81, 0x38), (83, 0x3C)));
        // Number 16 is 0.5 · 3 · 2 - 5, 17 is -5. Byte 48 of the numbers is number 144 in its lowest bits: 0.5 · 2 · 3.
        Assert.Equal([-2f, -5f, 3f, 0f, 0f], [w[16], w[17], w[144], w[145], w[0]]);
    }

    [Fact]
    public void Q3_K_by_hand()
    {
        // Scale 0: lower bits 0x1 of byte 0, upper 0b10 of byte 8: 0x21 = 33, less 32. Scale 13: upper half of byte 5 (0xF) and bits 6 and 7 of
        // byte 8 + 1 (0b11): 63, less 32 is 31. All others -32. Third bit of number 0 set, of number 208 (byte 16, bit 6) too.
        float[] w = Read(WeightType.Q3_K, Bytes(110, (0, 0x01), (16, 0x40), (32, 0b10), (32 + 32 + 16, 0b01_00_00), (96, 0x01), (96 + 5, 0xF0), (96 + 8, 0b10), (96 + 9, 0b11_00_00_00), (109, 0x3C)));
        // Number 0: 1 · (4 + 2 - 4). Number 1: 1 · -4. Number 208 is quarter 2 of the second half: lower bits 1, so 31 · (4 + 1 - 4); 209: 31 · -4.
        Assert.Equal([2f, -4f, 31f, -124f, 128f], [w[0], w[1], w[208], w[209], w[16]]);
    }

    [Fact]
    public void Q4_K_by_hand()
    {
        // Scale 0 is 63 and min 0 is 33. Scale 5: lower four bits of byte 9 (0xB), upper bits of byte 1 (0b10): 0x2B = 43. Min 5: upper four of
        // byte 9 (0x7), upper bits of byte 5 (0b11): 0x37 = 55. d = 0.5, dMin = 2.
        float[] w = Read(WeightType.Q4_K, Bytes(144, (1, 0x38), (3, 0x40), (4, 63), (4 + 1, 0x80), (4 + 4, 33), (4 + 5, 0xC0), (4 + 9, 0x7B), (16, 0xF1), (16 + 64, 0xE0)));
        // Number 0: 0.5 · 63 · 1 - 2 · 33. Number 32 has scale 1, whose low bits are 0. Numbers 160 to 191 have scale 5 and are upper halves.
        Assert.Equal([-34.5f, -66f, 0f, 0.5f * 43 * 14 - 110, -110f], [w[0], w[1], w[32], w[160], w[161]]);
    }

    [Fact]
    public void Q5_K_by_hand()
    {
        // As Q4_K; fifth bit of number 0 is bit 0 of byte 0, of number 160 bit 5.
        float[] w = Read(WeightType.Q5_K, Bytes(176, (1, 0x38), (3, 0x40), (4, 63), (4 + 1, 0x80), (4 + 4, 33), (4 + 5, 0xC0), (4 + 9, 0x7B), (16, 0x21), (48, 0xF1), (48 + 64, 0xE0)));
        Assert.Equal([0.5f * 63 * 17 - 66, -66f, 0.5f * 43 * 30 - 110, -110f], [w[0], w[1], w[160], w[161]]);
    }

    [Fact]
    public void Q6_K_by_hand()
    {
        // Scales 0 and 6 are -3 and 100. Number 0: lower 0x5, upper 0b01. Number 96: upper half of byte 32, bits 6 and 7 of upper byte 0.
        float[] w = Read(WeightType.Q6_K, Bytes(210, (0, 0x05), (32, 0xC0), (128, 0b11_00_00_01), (192, -3), (192 + 6, 100), (209, 0x38)));
        Assert.Equal([-1.5f * (21 - 32), -1.5f * -32, 50f * (60 - 32), 50f * -32, 0f], [w[0], w[1], w[96], w[97], w[16]]);
    }

    [Theory, MemberData(nameof(Types))]
    public void Random_blocks_are_what_the_published_definition_says(WeightType type)
    {
        BlockFormat format = BlockFormat.Of(type)!;
        byte[] blocks = BlockTensor.RandomBlocks(format, 40, 7);
        float[] numbers = new float[40 * format.BlockElements];
        format.Read(blocks, numbers);
        for (int i = 0; i < numbers.Length; i++)
            Assert.Equal(Number(type, blocks.AsSpan(i / format.BlockElements * format.BlockBytes, format.BlockBytes), i % format.BlockElements), numbers[i]);
    }

    // Products are exact in double; the one rounding is the last.
    private static float Number(WeightType type, ReadOnlySpan<byte> b, int i)
    {
        double half(ReadOnlySpan<byte> b, int at) => (double)BitConverter.ToHalf(b[at..]);
        int nibble(ReadOnlySpan<byte> b, int at) => i < 16 ? b[at + i] & 15 : b[at + i - 16] >> 4;
        int fifth(ReadOnlySpan<byte> b, int at) => (b[at + i / 8] >> i % 8 & 1) << 4;
        (int Scale, int Min) six(ReadOnlySpan<byte> b, int j) => j < 4
            ? (b[4 + j] & 63, b[8 + j] & 63)
            : (b[8 + j] & 15 | (b[j] & 0xC0) >> 2, b[8 + j] >> 4 | (b[4 + j] & 0xC0) >> 2);
        int big(ReadOnlySpan<byte> b, int at) => i / 32 % 2 == 0 ? b[at + i / 64 * 32 + i % 32] & 15 : b[at + i / 64 * 32 + i % 32] >> 4;
        int two(ReadOnlySpan<byte> b, int at) => b[at + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
        switch (type)
        {
            case WeightType.Q8_0: return (float)(half(b, 0) * (sbyte)b[2 + i]);
            case WeightType.Q4_0: return (float)(half(b, 0) * (nibble(b, 2) - 8));
            case WeightType.Q4_1: return (float)(half(b, 0) * nibble(b, 4) + half(b, 2));
            case WeightType.Q5_0: return (float)(half(b, 0) * ((nibble(b, 6) | fifth(b, 2)) - 16));
            case WeightType.Q5_1: return (float)(half(b, 0) * (nibble(b, 8) | fifth(b, 4)) + half(b, 2));
            case WeightType.IQ4_NL: return (float)(half(b, 0) * s_values[nibble(b, 2)]);
            case WeightType.IQ4_XS:
                int g = i / 32, scale = (b[4 + g / 2] >> g % 2 * 4 & 15) + ((BitConverter.ToUInt16(b[2..]) >> 2 * g & 3) << 4);
                byte pair = b[8 + 16 * g + i % 16];
                return (float)(half(b, 0) * (scale - 32) * s_values[i % 32 < 16 ? pair & 15 : pair >> 4]);
            case WeightType.Q2_K: return (float)(half(b, 80) * (b[i / 16] & 15) * two(b, 16) - half(b, 82) * (b[i / 16] >> 4));
            case WeightType.Q3_K:
                int j = i / 16, low = j < 8 ? b[96 + j] & 15 : b[96 + j - 8] >> 4, high = b[104 + j % 4] >> j / 4 * 2 & 3;
                return (float)(half(b, 108) * (low + 16 * high - 32) * (two(b, 32) - ((b[i % 32] >> i / 32 & 1) == 1 ? 0 : 4)));
            case WeightType.Q4_K: return (float)(half(b, 0) * six(b, i / 32).Scale * big(b, 16) - half(b, 2) * six(b, i / 32).Min);
            case WeightType.Q5_K: return (float)(half(b, 0) * six(b, i / 32).Scale * (big(b, 48) + 16 * (b[16 + i % 32] >> i / 32 & 1)) - half(b, 2) * six(b, i / 32).Min);
            default:
                int lower = b[i / 128 * 64 + i % 64], upper = b[128 + i / 128 * 32 + i % 32] >> i % 128 / 32 * 2 & 3;
                return (float)(half(b, 208) * (sbyte)b[192 + i / 16] * ((i % 128 < 64 ? lower & 15 : lower >> 4) + 16 * upper - 32));
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Numbers_that_a_format_holds_come_back_nearly_and_zeros_exactly(WeightType type)
    {
        BlockFormat format = BlockFormat.Of(type)!;
        float[] numbers = new float[1024], back = new float[1024];
        byte[] bytes = new byte[BlockFormat.BytesOf(type, 1024)];
        format.Write(numbers, bytes);
        format.Read(bytes, back);
        // IQ4_NL has no zero among its values; a scale of zero makes one.
        Assert.All(back, number => Assert.Equal(0f, number));

        BlockTensor held = BlockTensor.Random(format, 1, 1024, 11);
        held.ReadRow(0, numbers);
        format.Write(numbers, bytes);
        format.Read(bytes, back);
        Assert.InRange(RelativeError(numbers, back), 0, type is WeightType.Q8_0 ? 1e-4 : 0.02);
    }

    // Squared error of normally distributed numbers over their squares. With b bits and the best of scales about 6 dB a bit; measured, and held.
    [Theory]
    [InlineData(WeightType.Q8_0, 6e-5), InlineData(WeightType.Q6_K, 6e-4), InlineData(WeightType.Q5_K, 2e-3), InlineData(WeightType.Q5_1, 2.5e-3), InlineData(WeightType.Q5_0, 3e-3), InlineData(WeightType.Q4_K, 8e-3)]
    [InlineData(WeightType.Q4_1, 1e-2), InlineData(WeightType.Q4_0, 1.2e-2), InlineData(WeightType.IQ4_NL, 9e-3), InlineData(WeightType.IQ4_XS, 9e-3), InlineData(WeightType.Q3_K, 4e-2), InlineData(WeightType.Q2_K, 0.12)]
    public void Rounding_normal_numbers_costs_no_more_than_measured(WeightType type, double most)
    {
        var random = new Random(5);
        float[] numbers = new float[16 * 1024], back = new float[numbers.Length];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = 0.03f * (float)(Math.Sqrt(-2 * Math.Log(1 - random.NextDouble())) * Math.Cos(2 * Math.PI * random.NextDouble()));
        byte[] bytes = new byte[BlockFormat.BytesOf(type, numbers.Length)];
        BlockFormat.Of(type)!.Write(numbers, bytes);
        BlockFormat.Of(type)!.Read(bytes, back);
        Assert.InRange(RelativeError(numbers, back), 0, most);
    }

    [Theory, MemberData(nameof(Types))]
    public void Numbers_of_any_size_and_shape_are_rounded_to_finite_ones(WeightType type)
    {
        BlockFormat format = BlockFormat.Of(type)!;
        float[] numbers = new float[256], back = new float[256];
        byte[] bytes = new byte[BlockFormat.BytesOf(type, 256)];
        foreach (float size in new[] { 1e-38f, 1e-30f, 1e-8f, 1f, 60_000f })
        {
            foreach (Func<int, float> shape in (Func<int, float>[])[i => 1, i => -1, i => i % 2 == 0 ? 1 : -1, i => i == 77 ? -1 : 0, i => i / 256f, i => i >= 128 ? 1 : 0, i => 1 + i * 1e-7f])
            {
                for (int i = 0; i < 256; i++) numbers[i] = size * shape(i);
                format.Write(numbers, bytes);
                format.Read(bytes, back);
                Assert.All(back, number => Assert.True(float.IsFinite(number)));
                double largest = numbers.Max(MathF.Abs);
                for (int i = 0; i < 256; i++) Assert.InRange(Math.Abs(back[i] - numbers[i]), 0, 0.5 * largest + 1e-6);
            }
        }
    }

    private static double RelativeError(float[] numbers, float[] back)
    {
        double error = 0, size = 0;
        for (int i = 0; i < numbers.Length; i++)
        {
            error += ((double)back[i] - numbers[i]) * ((double)back[i] - numbers[i]);
            size += (double)numbers[i] * numbers[i];
        }
        return error / size;
    }
}
