using System.Runtime.InteropServices;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class FloatRowsTests
{
    private static readonly ushort[] s_all = [.. Enumerable.Range(0, 65_536).Select(i => (ushort)i)];

    [Fact]
    public void Every_half_becomes_the_float_of_its_value()
    {
        float[] floats = new float[s_all.Length];
        FloatRows.FromF16(MemoryMarshal.AsBytes<ushort>(s_all), floats);
        for (int i = 0; i < floats.Length; i++) Assert.Equal(Bits(HalfByDefinition(s_all[i])), Bits(floats[i]));
    }

    [Fact]
    public void Every_bfloat16_is_the_upper_half_of_its_float()
    {
        float[] floats = new float[s_all.Length];
        FloatRows.FromBF16(MemoryMarshal.AsBytes<ushort>(s_all), floats);
        for (int i = 0; i < floats.Length; i++) Assert.Equal((uint)i << 16, Bits(floats[i]));
    }

    [Fact]
    public void Rows_of_every_length_are_converted_whole_and_nothing_behind_them()
    {
        for (int length = 0; length <= 100; length++)
        {
            ushort[] values = [.. Enumerable.Range(0, length).Select(i => (ushort)(i * 641 + 7))];
            float[] halves = [.. Enumerable.Repeat(-1f, length + 1)];
            float[] upperHalves = [.. halves];
            FloatRows.FromF16(MemoryMarshal.AsBytes<ushort>(values), halves.AsSpan(0, length));
            FloatRows.FromBF16(MemoryMarshal.AsBytes<ushort>(values), upperHalves.AsSpan(0, length));
            for (int i = 0; i < length; i++)
            {
                Assert.Equal(Bits(HalfByDefinition(values[i])), Bits(halves[i]));
                Assert.Equal((uint)values[i] << 16, Bits(upperHalves[i]));
            }
            Assert.Equal(-1f, halves[length]);
            Assert.Equal(-1f, upperHalves[length]);
        }
    }

    /// <summary>IEEE 754, 3.4: 1 bit of sign, 5 of exponent, 10 of significand. A NaN keeps its payload in the upper bits.</summary>
    private static float HalfByDefinition(ushort half)
    {
        int exponent = (half >> 10) & 31;
        int significand = half & 1023;
        double sign = half >= 0x8000 ? -1 : 1;
        if (exponent == 31 && significand != 0) return BitConverter.UInt32BitsToSingle(((uint)(half & 0x8000) << 16) | 0x7F800000u | ((uint)significand << 13));
        if (exponent == 31) return (float)(sign * double.PositiveInfinity);
        return (float)(exponent == 0 ? sign * significand * Math.Pow(2, -24) : sign * (1 + significand / 1024.0) * Math.Pow(2, exponent - 15));
    }

    private static uint Bits(float value) => BitConverter.SingleToUInt32Bits(value);
}
