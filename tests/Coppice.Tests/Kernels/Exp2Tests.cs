using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed class Exp2Tests
{
    [Fact]
    public void The_relative_error_stays_below_one_ulp_over_the_whole_range()
    {
        double worst = 0;
        for (float x = -126f; x < 128f; x += 0.00037f)
        {
            double exact = Math.Pow(2, x);
            worst = Math.Max(worst, Math.Abs(Exp2.Of(x) - exact) / exact);
        }
        Assert.InRange(worst, 0, Math.Pow(2, -23));
    }

    [Fact]
    public void Integers_are_exact()
    {
        for (int n = -126; n < 128; n++) Assert.Equal(MathF.ScaleB(1f, n), Exp2.Of(n));
        Assert.Equal(1f, Exp2.Of(-0f));
    }

    [Theory]
    [InlineData(float.NegativeInfinity, 0f)]
    [InlineData(float.MinValue, 0f)]
    [InlineData(-1000f, 0f)]
    [InlineData(-126.5f, 0f)]
    [InlineData(128f, float.PositiveInfinity)]
    [InlineData(1e30f, float.PositiveInfinity)]
    [InlineData(float.PositiveInfinity, float.PositiveInfinity)]
    [InlineData(float.NaN, float.NaN)]
    public void The_ends_are_zero_and_infinity_and_NaN_stays(float x, float expected) => Assert.Equal(expected, Exp2.Of(x));

    [Fact]
    public void Numbers_just_inside_the_ends_are_finite_and_normal()
    {
        Assert.True(float.IsFinite(Exp2.Of(MathF.BitDecrement(128f))));
        Assert.True(float.IsNormal(Exp2.Of(MathF.BitIncrement(-126f))));
    }

    [Fact]
    public void Every_width_gives_the_bits_of_the_reference_at_every_length()
    {
        foreach (int length in Levels.Lengths)
        {
            float[] x = Levels.Random(length, length, 140f);
            float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 128f, -126f, 127.5f, -126.00001f];
            for (int i = 0; i < Math.Min(length, special.Length); i++) x[(i * 5) % length] = special[i];
            float[] expected = new float[length], actual = new float[length];
            Exp2.Reference(x, expected);
            Exp2.Simd<F128>(x, actual);
            Levels.SameBits(expected, actual, $"128 bits, {length}");
            Exp2.Simd<F256>(x, actual);
            Levels.SameBits(expected, actual, $"256 bits, {length}");
            Exp2.Simd<F512>(x, actual);
            Levels.SameBits(expected, actual, $"512 bits, {length}");
            Exp2.Run(x, x);
            Levels.SameBits(expected, x, $"in place, {length}");
        }
    }
}
