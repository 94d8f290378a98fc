using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Tests.Attention;

public sealed class SharingTallyTests
{
    private const int Any = int.MaxValue;

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 40)];

    [Theory, MemberData(nameof(Seeds))]
    public void Levels_and_rows_add_up_to_what_the_plan_reads(int seed)
    {
        using var tree = new RandomTree(seed, new KvLayout(1, 2, 8, KvFormat.F32), g: 1, maxTokens: 700, maxSequences: 12);
        foreach (IAttentionPolicy policy in (IAttentionPolicy[])[new PerSequencePolicy(), new BifurcatedPolicy(), new TreePolicy()])
        {
            foreach (int window in (int[])[0, 100])
            {
                AttentionPlan plan = Plan(tree.Batch, policy, groupRows: seed % 2 == 0 ? 5 : 64, window);
                SharingTally tally = new();
                tally.Add(plan, window, layers: 3);
                SharingMetrics total = tally.Total(pageBytes: 10, approximateBytes: 7);
                Assert.Equal(plan.PagesRead * 30, total.Levels.Sum(level => level.BytesRead));
                Assert.Equal(plan.PagesReadPerSequence * 30, total.Levels.Sum(level => level.BytesRead + level.BytesSaved));
                Assert.Equal(plan.PagesRead * 30, total.RowsPerRead.Sum(rows => rows.BytesRead));
                Assert.All(total.NotShared.Values, bytes => Assert.InRange(bytes, 0, plan.PagesRead * 30 + 7));
                Assert.Equal(7, total.NotShared[NotShared.Approximate]);
                if (policy is PerSequencePolicy) Assert.Equal(plan.PagesRead * 30, total.RowsPerRead[0].BytesRead);
                if (policy is TreePolicy) Assert.Equal(0, total.NotShared[NotShared.Mode]);
            }
        }
    }

    [Fact]
    public void What_is_read_alone_has_a_reason()
    {
        // Eight pages in common, then the first three of the next block, then a page each; and a third sequence of three pages.
        PageTable a = Table(1, 11, 21), b = Table(1, 11, 22), c = Table(31, 3, 34);
        Batch batch = new(8, 3);
        batch.Add(a, 11 * 16 + 15, new int[1]);
        batch.Add(b, 11 * 16 + 9, new int[1]);
        batch.Add(c, 3 * 16 + 2, new int[1]);

        SharingMetrics tree = Count(batch, new TreePolicy());
        Assert.Equal([new LevelTraffic(0, 8 + 4, 8), new LevelTraffic(1, 4 + 4, 0)], tree.Levels.Take(2));
        Assert.Equal([new RowsTraffic(1, 1, 12), new RowsTraffic(2, 2, 8), new RowsTraffic(3, 4, 0)], tree.RowsPerRead.Take(3));
        Assert.Equal((6, 6, 0, 0), Reasons(tree));

        Assert.Equal((6, 6, 16, 0), Reasons(Count(batch, new PerSequencePolicy())));
        Assert.Equal((6, 6, 0, 8), Reasons(Count(batch, new TreePolicy(), groupRows: 1)));
    }

    [Fact]
    public void Reads_for_many_rows_stand_in_the_class_of_their_number()
    {
        SharingTally tally = new();
        foreach (int rows in (int[])[1, 2, 3, 4, 5, 8, 9, 128, 129, 300])
        {
            Batch batch = new(rows, rows);
            for (int i = 0; i < rows; i++) batch.Add(Table(1, 4, 0), 63, new int[1]);
            tally.Add(Plan(batch, new TreePolicy(), Any), window: 0, layers: 1);
        }

        IReadOnlyList<RowsTraffic> classes = tally.Total(1, 0).RowsPerRead;
        Assert.Equal([4, 4, 8, 8, 4, 0, 0, 4, 8], classes.Select(rows => rows.BytesRead));
        Assert.Equal([1, 2, 3, 5, 9, 17, 33, 65, 129], classes.Select(rows => rows.FromRows));
        Assert.Equal([1, 2, 4, 8, 16, 32, 64, 128, null], classes.Select(rows => rows.ToRows));
    }

    private static SharingMetrics Count(Batch batch, IAttentionPolicy policy, int groupRows = 64)
    {
        SharingTally tally = new();
        tally.Add(Plan(batch, policy, groupRows), window: 0, layers: 1);
        return tally.Total(1, 0);
    }

    private static (long OneRow, long PartOfBlock, long Mode, long RowGroups) Reasons(SharingMetrics total) =>
        (total.NotShared[NotShared.OneRow], total.NotShared[NotShared.PartOfBlock], total.NotShared[NotShared.Mode], total.NotShared[NotShared.RowGroups]);

    private static AttentionPlan Plan(Batch batch, IAttentionPolicy policy, int groupRows, int window = 0)
    {
        AttentionPlan plan = new(batch.Rows, Math.Min(groupRows, batch.Rows));
        plan.Begin(batch, window);
        policy.Plan(batch, plan);
        plan.Finish(kvHeads: 64, threads: 1);
        return plan;
    }

    /// <summary>So many pages from a first one, then one more if it is not 0.</summary>
    private static PageTable Table(int first, int count, int last)
    {
        PageTable table = new(16 * 16);
        for (int i = 0; i < count; i++) table.Append(first + i);
        if (last > 0) table.Append(last);
        return table;
    }
}
