using Coppice.Kernels;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Tests.Attention;

namespace Coppice.Tests.Kernels.Attention;

/// <summary>The parts of sparse attention at every width against their definitions, bit by bit.</summary>
public sealed unsafe class SparseKernelTests
{
    public static TheoryData<int, int, KvFormat> Shapes
    {
        get
        {
            var data = new TheoryData<int, int, KvFormat>();
            foreach (int d in new[] { 8, 40, 64, 128, 256 })
                foreach (int g in new[] { 1, 4, 7 })
                    foreach (KvFormat format in Enum.GetValues<KvFormat>()) data.Add(d, g, format);
            return data;
        }
    }

    [Theory]
    [InlineData(1, KvFormat.F32)]
    [InlineData(4, KvFormat.BF16)]
    [InlineData(7, KvFormat.F32)]
    public void Scores_read_along_many_pages_have_the_bits_of_single_pages(int g, KvFormat format)
    {
        // Pages 1 to 150 lie in order, across two borders between runs of 64; then come 20 in any order.
        using var scene = new SparseScene(16 * 170, 16, g, format, pagesInOrder: 150);
        Assert.Equal(63, scene.History.KeyRun(0, 170));
        Assert.Equal(64, scene.History.KeyRun(63, 170));
        Assert.Equal(5, scene.History.KeyRun(63, 68));
        int[] components = [0, 2, 3, 7, 8, 14, 15];
        float[] q = Levels.Random(g * components.Length, 5);
        int row = 170 * 16;
        float[][] scores = [.. Enumerable.Range(0, 4).Select(_ => new float[g * row])];
        long[] bytes = new long[4];
        fixed (float* queries = q, s0 = scores[0], s1 = scores[1], s2 = scores[2], s3 = scores[3])
        {
            KeyScores.Reference(scene.History, null, 170, components, queries, g, s0, row, ref bytes[0]);
            KeyScores.Simd<F128>(scene.History, null, 170, components, queries, g, s1, row, ref bytes[1]);
            KeyScores.Simd<F256>(scene.History, null, 170, components, queries, g, s2, row, ref bytes[2]);
            KeyScores.Simd<F512>(scene.History, null, 170, components, queries, g, s3, row, ref bytes[3]);
        }

        for (int i = 1; i < 4; i++) Levels.SameBits(scores[0], scores[i], $"{64 << i} bits");
        Assert.All(bytes, counted => Assert.Equal(bytes[0], counted));
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Scores_of_some_components_have_the_same_bits_at_every_width(int d, int g, KvFormat format)
    {
        using var scene = new SparseScene(16 * 9, d, g, format);
        foreach (int[] components in new int[][] { [d - 1], [0, 1, d / 2], [.. Enumerable.Range(0, d)] })
        {
            float[] q = Levels.Random(g * components.Length, d);
            int[] which = [0, 2, 3, 8];
            fixed (float* queries = q)
            fixed (int* some = which)
            {
                foreach (bool all in new[] { true, false })
                {
                    int pages = all ? 9 : 4, row = pages * 16 + 16;
                    float[][] scores = [.. Enumerable.Range(0, 4).Select(_ => new float[g * row])];
                    int* list = all ? null : some;
                    long[] bytes = new long[4];
                    fixed (float* s = scores[0]) KeyScores.Reference(scene.History, list, pages, components, queries, g, s, row, ref bytes[0]);
                    fixed (float* s = scores[1]) KeyScores.Simd<F128>(scene.History, list, pages, components, queries, g, s, row, ref bytes[1]);
                    fixed (float* s = scores[2]) KeyScores.Simd<F256>(scene.History, list, pages, components, queries, g, s, row, ref bytes[2]);
                    fixed (float* s = scores[3]) KeyScores.Simd<F512>(scene.History, list, pages, components, queries, g, s, row, ref bytes[3]);
                    for (int i = 1; i < 4; i++) Levels.SameBits(scores[0], scores[i], $"{64 << i} bits");
                    Assert.All(bytes, counted => Assert.Equal(bytes[0], counted));
                    Assert.True(bytes[0] >= (long)pages * 16 * components.Length * scene.Layout.ElementBytes);
                }
            }
        }
    }

    [Fact]
    public void Weights_and_their_sum_have_the_same_bits_at_every_width()
    {
        foreach (int n in Levels.Lengths.Where(n => n > 0))
        {
            float[][] x = [.. Enumerable.Range(0, 4).Select(_ => (float[])[.. Levels.Random(n, n, 20f), .. new float[16]])];
            float[] sums = new float[4];
            fixed (float* p = x[0]) sums[0] = RowWeights.Reference(p, n, 0.7f);
            fixed (float* p = x[1]) sums[1] = RowWeights.Simd<F128>(p, n, 0.7f);
            fixed (float* p = x[2]) sums[2] = RowWeights.Simd<F256>(p, n, 0.7f);
            fixed (float* p = x[3]) sums[3] = RowWeights.Simd<F512>(p, n, 0.7f);
            for (int i = 1; i < 4; i++)
            {
                Levels.SameBits(x[0], x[i], $"{n} weights, {64 << i} bits");
                Levels.SameBits([sums[0]], [sums[i]], $"sum of {n}, {64 << i} bits");
            }
        }
    }

    [Theory]
    [InlineData(1)]
    [InlineData(5)]
    public void Sums_over_a_group_have_the_same_bits_at_every_width(int g)
    {
        float[] weights = Levels.Random(g * 64, 3), share = Levels.Random(g, 4), before = Levels.Random(48, 5);
        float[][] total = [.. Enumerable.Range(0, 4).Select(_ => (float[])before.Clone())];
        fixed (float* w = weights, s = share, t0 = total[0], t1 = total[1], t2 = total[2], t3 = total[3])
        {
            GroupSum.Reference(w, 64, s, g, 48, t0);
            GroupSum.Simd<F128>(w, 64, s, g, 48, t1);
            GroupSum.Simd<F256>(w, 64, s, g, 48, t2);
            GroupSum.Simd<F512>(w, 64, s, g, 48, t3);
        }

        for (int i = 1; i < 4; i++) Levels.SameBits(total[0], total[i], $"{64 << i} bits");
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Gathered_keys_and_values_have_the_same_bits_at_every_width(int d, int g, KvFormat format)
    {
        using var scene = new SparseScene(150, d, g, format);
        int padded = scene.Layout.PaddedHeadSize;
        int[] chosen = [0, 1, 5, 31, 32, 33, 80, 90, 91, 92, 149];
        float[] wide = new float[g * padded], share = Levels.Random(g, 2), given = Levels.Random(g * 16, 5);
        for (int h = 0; h < g; h++) new ReadOnlySpan<float>(scene.Q + h * d, d).CopyTo(wide.AsSpan(h * padded));
        float[][] scores = [.. Enumerable.Range(0, 4).Select(_ => new float[g * 16])], sums = [.. Enumerable.Range(0, 4).Select(_ => new float[g * padded])];
        fixed (int* c = chosen)
        fixed (float* q = wide, f = share, w = given, s0 = scores[0], s1 = scores[1], s2 = scores[2], s3 = scores[3], o0 = sums[0], o1 = sums[1], o2 = sums[2], o3 = sums[3])
        {
            History history = scene.History;
            Gather.ScoresReference(history, c, chosen.Length, q, g, s0, 16);
            Gather.ScoresSimd<F128>(history, c, chosen.Length, q, g, s1, 16);
            Gather.ScoresSimd<F256>(history, c, chosen.Length, q, g, s2, 16);
            Gather.ScoresSimd<F512>(history, c, chosen.Length, q, g, s3, 16);
            Gather.ValuesReference(history, c, chosen.Length, w, 16, f, g, o0);
            Gather.ValuesSimd<F128>(history, c, chosen.Length, w, 16, f, g, o1);
            Gather.ValuesSimd<F256>(history, c, chosen.Length, w, 16, f, g, o2);
            Gather.ValuesSimd<F512>(history, c, chosen.Length, w, 16, f, g, o3);
        }

        for (int i = 1; i < 4; i++)
        {
            Levels.SameBits(scores[0], scores[i], $"scores, {64 << i} bits");
            for (int h = 0; h < g; h++) Levels.SameBits(sums[0].AsSpan(h * padded, d), sums[i].AsSpan(h * padded, d), $"values, {64 << i} bits");
        }
    }

    [Fact]
    public void The_largest_are_chosen_and_among_equals_the_first()
    {
        Random random = new(1);
        foreach (int n in Levels.Lengths.Where(n => n > 0))
        {
            foreach (int kinds in new[] { 1, 2, 5, int.MaxValue })
            {
                // Few kinds of numbers make many equals; some are zero, negative or no numbers.
                float[] x = [.. Enumerable.Range(0, n).Select(_ => kinds == int.MaxValue ? (float)Math.Exp(random.NextDouble() * 40 - 40) : random.Next(kinds))];
                for (int i = 0; i < n / 7; i++) x[random.Next(n)] = new[] { float.NaN, -1f, 0f, -0f, float.NegativeInfinity }[random.Next(5)];
                foreach (int k in new[] { 1, n / 3, n / 2, n - 1, n }.Where(k => k > 0).Distinct())
                {
                    int[] expected = new int[k], actual = new int[k + 1], run = new int[k];
                    fixed (float* numbers = x)
                    fixed (int* e = expected, a = actual, r = run)
                    {
                        TopPositions.Reference(numbers, n, k, e);
                        actual[k] = -7;
                        if (k < n) TopPositions.Simd(numbers, n, k, a);
                        TopPositions.Run(numbers, n, k, r);
                    }

                    Assert.Equal(expected, run);
                    Assert.Equal(-7, actual[k]);
                    if (k < n) Assert.Equal(expected, actual[..k]);
                }
            }
        }
    }
}
