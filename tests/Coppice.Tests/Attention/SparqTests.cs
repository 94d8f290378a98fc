using Coppice.Attention;
using Coppice.Backends;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Scheduling;

namespace Coppice.Tests.Attention;

public sealed unsafe class SparqTests
{
    public static TheoryData<int, int, int, KvFormat> Scenes
    {
        get
        {
            var data = new TheoryData<int, int, int, KvFormat>();
            int[] lengths = [1, 15, 16, 17, 100, 333, 700], sizes = [8, 32, 40, 64, 128], groups = [1, 2, 4, 7];
            for (int i = 0; i < 21; i++) data.Add(lengths[i % 7], sizes[i % 5], groups[i % 4], i % 3 == 2 ? KvFormat.BF16 : KvFormat.F32);
            return data;
        }
    }

    [Theory, MemberData(nameof(Scenes))]
    public void With_all_positions_and_all_components_it_is_exact_attention(int n, int d, int g, KvFormat format)
    {
        using var scene = new SparseScene(n, d, g, format);
        double[] exact = scene.Mix([.. Enumerable.Range(0, n)]);
        foreach (bool meanValue in new[] { false, true }) SparseScene.Close(exact, scene.Sparq(d, n, n / 4, meanValue), 1e-5);
    }

    [Theory, MemberData(nameof(Scenes))]
    public void It_is_the_papers_algorithm(int n, int d, int g, KvFormat format)
    {
        using var scene = new SparseScene(n, d, g, format, scale: 2f);
        int r = Math.Max(1, d / 4), k = Math.Max(1, n / 6), local = k / 4;
        foreach (bool meanValue in new[] { false, true })
            SparseScene.Close(scene.SparqInDouble(r, k, local, meanValue), scene.Sparq(r, k, local, meanValue), 2e-5);
    }

    [Fact]
    public void Components_and_temperature_of_grouped_queries_are_those_worked_by_hand()
    {
        // Queries (1, 10), (-20, 2): dimension 0 has 21, dimension 1 has 12. Queries (30, 3), (4, 40): 34 and 43.
        float* magnitude = stackalloc float[16];
        foreach ((float[] q, int component, double[] scales) in new[]
        {
            (new[] { 1f, 10f, -20f, 2f }, 0, new[] { 2.0 * 1 / 11, 2.0 * 20 / 22 }),
            ([30f, 3f, 4f, 40f], 1, [2.0 * 3 / 33, 2.0 * 40 / 44]),
        })
        {
            int chosen = -1;
            fixed (float* queries = q)
            {
                SparqRow.ComponentSums(queries, 2, 2, magnitude);
                TopPositions.Run(magnitude, 2, 1, &chosen);
                Assert.Equal(component, chosen);
                for (int h = 0; h < 2; h++) Assert.Equal(Math.Sqrt(scales[h]), Math.Sqrt(2) / SparqRow.Temper(queries + h * 2, 2, queries + h * 2 + component, 1), 5);
            }
        }
    }

    [Theory]
    [InlineData(KvFormat.F32)]
    [InlineData(KvFormat.BF16)]
    public void Two_of_four_keys_are_chosen_by_one_component(KvFormat format)
    {
        // By the first component rows 1 and 2 are best; by the exact scores rows 1 and 0 would be.
        using var scene = new SparseScene(4, 2, 1, format);
        scene.SetQuery(1f, -0.5f);
        float[][] keys = [[1, 0], [4, -10], [2, 5], [-3, 10]];
        for (int t = 0; t < 4; t++) scene.Set(t, keys[t], [t, 1]);
        double weight = 1 / (1 + Math.Exp((-0.5 - 9) / Math.Sqrt(2)));
        SparseScene.Close([weight + 2 * (1 - weight), 1], scene.Sparq(1, 2), 1e-5);
        double alpha = SparseScene.Softmax([.. new[] { 1.0, 4, 2, -3 }.Select(s => s / Math.Sqrt(2 * 1 / 1.5))])[1..3].Sum();
        SparseScene.Close([alpha * (weight + 2 * (1 - weight)) + (1 - alpha) * 1.5, 1], scene.Sparq(1, 2, meanValue: true), 1e-5);
    }

    [Fact]
    public void A_group_chooses_by_the_sum_of_its_softmax_scores_and_not_of_its_logits()
    {
        // Head 0 is certain of position 0, head 1 hates it; position 1 is the best of head 1 by little. Logits: (40 - 80, 0 + 1, 0 + 0).
        using var scene = new SparseScene(3, 2, 2);
        scene.SetQuery(1f, 0f, 0f, 1f);
        float root = MathF.Sqrt(2);
        scene.Set(0, [40 * root, -80 * root], [1, 0]);
        scene.Set(1, [0, 1 * root], [0, 1]);
        scene.Set(2, [0, 0], [5, 5]);
        // Softmax sums are (1 + 0, 0 + 0.73, 0 + 0.27), so one position is position 0.
        Assert.Equal([1f, 0f, 1f, 0f], scene.Sparq(2, 1));
    }

    [Fact]
    public void The_last_positions_are_always_chosen_and_are_part_of_k()
    {
        using var scene = new SparseScene(64, 8, 1);
        scene.SetQuery(1, 0, 0, 0, 0, 0, 0, 0);
        for (int t = 0; t < 64; t++) scene.Set(t, [t is 5 or 9 ? 10 : 0, 0, 0, 0, 0, 0, 0, 0], [t, 0, 0, 0, 0, 0, 0, 0]);
        // The weights of 62 and 63 are those of zero scores beside one of 10 / √8.
        SparseScene.Close(scene.Mix([5, 62, 63]), scene.Sparq(1, 3, local: 2), 1e-5);
    }

    [Fact]
    public void A_query_of_zeros_attends_evenly_to_the_first_positions_and_the_mean()
    {
        using var scene = new SparseScene(100, 32, 2);
        scene.SetQuery(new float[64]);
        double[] chosen = scene.Mix([.. Enumerable.Range(0, 10)]), all = scene.Mix([.. Enumerable.Range(0, 100)]);
        SparseScene.Close(chosen, scene.Sparq(4, 10), 1e-5);
        SparseScene.Close([.. chosen.Zip(all, (y, mean) => 0.1 * y + 0.9 * mean)], scene.Sparq(4, 10, meanValue: true), 1e-5);
    }

    [Fact]
    public void A_head_with_nothing_among_the_groups_components_stays_finite()
    {
        using var scene = new SparseScene(50, 8, 2);
        scene.SetQuery(9, 0, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0);
        Assert.All(scene.Sparq(1, 5, 1, meanValue: true), x => Assert.True(float.IsFinite(x)));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    [InlineData(16)]
    public void Fewer_positions_than_k_are_all_attended_to(int n)
    {
        using var scene = new SparseScene(n, 32, 4);
        var rule = new SparqRule(new SparqOptions { R = 8, K = 128 }, 32, 4);
        Assert.Equal(n, rule.K(n));
        SparseScene.Close(scene.Mix([.. Enumerable.Range(0, n)]), scene.Sparq(rule.R, rule.K(n), rule.Local(rule.K(n)), meanValue: true), 1e-5);
    }

    [Theory]
    [InlineData(1_000, 128, 32, 128)]
    [InlineData(4_096, 128, 16, 256)]
    [InlineData(16_384, 64, 8, 1_024)]
    [InlineData(16_400, 128, 64, 100)]
    public void Bytes_fetched_follow_the_papers_count(int n, int d, int r, int k)
    {
        using var scene = new SparseScene(n, d, 1);
        foreach (bool meanValue in new[] { false, true })
        {
            scene.Sparq(r, k, k / 4, meanValue, out long bytes);
            double expected = 4.0 * ((double)n * r + 2.0 * k * d + 4 * d);
            Assert.InRange(bytes, 0.95 * expected, 1.05 * expected);
        }

        Assert.Equal(4 * (2L * n * d + 2 * d), TrafficCounter.ExactBytes(scene.Layout, n));
    }

    [Fact]
    public void A_mean_belongs_to_the_page_and_is_right_at_every_position()
    {
        using var scene = new SparseScene(100, 32, 1);
        // Page by page, as a chunked prompt fills them, and some of it twice, as after a step back.
        foreach ((int start, int rows) in new[] { (0, 7), (7, 30), (20, 17), (37, 63) })
            scene.History.SumValues(new Coppice.Scheduling.BatchSegment(scene.Table, start, rows, 0));
        float[] mean = new float[32];
        for (int position = 0; position < 100; position++)
        {
            fixed (float* m = mean) scene.History.Mean(position, m);
            SparseScene.Close([.. Enumerable.Range(0, 32).Select(i => Enumerable.Range(0, position + 1).Average(t => (double)scene.History.Value(t, i)))], mean, 1e-5);
        }
    }

    [Theory]
    [InlineData(2.0, 10_000)]
    [InlineData(4.0, 10_000)]
    [InlineData(8.0, 20_000)]
    public void A_compression_fetches_so_many_times_less(double compression, int n)
    {
        var rule = new SparqRule(new SparqOptions { Compression = compression }, 128, 1);
        Assert.Equal(1 / compression, (double)rule.Elements(n) / (2L * n * 128 + 2 * 128), 3);
        Assert.Equal(rule.K(n) / 4, rule.Local(rule.K(n)));
    }

    [Fact]
    public void Rows_that_would_not_halve_what_is_read_are_too_short()
    {
        var rule = new SparqRule(new SparqOptions { R = 32, K = 128 }, 128, 1);
        // 2 (32 S + 2 · 128 · 128) ≤ 2 · 128 S from S = 342 on.
        Assert.Equal(342, rule.LeastPositions);
        // A compression has at least 128 positions, so that it takes some length to come into its own.
        Assert.Equal([512, 342, 293], new[] { 2.0, 4.0, 8.0 }.Select(c => new SparqRule(new SparqOptions { Compression = c }, 128, 1).LeastPositions));
        Assert.Equal(int.MaxValue, new SparqRule(new SparqOptions { R = 128, K = 128 }, 128, 1).LeastPositions);
    }

    [Fact]
    public void Layers_with_a_window_are_attended_exactly()
    {
        using var scene = new SparseScene(208, 32, 2);
        using var backend = new CpuBackend(2);
        var batch = new Batch(1, 1);
        batch.Add(scene.Table, 207, [0], decodeFrom: 0);
        AttentionPlan plan = new(1, 8), whole = new(1, 8);
        foreach ((AttentionPlan made, IAttentionPolicy policy) in new (AttentionPlan, IAttentionPolicy)[] { (plan, new SparqPolicy(new SparqRule(new SparqOptions { R = 4, K = 10 }, 32, 2))), (whole, new TreePolicy()) })
        {
            made.Begin(batch);
            policy.Plan(batch, made);
            made.Finish(kvHeads: 1, threads: 2);
        }

        plan.Whole = whole;
        Assert.Equal(1, plan.SparseRows);
        float[] output = new float[64];
        fixed (float* o = output)
        {
            Matrix q = new(scene.Q, 1, 64, 64), to = new(o, 1, 64, 64);
            backend.Attend(scene.Kv, 0, q, AttentionRule.Plain(32) with { Window = 20 }, batch, plan, to);
            SparseScene.Close(scene.Mix([.. Enumerable.Range(188, 20)]), output, 1e-5);
            backend.Attend(scene.Kv, 0, q, AttentionRule.Plain(32), batch, plan, to);
            SparseScene.Close(scene.SparqInDouble(4, 10, 2, meanValue: false), output, 1e-5);
        }
    }

    [Theory]
    [InlineData(SparqMeanValue.Auto, 1, true)]
    [InlineData(SparqMeanValue.Auto, 2, false)]
    [InlineData(SparqMeanValue.On, 2, true)]
    [InlineData(SparqMeanValue.Off, 1, false)]
    public void The_mean_value_is_off_for_grouped_queries_unless_asked_for(SparqMeanValue asked, int g, bool expected) =>
        Assert.Equal(expected, new SparqRule(new SparqOptions { MeanValue = asked }, 128, g).HasMeanValue);
}
