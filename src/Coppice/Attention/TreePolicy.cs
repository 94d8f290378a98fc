using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// Every node of the prefix tree once for all the rows below it (arXiv 2402.05099, at every vertex of the tree and with
/// any fan-out). Nodes are not looked up: neighbours in the batch are compared, and where a group has blocks in common
/// beyond those of its parent, these are a node.
/// </summary>
internal sealed class TreePolicy : IAttentionPolicy
{
    private int[] _common = new int[16];       // [i]: blocks that segments i - 1 and i share

    public void Plan(Batch batch, AttentionPlan plan) => Plan(batch.Segments, plan);

    /// <param name="segments">Of neighbouring rows.</param>
    /// <param name="plan">Takes the runs.</param>
    public void Plan(ReadOnlySpan<BatchSegment> segments, AttentionPlan plan)
    {
        if (_common.Length < segments.Length) _common = new int[segments.Length * 2];
        for (int i = 1; i < segments.Length; i++) _common[i] = AttentionPolicies.CommonBlocks(segments[i - 1], segments[i]);
        Node(segments, 0, segments.Length, 0, 0, plan);
    }

    /// <summary>Segments [first, end) share their blocks below <paramref name="depth"/>, and these are listed, in nodes of <paramref name="level"/> levels.</summary>
    private void Node(ReadOnlySpan<BatchSegment> segments, int first, int end, int depth, int level, AttentionPlan plan)
    {
        while (first < end)
        {
            // A child: the neighbours that go on sharing blocks beyond this depth.
            int childEnd = first + 1, common = int.MaxValue;
            for (; childEnd < end && _common[childEnd] > depth; childEnd++) common = Math.Min(common, _common[childEnd]);
            ref readonly BatchSegment head = ref segments[first];
            if (childEnd - first == 1)
            {
                plan.Add(head.Table, depth, AttentionPolicies.Blocks(head), head.FirstRow, head.Rows, level);
            }
            else
            {
                int rows = segments[childEnd - 1].FirstRow + segments[childEnd - 1].Rows - head.FirstRow;
                plan.Add(head.Table, depth, common, head.FirstRow, rows, level);
                Node(segments, first, childEnd, common, level + 1, plan);
            }

            first = childEnd;
        }
    }
}
