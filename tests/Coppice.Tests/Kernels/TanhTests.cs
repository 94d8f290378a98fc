using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed class TanhTests
{
    [Fact]
    public void The_relative_error_stays_below_its_bound_from_nothing_to_saturation()
    {
        double worst = 0;
        for (double x = 1e-30; x < 40; x *= 1.00007)
        {
            foreach (float at in new[] { (float)x, -(float)x }) worst = Math.Max(worst, Math.Abs(Tanh.Of(at) / Math.Tanh(at) - 1));
        }

        Assert.InRange(worst, 0, 5e-7);
    }

    [Theory]
    [InlineData(0f, 0f)]
    [InlineData(10f, 1f)]
    [InlineData(-10f, -1f)]
    [InlineData(1e30f, 1f)]
    [InlineData(-1e30f, -1f)]
    [InlineData(float.PositiveInfinity, 1f)]
    [InlineData(float.NegativeInfinity, -1f)]
    [InlineData(float.NaN, float.NaN)]
    public void It_saturates_at_one_and_NaN_stays(float x, float expected) => Assert.Equal(expected, Tanh.Of(x));

    [Fact]
    public void Every_width_gives_the_bits_of_the_reference_at_every_length()
    {
        foreach (int length in Levels.Lengths)
        {
            float[] x = Levels.Random(length, length, length % 2 == 0 ? 0.6f : 12f);
            float[] special = [float.NaN, float.PositiveInfinity, float.NegativeInfinity, -0f, 0.35f, -0.35f, 1e-38f, 50f];
            for (int i = 0; i < Math.Min(length, special.Length); i++) x[(i * 5) % length] = special[i];
            float[] expected = new float[length], actual = new float[length];
            Tanh.Reference(x, expected);
            Tanh.Simd<F128>(x, actual);
            Levels.SameBits(expected, actual, $"128 bits, {length}");
            Tanh.Simd<F256>(x, actual);
            Levels.SameBits(expected, actual, $"256 bits, {length}");
            Tanh.Simd<F512>(x, actual);
            Levels.SameBits(expected, actual, $"512 bits, {length}");
            Tanh.Run(x, x);
            Levels.SameBits(expected, x, $"in place, {length}");
        }
    }
}
