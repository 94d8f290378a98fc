using Coppice.Attention;
using Coppice.Backends;
using Coppice.Cli.Bench.Scenes;
using Coppice.KvCache;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Bench;

public sealed class SceneTests
{
    [Theory]
    [InlineData("1,2,64/8,256,32", 64, 296, 8 + 2 * 256 + 64 * 32)]
    [InlineData("1,2,4/16", 4, 48, 16 * 7)]
    [InlineData("3/5", 3, 5, 15)]
    public void A_tree_is_read_from_its_levels(string text, int rows, int length, long unique)
    {
        Assert.True(TreeShape.TryParse(text, out TreeShape? shape));
        Assert.Equal((rows, length, unique), (shape!.Rows, shape.Length, shape.UniqueTokens));
    }

    [Theory]
    [InlineData("")]
    [InlineData("1,2")]
    [InlineData("1,2/3,4,5")]
    [InlineData("2,3/4,4")]
    [InlineData("0/4")]
    [InlineData("1/x")]
    [InlineData("1/-4")]
    public void What_is_no_tree_is_refused(string text) => Assert.False(TreeShape.TryParse(text, out _));

    [Fact]
    public void Pages_are_shared_by_those_who_have_all_of_their_tokens_in_common()
    {
        Assert.True(TreeShape.TryParse("1,2,4/8,40,10", out TreeShape? shape));
        PageTable[] tables = new SharedTables(shape!).Tables;
        // 58 tokens: pages end at 16 and 32 (within level 1), 48 (its end) and 58.
        Assert.All(tables, table => Assert.Equal(4, table.Count));
        for (int page = 0; page < 3; page++)
        {
            Assert.Equal(tables[0][page], tables[1][page]);
            Assert.Equal(tables[2][page], tables[3][page]);
            Assert.NotEqual(tables[1][page], tables[2][page]);
        }
        Assert.Equal(4, tables.Select(table => table[3]).Distinct().Count());
    }

    [Fact]
    public void Tokens_behind_the_tree_are_each_rows_own()
    {
        PageTable[] tables = new SharedTables(TreeShape.OneLevel(rows: 3, prefix: 32, suffix: 4), moreTokens: 30).Tables;
        Assert.All(tables, table => Assert.Equal(KvLayout.PagesFor(66), table.Count));
        for (int page = 0; page < tables[0].Count; page++) Assert.Equal(page < 2 ? 1 : 3, tables.Select(table => table[page]).Distinct().Count());
    }

    [Theory]
    [InlineData("1,2,8/8,256,32", KvFormat.F32)]
    [InlineData("1,2,4,8,16/16", KvFormat.BF16)]
    [InlineData("4/70", KvFormat.F32)]
    public void Every_mode_computes_the_same(string tree, KvFormat format)
    {
        Assert.True(TreeShape.TryParse(tree, out TreeShape? shape));
        using var backend = new CpuBackend(2);
        float[]? expected = null;
        foreach (string mode in ExactModes.Names)
        {
            using var scene = new AttentionScene(shape!, new Heads(4, 2, 16), format, rotateBytes: 0);
            AttentionPlan plan = scene.NewPlan();
            scene.Plan(ExactModes.Policy(mode), plan, backend.Threads);
            scene.Attend(backend, plan);
            expected ??= scene.Output.ToArray();
            Assert.DoesNotContain(expected, x => !float.IsFinite(x));
            Levels.SameBits(expected, scene.Output, mode);
        }
    }

    [Fact]
    public void Sharing_reads_as_many_bytes_less_as_the_bound_says()
    {
        using var scene = new AttentionScene(TreeShape.OneLevel(rows: 8, prefix: 1024, suffix: 64), new Heads(4, 2, 16), KvFormat.F32, rotateBytes: 0);
        AttentionPlan tree = scene.NewPlan(), perSequence = scene.NewPlan();
        scene.Plan(ExactModes.Policy("tree"), tree, threads: 1);
        scene.Plan(ExactModes.Policy(ExactModes.Baseline), perSequence, threads: 1);
        Assert.Equal(scene.ByteBound, scene.BytesRead(perSequence) / scene.BytesRead(tree), 9);
        Assert.Equal(8.0 * 1088 / (1024 + 8 * 64), scene.ByteBound, 9);
    }

    [Fact]
    public void A_shape_that_does_not_fit_is_refused_before_it_takes_memory()
    {
        if (GC.GetGCMemoryInfo().TotalAvailableMemoryBytes > 26L << 30) return;
        var error = Assert.Throws<Coppice.Cli.Bench.BenchException>(() => BenchModel.OfShape("llama7b", () => new CpuBackend(1), WeightFormat.Native, 16));
        Assert.Contains("llama7b", error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Random_weights_are_the_same_each_time_and_differ_from_row_to_row()
    {
        var tensor = new RandomTensor("w", 3, Coppice.Loading.WeightType.F32, 8, 100);
        float[] a = new float[100], again = new float[100], b = new float[100];
        tensor.ReadRow(2, a);
        tensor.ReadRow(2, again);
        tensor.ReadRow(3, b);
        Assert.Equal(a, again);
        Assert.NotEqual(a, b);
        Assert.InRange(a.Select(x => x * x).Sum(), 0.5, 2);
    }

    [Fact]
    public void The_split_of_a_step_adds_up()
    {
        using BenchModel model = BenchModel.OfShape("tiny", () => new CpuBackend(2), WeightFormat.Native, maxPositions: 200);
        using var scene = new ModelScene(model, TreeShape.OneLevel(rows: 5, prefix: 100, suffix: 3), KvLayout.Of(model.Config, KvFormat.F32));
        SceneRuns auto = new(ExactModes.Auto, new TreePolicy()), none = new(SceneRuns.NoAttention, new TreePolicy());
        scene.Decode(auto);
        scene.Decode(none);
        StepSplit split = auto.Middle(1);
        Assert.Equal(3, split.Steps);
        Assert.True(split.Linear > 0 && split.Attention > 0 && split.Rest > 0, $"{split}");
        Assert.True(auto.BytesRead > 0);
        Assert.Equal(0, none.BytesRead);
    }
}
