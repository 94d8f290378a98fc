using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>Decides, once a step, which rows read which blocks together.</summary>
internal interface IAttentionPolicy
{
    /// <summary>Lists runs that cover, for every row, its blocks from the first to its own, each once and in order.</summary>
    void Plan(Batch batch, AttentionPlan plan);
}

/// <summary>The exact policies by their mode.</summary>
internal static class AttentionPolicies
{
    public static IAttentionPolicy Create(AttentionMode mode) => mode switch
    {
        AttentionMode.Auto or AttentionMode.Tree => new TreePolicy(),
        AttentionMode.Bifurcated => new BifurcatedPolicy(),
        AttentionMode.PerSequence => new PerSequencePolicy(),
        _ => throw new ArgumentOutOfRangeException(nameof(mode), mode, "Unknown attention mode."),
    };

    /// <summary>Blocks of a segment's sequence, the one being filled included.</summary>
    public static int Blocks(in BatchSegment segment) => (segment.Length + KvLayout.BlockTokens - 1) / KvLayout.BlockTokens;

    /// <summary>Blocks that two sequences have in common from the start.</summary>
    public static int CommonBlocks(in BatchSegment a, in BatchSegment b)
    {
        int count = Math.Min(a.Table.Count, b.Table.Count);
        return a.Table.Pages.AsSpan(0, count).CommonPrefixLength(b.Table.Pages.AsSpan(0, count)) / KvLayout.PagesPerBlock;
    }
}

/// <summary>Each sequence reads its whole history by itself.</summary>
internal sealed class PerSequencePolicy : IAttentionPolicy
{
    public void Plan(Batch batch, AttentionPlan plan)
    {
        foreach (ref readonly BatchSegment segment in batch.Segments)
            plan.Add(segment.Table, 0, AttentionPolicies.Blocks(segment), segment.FirstRow, segment.Rows);
    }
}

/// <summary>
/// One context for a group of sequences, then each sequence's own blocks (arXiv 2403.08845): two levels, whatever the
/// tree below. A group is made of neighbours that share their first block.
/// </summary>
internal sealed class BifurcatedPolicy : IAttentionPolicy
{
    public void Plan(Batch batch, AttentionPlan plan)
    {
        ReadOnlySpan<BatchSegment> segments = batch.Segments;
        for (int first = 0, end; first < segments.Length; first = end)
        {
            int common = AttentionPolicies.Blocks(segments[first]);
            for (end = first + 1; end < segments.Length; end++)
            {
                int blocks = AttentionPolicies.CommonBlocks(segments[first], segments[end]);
                if (blocks == 0) break;
                common = Math.Min(common, blocks);
            }

            if (end == first + 1) common = 0;
            else plan.Add(segments[first].Table, 0, common, segments[first].FirstRow, segments[end - 1].FirstRow + segments[end - 1].Rows - segments[first].FirstRow);
            for (int i = first; i < end; i++)
                plan.Add(segments[i].Table, common, AttentionPolicies.Blocks(segments[i]), segments[i].FirstRow, segments[i].Rows);
        }
    }
}
