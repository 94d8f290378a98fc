using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>SparQ attention (arXiv 2312.04985) for rows of generated tokens that are long enough for it to pay, exact attention for all others.</summary>
/// <param name="rule">How much is read.</param>
/// <param name="leastPositions">A row with fewer positions is attended exactly.</param>
internal sealed unsafe class SparqPolicy(SparqRule rule, int leastPositions) : ISparsePolicy
{
    private readonly SparseSplit _split = new();
    private readonly TrafficCounter _traffic = new();

    public SparqPolicy(SparqRule rule) : this(rule, rule.LeastPositions)
    {
    }

    public SparseTraffic Traffic => _traffic.Total;

    public void Plan(Batch batch, AttentionPlan plan) => _split.Plan(batch, plan, this, leastPositions);

    public long ScratchFloats(KvLayout layout, int g, int positions) => SparqRow.ScratchFloats(layout, g, positions, rule.K(positions));

    public void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch)
    {
        var history = new History(call.Kv, call.Layer, head, segment.Table.Pages);
        for (int row = 0; row < segment.Rows; row++)
        {
            int positions = segment.Start + row + 1, k = rule.K(positions);
            var size = new SparqSize(positions, rule.R, k, rule.Local(k), rule.HasMeanValue);
            long bytes = SparqRow.Run(history, call.Query(segment.FirstRow + row, head), call.G, call.Rule.QueryFactor, size, call.OutputOf(segment.FirstRow + row, head), scratch);
            _traffic.Add(call.Kv.Layout, positions, bytes);
        }
    }
}
