using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

/// <summary>What the kernel tests share: lengths that leave every remainder, seeded numbers, comparison of bits.</summary>
internal static class Levels
{
    public static IEnumerable<int> Lengths => Enumerable.Range(0, 71).Concat([127, 128, 129, 256, 1000]);

    public static float[] Random(int count, int seed, float scale = 1f)
    {
        var random = new Random(seed);
        var x = new float[count];
        for (int i = 0; i < count; i++) x[i] = (float)(random.NextDouble() * 2 - 1) * scale;
        return x;
    }

    public static void SameBits(ReadOnlySpan<float> expected, ReadOnlySpan<float> actual, string what)
    {
        Assert.Equal(expected.Length, actual.Length);
        for (int i = 0; i < expected.Length; i++)
        {
            if (BitConverter.SingleToUInt32Bits(expected[i]) != BitConverter.SingleToUInt32Bits(actual[i]))
                Assert.Fail($"{what}: element {i} is {actual[i]:R} and should be {expected[i]:R}.");
        }
    }
}
