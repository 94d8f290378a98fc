using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// The positions with the highest exact scores, summed over the group's softmax as SparQ does (after FlexGen, arXiv 2303.06865). All
/// keys are read, so it saves at most half; what it chooses is the best that any choice of as many positions can hope for.
/// </summary>
internal sealed unsafe class TopKPolicy(int keep) : ISparsePolicy
{
    private readonly SparseSplit _split = new();
    private readonly TrafficCounter _traffic = new();

    public SparseTraffic Traffic => _traffic.Total;

    public void Plan(Batch batch, AttentionPlan plan) => _split.Plan(batch, plan, this, keep == int.MaxValue ? keep : keep + 1);

    public long ScratchFloats(KvLayout layout, int g, int positions) => TopKRow.ScratchFloats(layout, g, positions, keep);

    public void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch)
    {
        var history = new History(call.Kv, call.Layer, head, segment.Table.Pages);
        for (int row = 0; row < segment.Rows; row++)
        {
            int positions = segment.Start + row + 1;
            long bytes = TopKRow.Run(history, call.Query(segment.FirstRow + row, head), call.G, call.Rule.QueryFactor, positions, keep, call.OutputOf(segment.FirstRow + row, head), scratch);
            _traffic.Add(call.Kv.Layout, positions, bytes);
        }
    }
}
