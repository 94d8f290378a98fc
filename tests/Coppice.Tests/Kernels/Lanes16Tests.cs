using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed unsafe class Lanes16Tests
{
    [Fact]
    public void Every_width_folds_sixteen_lanes_in_the_same_tree()
    {
        for (int seed = 0; seed < 200; seed++)
        {
            float[] x = Levels.Random(16, seed, 1000f), lanes = [.. x];
            float sum = Lanes16.ReferenceSum(lanes), max = x.Max();
            fixed (float* p = x)
            {
                F128 a = F128.Load(p), b = F128.Load(p + 4), c = F128.Load(p + 8), d = F128.Load(p + 12);
                F256 e = F256.Load(p), f = F256.Load(p + 8);
                F512 g = F512.Load(p);
                Levels.SameBits([sum, sum, sum], [Lanes16.Sum(F128.FoldSum(a, b, c, d)), Lanes16.Sum(F256.FoldSum(e, f, e, e)), Lanes16.Sum(F512.FoldSum(g, g, g, g))], $"sum, seed {seed}");
                Levels.SameBits([max, max, max], [Lanes16.Max(F128.FoldMax(a, b, c, d)), Lanes16.Max(F256.FoldMax(e, f, e, e)), Lanes16.Max(F512.FoldMax(g, g, g, g))], $"max, seed {seed}");
            }
        }
    }
}
