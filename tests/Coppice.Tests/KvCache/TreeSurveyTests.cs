using Coppice.KvCache;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.KvCache;

public sealed class TreeSurveyTests
{
    private static readonly int[] s_document = [1, .. Enumerable.Range(0, 135).Select(i => 3 + i * 31 % 1000)];     // 8 pages and a half

    [Fact]
    public void A_node_has_the_rows_below_it_and_what_the_last_step_read()
    {
        using TestEngine engine = Open();
        // Two samples go on from the whole document, a third request leaves it after five pages.
        engine.Submit(s_document, Endless with { N = 2 });
        Steps(engine, 2);
        engine.Submit([.. s_document.AsSpan(0, 80), .. Enumerable.Repeat(7, 40)], Endless);
        Steps(engine, 20);

        TreeSnapshot tree = Look(engine);
        TreePartition partition = Assert.Single(tree.Partitions);
        Assert.Equal((null, 3, 0), (partition.Salt, partition.Rows, partition.RowsOutside));
        TreeNode trunk = tree.Nodes[0];
        Assert.Equal((null, 0, 5, 3, 1), (trunk.Parent, trunk.FirstToken, trunk.Pages, trunk.Rows, trunk.Hits));
        Assert.Equal(s_document[..16], trunk.Beginning);
        // Four pages are a block and read once for three rows, the fifth lies in a block that they do not all share.
        Assert.Equal((TreeReading.PartOfBlock, 6), (trunk.Reading, trunk.PagesRead));
        TreeNode[] children = [.. tree.Nodes.Where(node => node.Parent == 0)];
        Assert.Equal([1, 2], children.Select(node => node.Rows).Order());
        TreeNode pair = children.Single(node => node.Rows == 2);
        Assert.Equal((80, 3, TreeReading.Together), (pair.FirstToken, pair.Pages, pair.Reading));
        Assert.All(tree.Nodes.Where(node => node.Rows == 1), node => Assert.Equal((TreeReading.OneRow, 1), (node.Reading, node.Ends)));
        Assert.All(tree.Nodes, node => Assert.Equal(TimeSpan.Zero, node.IdleFor));
        Assert.Equal(3, tree.Nodes.Sum(node => node.Ends));
        Assert.InRange(tree.Nodes.Sum(node => node.EndTokens), 3, 3 * 16);
    }

    [Theory]
    [InlineData(AttentionMode.PerSequence, nameof(TreeReading.Mode))]
    [InlineData(AttentionMode.LmInfinite, nameof(TreeReading.Approximate))]
    [InlineData(AttentionMode.Tree, nameof(TreeReading.Together))]
    public void The_mode_is_the_reason_where_it_is(AttentionMode mode, string expected)
    {
        using TestEngine engine = Open(mode);
        engine.Submit(s_document[..128], Endless with { N = 3 });
        Steps(engine, 5);
        TreeNode node = Assert.Single(Look(engine).Nodes);
        Assert.Equal((3, 8, expected), (node.Rows, node.Pages, node.Reading.ToString()));
    }

    [Fact]
    public void What_nobody_runs_is_idle_and_was_not_read()
    {
        using TestEngine engine = Open();
        engine.Complete(s_document, new GenerateOptions { MaxTokens = 2 });
        engine.Complete(s_document, new GenerateOptions { MaxTokens = 2 });
        TreeSnapshot tree = Look(engine);
        Assert.All(tree.Nodes, node => Assert.Equal((0, 0, TreeReading.None), (node.Rows, node.PagesRead, node.Reading)));
        Assert.Equal(1, tree.Nodes[0].Hits);
        Assert.True(tree.Nodes[0].IdleFor >= TimeSpan.Zero);
    }

    [Fact]
    public void Only_partitions_that_are_wanted_are_shown()
    {
        using TestEngine engine = Open();
        foreach (string? salt in (string?[])[null, "ann", "ben"]) engine.Submit(s_document, Endless with { CacheSalt = salt });
        Steps(engine, 6);
        TreeSnapshot tree = Look(engine, salt => salt == "ben");
        Assert.Equal("ben", Assert.Single(tree.Partitions).Salt);
        Assert.Equal(2, tree.OtherPartitions);
        Assert.All(tree.Nodes, node => Assert.Equal((0, 1), (node.Partition, node.Rows)));
        Assert.Equal([null, "ann", "ben"], Look(engine).Partitions.Select(partition => partition.Salt).Order(StringComparer.Ordinal));
    }

    [Fact]
    public void Evicted_pages_are_counted_at_what_is_left_above_them()
    {
        long pageBytes = PageBytes();
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { Threads = 1, KvBytes = 24 * pageBytes });
        engine.Complete(s_document, new GenerateOptions { MaxTokens = 1 });
        for (int i = 0; i < 8; i++) engine.Complete([.. s_document.AsSpan(0, 64), .. Enumerable.Range(0, 64).Select(t => 3 + (t * 7 + i * 131) % 900)], new GenerateOptions { MaxTokens = 1 });
        TreeSnapshot tree = Look(engine);
        Assert.True(tree.EvictedPages > 0);
        Assert.Equal(tree.EvictedPages, tree.Nodes.Sum(node => node.EvictedPages) + tree.Partitions.Sum(partition => partition.EvictedPages));
        Assert.Equal(tree.EvictedPages, tree.Nodes.Single(node => node.FirstToken == 0).EvictedPages);
        Assert.Equal(tree.EvictedPages * pageBytes, engine.Core.Metrics.KvBytesEvicted);
    }

    [Fact]
    public void A_full_cache_is_shown_in_part_and_says_so()
    {
        using TestEngine engine = Open();
        for (int i = 0; i < 40; i++) engine.Submit([1, 3 + i, .. Enumerable.Repeat(9, 30)], new GenerateOptions { MaxTokens = 1 });
        engine.Run();
        engine.Submit([1, 3, .. Enumerable.Repeat(9, 30), 4], Endless);
        Steps(engine, 3);
        TreeSnapshot tree = Look(engine);
        Assert.Equal(40, tree.Partitions[0].Hidden + tree.Nodes.Count(node => node.Parent is null));
        Assert.True(tree.Partitions[0].Hidden > 0);
        Assert.Contains(tree.Nodes, node => node.Rows == 1);        // what runs is never what is left out
    }

    [Fact]
    public async Task An_engine_at_rest_answers_and_a_disposed_one_refuses()
    {
        Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { Threads = 1, KvBytes = 4 << 20 });
        Assert.Empty((await engine.LookAtTreeAsync(_ => true)).Nodes);
        await engine.CompleteAsync("It was a long time before", new GenerateOptions { MaxTokens = 20, IgnoreEndOfText = true });
        // Whoever asks badly hears it, and the engine lives on.
        await Assert.ThrowsAsync<InvalidOperationException>(() => engine.LookAtTreeAsync(_ => throw new InvalidOperationException("asked badly")));
        Task<TreeSnapshot>[] many = [.. Enumerable.Range(0, 50).Select(_ => engine.LookAtTreeAsync(_ => true))];
        Assert.All(await Task.WhenAll(many), tree => Assert.NotEmpty(tree.Nodes));
        engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => engine.LookAtTreeAsync(_ => true));
    }

    private static GenerateOptions Endless { get; } = new() { MaxTokens = 400, IgnoreEndOfText = true, Seed = 3 };

    private static TestEngine Open(AttentionMode mode = AttentionMode.Auto) => new(TestData.SampleModel, new EngineOptions { Threads = 1, Attention = mode, Keep = mode == AttentionMode.LmInfinite ? 16 : null });

    private static long PageBytes()
    {
        using TestEngine engine = Open();
        return engine.Core.Kv.Layout.PageBytes;
    }

    private static void Steps(TestEngine engine, int count)
    {
        for (int i = 0; i < count; i++) engine.Core.Step();
    }

    private static TreeSnapshot Look(TestEngine engine, Func<string?, bool>? wants = null)
    {
        TreeQuestion question = new(wants ?? (_ => true));
        // As Step does between two steps, without one.
        engine.Core.Answer(question);
        return question.Answered.GetAwaiter().GetResult();
    }
}
