using Coppice.Kernels;
using Coppice.Kernels.Attention;

namespace Coppice.Tests.Kernels.Attention;

public unsafe class StateMergeTests
{
    [Theory]
    [InlineData(8)]
    [InlineData(40)]
    [InlineData(64)]
    [InlineData(100)]
    [InlineData(256)]
    public void Merging_has_the_bits_of_the_definition_at_every_width(int d)
    {
        int paddedD = (d + 15) / 16 * 16, stride = 3 * StateMerge.StateFloats(paddedD);
        for (int count = 1; count <= 4; count++)
        {
            float[] states = Levels.Random(count * stride, d + count);
            for (int i = 0; i < count; i++)
            {
                // Differences from next to nothing to all, and an -0 that must not come through.
                states[i * stride + paddedD] = (i * 37 + d) % 91 - 45 + states[i * stride];
                states[i * stride + paddedD + 1] = 1 + MathF.Abs(states[i * stride + 1]);
                states[i * stride + 2] = -0f;
            }

            float[] expected = Merged(states, (s, y) => StateMerge.Reference((float*)s, stride, count, d, paddedD, (float*)y));
            Levels.SameBits(expected, Merged(states, (s, y) => StateMerge.Merge<F128>((float*)s, stride, count, d, paddedD, (float*)y)), $"128 bits, {count} states");
            Levels.SameBits(expected, Merged(states, (s, y) => StateMerge.Merge<F256>((float*)s, stride, count, d, paddedD, (float*)y)), $"256 bits, {count} states");
            Levels.SameBits(expected, Merged(states, (s, y) => StateMerge.Merge<F512>((float*)s, stride, count, d, paddedD, (float*)y)), $"512 bits, {count} states");
            Levels.SameBits(expected, Merged(states, (s, y) => StateMerge.Merge((float*)s, stride, count, d, paddedD, (float*)y)), $"the level in force, {count} states");
            Assert.All(expected, x => Assert.False(float.IsNegative(x) && x == 0));
        }

        float[] Merged(float[] states, Action<nint, nint> merge)
        {
            float[] own = [.. states], output = new float[d];
            fixed (float* s = own, y = output) merge((nint)s, (nint)y);
            return output;
        }
    }

    [Fact]
    public void Dividing_has_the_bits_of_the_definition_at_every_width()
    {
        foreach (int d in Levels.Lengths)
        {
            float[] o = Levels.Random(d + 1, d), expected = new float[d + 1], actual = new float[d + 1];
            o[d / 2] = -0f;
            fixed (float* x = o, e = expected, a = actual)
            {
                StateMerge.ReferenceDivide(3.7f, x, d, e);
                StateMerge.Divide<F128>(3.7f, x, d, a);
                Levels.SameBits(expected, actual, $"128 bits, {d}");
                StateMerge.Divide<F256>(3.7f, x, d, a);
                Levels.SameBits(expected, actual, $"256 bits, {d}");
                StateMerge.Divide<F512>(3.7f, x, d, a);
                Levels.SameBits(expected, actual, $"512 bits, {d}");
            }
        }
    }
}
