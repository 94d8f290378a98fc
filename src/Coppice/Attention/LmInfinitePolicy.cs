using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// The first positions and the last ones (arXiv 2308.16137, 2309.17453): <paramref name="keep"/> in all, 16 of them at the
/// beginning as in SparQ's comparison, or half of a smaller budget. Keys keep the positions they were computed for, so this is no way
/// beyond the model's context.
/// </summary>
internal sealed unsafe class LmInfinitePolicy(int keep) : ISparsePolicy
{
    public const int Sinks = 16;

    private readonly SparseSplit _split = new();
    private readonly TrafficCounter _traffic = new();

    public SparseTraffic Traffic => _traffic.Total;

    public void Plan(Batch batch, AttentionPlan plan) => _split.Plan(batch, plan, this, keep == int.MaxValue ? keep : keep + 1);

    public long ScratchFloats(KvLayout layout, int g, int positions) => ChosenRow.ScratchFloats(layout, g, keep, positions) + keep;

    public void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch)
    {
        var history = new History(call.Kv, call.Layer, head, segment.Table.Pages);
        int* chosen = (int*)(scratch + ChosenRow.ScratchFloats(call.Kv.Layout, call.G, keep, segment.Length));
        int sinks = Math.Min(Sinks, keep / 2);
        for (int row = 0; row < segment.Rows; row++)
        {
            int positions = segment.Start + row + 1;
            for (int i = 0; i < keep; i++) chosen[i] = i < sinks ? i : positions - keep + i;
            long bytes = ChosenRow.Run(history, call.Query(segment.FirstRow + row, head), call.G, call.Rule.QueryFactor, chosen, keep, call.OutputOf(segment.FirstRow + row, head), scratch, out _);
            _traffic.Add(call.Kv.Layout, positions, bytes);
        }
    }
}
