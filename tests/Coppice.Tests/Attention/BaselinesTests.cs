using Coppice.Attention;
using Coppice.Kernels.Attention;
using Coppice.KvCache;

namespace Coppice.Tests.Attention;

public sealed unsafe class BaselinesTests
{
    [Theory]
    [InlineData(1, KvFormat.F32)]
    [InlineData(4, KvFormat.F32)]
    [InlineData(7, KvFormat.BF16)]
    public void Chosen_positions_are_attended_exactly(int g, KvFormat format)
    {
        using var scene = new SparseScene(200, 40, g, format);
        foreach (int[] chosen in new int[][] { [0], [3, 4, 17, 100, 111, 199], [.. Enumerable.Range(0, 200)] })
        {
            float[] output = new float[g * 40];
            Assert.True(ChosenRow.ScratchFloats(scene.Layout, g, chosen.Length, 200) < 1 << 20);
            fixed (float* o = output)
            fixed (int* c = chosen)
            {
                ChosenRow.Run(scene.History, scene.Q, g, scene.Factor, c, chosen.Length, o, scene.Scratch, out ChosenWeights weights);
                Assert.Equal(g, Enumerable.Range(0, chosen.Length).Sum(j => (double)weights.Sum(j, g)), 4);
            }

            SparseScene.Close(scene.Mix(chosen), output, 1e-5);
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(4)]
    public void The_best_positions_by_exact_scores_are_attended_exactly(int g)
    {
        using var scene = new SparseScene(200, 32, g, scale: 2f);
        double[][] softmax = [.. Enumerable.Range(0, g).Select(h => SparseScene.Softmax([.. Enumerable.Range(0, 200).Select(t => Enumerable.Range(0, 32).Sum(i => (double)scene.Q[h * 32 + i] * scene.History.Key(t, i)) / Math.Sqrt(32))]))];
        foreach (int keep in new[] { 1, 20, 200 })
        {
            float[] output = new float[g * 32];
            fixed (float* o = output) TopKRow.Run(scene.History, scene.Q, g, scene.Factor, 200, keep, o, scene.Scratch);
            SparseScene.Close(scene.Mix([.. Enumerable.Range(0, 200).OrderByDescending(t => softmax.Sum(s => s[t])).Take(keep)]), output, 1e-5);
        }
    }

    [Fact]
    public void Positions_with_the_least_attention_are_dropped_for_good_but_for_the_last_ones()
    {
        float[] sums = [0.5f, 3f, 0.2f, 0.5f, 0.1f, 0f];
        int[] room = new int[18];
        fixed (int* chosen = room)
        {
            // Four may stay: the last one, and of the others 3 and the 0.5s.
            Assert.Equal(4, H2oPolicy.Alive(sums, 6, 4, chosen));
            Assert.Equal([0, 1, 3, 5], room[..4]);
            sums[2] = sums[2] < 0 ? sums[2] : 100f;
            sums[5] = 0.6f;
            Assert.Equal(4, H2oPolicy.Alive(sums, 6, 4, chosen));
            Assert.Equal([0, 1, 3, 5], room[..4]);
            // A new position comes, and of the two equals the first stays.
            float[] more = [.. sums, 0f];
            Assert.Equal(4, H2oPolicy.Alive(more, 7, 4, chosen));
            Assert.Equal([0, 1, 5, 6], room[..4]);
            Assert.Equal(7, more.Length);
            Assert.True(more[2] < 0 && more[3] < 0 && more[4] < 0);
        }
    }

    [Fact]
    public void Nothing_is_dropped_while_there_is_room()
    {
        int[] room = new int[9];
        fixed (int* chosen = room) Assert.Equal(3, H2oPolicy.Alive(new float[3], 3, 3, chosen));
        Assert.Equal([0, 1, 2], room[..3]);
    }
}
