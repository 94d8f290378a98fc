using Coppice.Attention;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Scheduling;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Attention;

public sealed class ExactModesTests
{
    private static readonly int[] HeadSizes = [8, 32, 40, 64, 80, 96, 128, 256];
    private static readonly int[] Groups = [1, 4, 7, 8];

    /// <summary>Trees of this seed and above have rules with windows, caps or both.</summary>
    private const int RuledSeed = 24;

    private static readonly int[] Windows = [1, 5, 16, 23, 64, 65, 100, 1000];
    private static readonly float[] Caps = [0f, 2f, 0f, 0.5f];

    public static TheoryData<int, KvFormat> Seeds
    {
        get
        {
            var data = new TheoryData<int, KvFormat>();
            for (int seed = 0; seed < RuledSeed + 40; seed++) data.Add(seed, seed % 3 == 2 ? KvFormat.BF16 : KvFormat.F32);
            return data;
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Every_mode_thread_count_and_grouping_gives_the_same_bits_as_the_reference(int seed, KvFormat format)
    {
        using RandomTree tree = Tree(seed, format);
        using var reference = new ReferenceBackend();
        float[] expected = tree.Attend(reference, new PerSequencePolicy());
        foreach (int threads in new[] { 1, 2, 3 })
        {
            using var backend = new CpuBackend(threads);
            foreach (IAttentionPolicy policy in Policies())
                foreach (int groupRows in new[] { 5, 64 })
                    Levels.SameBits(expected, tree.Attend(backend, policy, groupRows, groupRows == 5 ? 0 : tree.Rule.Window), $"{policy.GetType().Name}, {threads} threads, groups of {groupRows}");
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void A_sequence_has_the_same_bits_alone_and_in_company(int seed, KvFormat format)
    {
        using RandomTree tree = Tree(seed, format);
        using var backend = new CpuBackend(2);
        float[] together = tree.Attend(backend, new TreePolicy());
        for (int i = 0; i < tree.Batch.Segments.Length; i++)
        {
            BatchSegment segment = tree.Batch.Segments[i];
            Levels.SameBits(together.AsSpan(segment.FirstRow * tree.Q.Columns, segment.Rows * tree.Q.Columns), tree.AttendAlone(backend, new TreePolicy(), i), $"segment {i}");
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void The_truth_is_a_dense_softmax_in_double(int seed, KvFormat format)
    {
        using RandomTree tree = Tree(seed, format);
        using var backend = new CpuBackend(2);
        AssertClose(tree.Exact(), tree.Attend(backend, new TreePolicy()), format == KvFormat.F32 ? 1e-5 : 1e-2);
    }

    [Theory]
    [InlineData(100f)]
    [InlineData(-100f)]
    public void A_score_gap_of_a_hundred_neither_overflows_nor_loses_the_rest(float gap)
    {
        var layout = new KvLayout(1, 2, 64, KvFormat.F32);
        using var tree = new RandomTree(7, layout, g: 4, maxTokens: 300, maxSequences: 6, keyScale: 0.1f);
        // q · k / 8 of the last position is about the gap: queries are made constant.
        for (int row = 0; row < tree.Q.Rows; row++) tree.Q.Row(row).Fill(1f);
        tree.SetLastKeys(gap / 8);
        using var backend = new CpuBackend(2);
        AssertClose(tree.Exact(), tree.Attend(backend, new TreePolicy()), 1e-5);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(40)]
    [InlineData(700)]
    [InlineData(2048)]
    [InlineData(3000)]
    public void Long_sequences_split_at_fixed_spans_and_keep_their_bits(int window)
    {
        var layout = new KvLayout(1, 1, 8, KvFormat.F32);
        using var tree = new RandomTree(3, layout, g: 1, maxTokens: 5000, maxSequences: 3) { Rule = AttentionRule.Plain(8) with { Window = window } };
        using var reference = new ReferenceBackend();
        float[] expected = tree.Attend(reference, new PerSequencePolicy());
        foreach (int threads in new[] { 1, 3 })
        {
            using var backend = new CpuBackend(threads);
            foreach (IAttentionPolicy policy in Policies()) Levels.SameBits(expected, tree.Attend(backend, policy, planWindow: threads == 1 ? window : 0), policy.GetType().Name);
        }

        AssertClose(tree.Exact(), expected, 1e-5);
    }

    [Fact]
    public void The_tree_reads_each_shared_page_once()
    {
        var layout = new KvLayout(1, 1, 8, KvFormat.F32);
        using var kv = new KvPages(layout, 200);
        var batch = new Batch(8, 8);
        int page = 1 + 64;
        for (int i = 0; i < 8; i++)
        {
            var table = new PageTable(2048);
            for (int p = 0; p < 64; p++) table.Append(1 + p);
            table.Append(page++);
            batch.Add(table, 64 * 16 + 3, new int[1]);
        }

        Assert.Equal((64 + 8 * 1, 8 * 65), Pages(new TreePolicy(), batch));
        Assert.Equal((64 + 8 * 1, 8 * 65), Pages(new BifurcatedPolicy(), batch));
        Assert.Equal((8 * 65, 8 * 65), Pages(new PerSequencePolicy(), batch));
    }

    [Fact]
    public void Blocks_before_every_window_are_not_read_and_what_is_in_them_does_not_matter()
    {
        // A history of nine blocks; the row at its end sees 100 positions, which lie in the last two.
        var layout = new KvLayout(1, 1, 8, KvFormat.F32);
        using var kv = new KvPages(layout, 40);
        float[] key = new float[8], poison = new float[8];
        Array.Fill(poison, float.NaN);
        var table = new PageTable(9 * 64);
        for (int t = 0; t < 9 * 64; t++)
        {
            if (t % 16 == 0) table.Append(1 + t / 16);
            for (int i = 0; i < 8; i++) key[i] = MathF.Sin(t * 8 + i);
            unsafe
            {
                fixed (float* k = t < 7 * 64 ? poison : key) kv.Write(0, 0, table[t / 16], t % 16, k, k);
            }
        }

        var batch = new Batch(1, 1);
        batch.Add(table, 9 * 64 - 1, new int[1]);
        using var backend = new CpuBackend(2);
        foreach (int planWindow in new[] { 0, 100 })
        {
            var plan = new AttentionPlan(1, 64);
            plan.Begin(batch, planWindow);
            new TreePolicy().Plan(batch, plan);
            plan.Finish(1, 2);
            Assert.Equal(planWindow == 0 ? 36 : 8, plan.PagesRead);
            Assert.Equal((8, 8), plan.PagesReadWith(100));
            float[] q = [1, 2, 3, 4, 5, 6, 7, 8], output = new float[8];
            unsafe
            {
                fixed (float* from = q, to = output)
                    backend.Attend(kv, 0, new Coppice.Memory.Matrix(from, 1, 8, 8), AttentionRule.Plain(8) with { Window = 100 }, batch, plan, new Coppice.Memory.Matrix(to, 1, 8, 8));
            }

            Assert.All(output, x => Assert.True(float.IsFinite(x)));
        }
    }

    [Theory, MemberData(nameof(Seeds))]
    public void Reading_per_sequence_reads_what_the_count_without_sharing_says(int seed, KvFormat format)
    {
        using RandomTree tree = Tree(seed, format);
        foreach (int groupRows in new[] { 3, 64 })
        {
            var plan = new AttentionPlan(tree.Batch.Rows, groupRows);
            plan.Begin(tree.Batch, tree.Rule.Window);
            new PerSequencePolicy().Plan(tree.Batch, plan);
            plan.Finish(kvHeads: 2, threads: 2);
            Assert.Equal(plan.PagesReadPerSequence, plan.PagesRead);

            // A layer with a narrower window reads what a plan for it alone would.
            (long Read, long PerSequence) narrow = plan.PagesReadWith(20);
            plan.Begin(tree.Batch, 20);
            new PerSequencePolicy().Plan(tree.Batch, plan);
            plan.Finish(kvHeads: 2, threads: 2);
            if (tree.Rule.Window is 0 or >= 20) Assert.Equal((plan.PagesRead, plan.PagesReadPerSequence), narrow);
        }
    }

    private static (long Read, long PerSequence) Pages(IAttentionPolicy policy, Batch batch)
    {
        var plan = new AttentionPlan(8, 64);
        plan.Begin(batch);
        policy.Plan(batch, plan);
        plan.Finish(kvHeads: 8, threads: 1);
        return (plan.PagesRead, plan.PagesReadPerSequence);
    }

    private static IEnumerable<IAttentionPolicy> Policies() => [new PerSequencePolicy(), new BifurcatedPolicy(), new TreePolicy()];

    private static RandomTree Tree(int seed, KvFormat format)
    {
        int d = HeadSizes[seed % HeadSizes.Length], g = Groups[seed / 3 % Groups.Length];
        // Lengths at and around the borders of pages and blocks come with the seed.
        int maxTokens = new[] { 1, 15, 16, 17, 63, 64, 65, 128, 200, 333 }[seed % 10];
        AttentionRule rule = AttentionRule.Plain(d);
        if (seed >= RuledSeed + 32) rule = rule with { SoftCap = 1.5f };
        else if (seed >= RuledSeed) rule = rule with { Window = Windows[seed % 8], SoftCap = Caps[(seed - RuledSeed) / 8] };
        return new RandomTree(seed, new KvLayout(1, 2, d, format), g, Math.Max(2, maxTokens), maxSequences: 2 + seed % 7) { Rule = rule };
    }

    private static void AssertClose(double[] expected, float[] actual, double tolerance)
    {
        // Relative to the row's largest output: single elements may be nearly zero.
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale, $"Element {i} is {actual[i]} and should be {expected[i]}.");
    }
}
