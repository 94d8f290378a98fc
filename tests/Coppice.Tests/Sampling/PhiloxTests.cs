using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

public class PhiloxTests
{
    // The known answers published with Random123 (philox4x32, 10 rounds).
    [Theory]
    [InlineData(0, 0, 0, 0, 0, 0, 0x6627e8d5, 0xe169c58d, 0xbc57ac4c, 0x9b00dbd8)]
    [InlineData(0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0xffffffff, 0x408f276d, 0x41c83b0e, 0xa20bc7c6, 0x6d5451fd)]
    [InlineData(0x243f6a88, 0x85a308d3, 0x13198a2e, 0x03707344, 0xa4093822, 0x299f31d0, 0xd16cfe09, 0x94fdcceb, 0x5001e420, 0x24126ea1)]
    public void The_block_function_gives_the_published_answers(uint c0, uint c1, uint c2, uint c3, uint k0, uint k1, uint r0, uint r1, uint r2, uint r3) =>
        Assert.Equal((r0, r1, r2, r3), Philox.Block(c0, c1, c2, c3, k0, k1));

    [Fact]
    public void Uniform_numbers_fill_the_unit_interval_evenly_along_every_coordinate()
    {
        Func<int, double>[] walks = [i => Philox.Uniform((ulong)i, 0, 0), i => Philox.Uniform(1, i, 0), i => Philox.Uniform(1, 0, i), i => Philox.Uniform((ulong)i << 32, 3, 5)];
        foreach (Func<int, double> walk in walks)
        {
            const int Count = 20_000, Cells = 10;
            int[] seen = new int[Cells];
            for (int i = 0; i < Count; i++)
            {
                double uniform = walk(i);
                Assert.InRange(uniform, 0, 1 - (1.0 / (1L << 53)));
                seen[(int)(uniform * Cells)]++;
            }
            double chiSquare = seen.Sum(n => Math.Pow(n - (Count / Cells), 2) / (Count / Cells));
            Assert.True(chiSquare < 27.9, $"chi-square {chiSquare:F1}");   // 99.9th percentile, 9 degrees of freedom
        }
    }
}
