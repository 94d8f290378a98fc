using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// SparQ with one selection for all rows that share a beginning long enough for it to pay: what is chosen of it is read once for all of
/// them, and what comes behind it is read whole. Rows that share little are read as <see cref="SparqPolicy"/> does. A row's answer
/// depends on the rows that it is grouped with.
/// </summary>
internal sealed unsafe class SparqGroupPolicy(SparqRule rule, int leastPositions) : ISparsePolicy
{
    private readonly SparqPolicy _single = new(rule, leastPositions);
    private readonly SparseSplit _split = new();
    private readonly TrafficCounter _traffic = new();
    private Group[] _groups = new Group[64];        // by the place of its first row; Rows 0 for the others
    private int[] _places = new int[64];            // of a row among the sparse ones
    private int _mostRows, _mostShared;

    public SparqGroupPolicy(SparqRule rule) : this(rule, rule.LeastPositions)
    {
    }

    private readonly record struct Group(int Rows, int Blocks);

    public SparseTraffic Traffic
    {
        get
        {
            SparseTraffic alone = _single.Traffic, together = _traffic.Total;
            return new SparseTraffic(alone.Bytes + together.Bytes, alone.ExactBytes + together.ExactBytes);
        }
    }

    public void Plan(Batch batch, AttentionPlan plan)
    {
        _split.Plan(batch, plan, this, leastPositions);
        ReadOnlySpan<BatchSegment> rows = plan.SparseSegments;
        if (_groups.Length < rows.Length) _groups = new Group[rows.Length * 2];
        if (_places.Length < batch.Rows) _places = new int[batch.Rows * 2];
        (_mostRows, _mostShared) = (0, 0);
        for (int first = 0, end; first < rows.Length; first = end)
        {
            int blocks = rows[first].Start / KvLayout.BlockTokens;
            for (end = first + 1; end < rows.Length; end++)
            {
                int common = Math.Min(blocks, AttentionPolicies.CommonBlocks(rows[first], rows[end]));
                if (common * KvLayout.BlockTokens < leastPositions || common == 0) break;
                blocks = common;
            }

            for (int i = first; i < end; i++) (_groups[i], _places[rows[i].FirstRow]) = (new Group(1, 0), i);
            if (end - first == 1 || !Pays(blocks * KvLayout.BlockTokens, rows[first..end])) continue;
            _groups.AsSpan(first, end - first).Clear();
            _groups[first] = new Group(end - first, blocks);
            _mostRows = Math.Max(_mostRows, end - first);
            _mostShared = Math.Max(_mostShared, blocks * KvLayout.BlockTokens);
        }
    }

    /// <summary>False where so much of the rows is their own that they had better choose for themselves.</summary>
    private bool Pays(int shared, ReadOnlySpan<BatchSegment> rows)
    {
        long alone = 0;
        foreach (ref readonly BatchSegment row in rows) alone += rule.Elements(row.Length);
        return rule.GroupElements(shared, rows) <= alone;
    }

    public long ScratchFloats(KvLayout layout, int g, int positions) =>
        Math.Max(_single.ScratchFloats(layout, g, positions), _mostRows == 0 ? 0 : SparqGroup.ScratchFloats(layout, _mostRows * g, _mostShared));

    public void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch)
    {
        int place = _places[segment.FirstRow];
        Group group = _groups[place];
        if (group.Rows == 1) _single.Attend(call, segment, head, scratch);
        if (group.Rows <= 1) return;
        ReadOnlySpan<BatchSegment> rows = call.Plan.SparseSegments.Slice(place, group.Rows);
        int shared = group.Blocks * KvLayout.BlockTokens, k = Math.Max(1, rule.K(shared) / KvLayout.BlockTokens) * KvLayout.BlockTokens;
        long bytes = SparqGroup.Run(call, rows, head, new SparqGroupSize(group.Blocks, rule.R, k), scratch);
        foreach (ref readonly BatchSegment row in rows)
        {
            _traffic.Add(call.Kv.Layout, row.Length, bytes);
            bytes = 0;
        }
    }
}
