using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>Decides, once a step, which rows read which blocks together.</summary>
internal interface IAttentionPolicy
{
    /// <summary>Lists runs that cover, for every row, its blocks from the first to its own, each once and in order.</summary>
    void Plan(Batch batch, AttentionPlan plan);
}

/// <summary>The policies by their mode.</summary>
internal static class AttentionPolicies
{
    /// <param name="options">Checked by <see cref="EngineLimits"/>.</param>
    /// <param name="d">D.</param>
    /// <param name="g">Query heads to a KV head.</param>
    public static IAttentionPolicy Create(EngineOptions options, int d, int g) => options.Attention switch
    {
        AttentionMode.Auto or AttentionMode.Tree => new TreePolicy(),
        AttentionMode.Bifurcated => new BifurcatedPolicy(),
        AttentionMode.PerSequence => new PerSequencePolicy(),
        AttentionMode.Sparq => new SparqPolicy(new SparqRule(options.Sparq ?? new SparqOptions(), d, g)),
        AttentionMode.SparqGroup => new SparqGroupPolicy(new SparqRule(options.Sparq ?? new SparqOptions(), d, g)),
        AttentionMode.LmInfinite => new LmInfinitePolicy(options.Keep ?? DefaultKeep),
        AttentionMode.H2O => new H2oPolicy(options.Keep ?? DefaultKeep),
        AttentionMode.TopK => new TopKPolicy(options.Keep ?? DefaultKeep),
        _ => throw new ArgumentOutOfRangeException(nameof(options), options.Attention, "Unknown attention mode."),
    };

    /// <summary>Positions that the baselines look at where nothing else is asked for.</summary>
    public const int DefaultKeep = 256;

    public static bool HasKeep(AttentionMode mode) => mode is AttentionMode.LmInfinite or AttentionMode.H2O or AttentionMode.TopK;

    public static bool IsSparq(AttentionMode mode) => mode is AttentionMode.Sparq or AttentionMode.SparqGroup;

    /// <summary>What a mode wants kept beside keys and values.</summary>
    public static KvLayout Layout(KvLayout plain, EngineOptions options, int g) => !IsSparq(options.Attention) ? plain
        : plain with { KeyRows = true, ValueSums = SparqRule.TakesMeanValue(options.Sparq ?? new SparqOptions(), g) };

    /// <summary>Which pages sequences may have in common under a mode.</summary>
    public static PageReuse Reuse(AttentionMode mode) => mode switch
    {
        AttentionMode.Sparq or AttentionMode.SparqGroup or AttentionMode.LmInfinite or AttentionMode.TopK => PageReuse.Prompts,
        AttentionMode.H2O => PageReuse.None,
        _ => PageReuse.All,
    };

    /// <summary>Blocks of a segment's sequence, the one being filled included.</summary>
    public static int Blocks(in BatchSegment segment) => (segment.Length + KvLayout.BlockTokens - 1) / KvLayout.BlockTokens;

    /// <summary>Blocks that two sequences have in common from the start.</summary>
    public static int CommonBlocks(in BatchSegment a, in BatchSegment b) => CommonPages(a, b) / KvLayout.PagesPerBlock;

    /// <summary>Pages that two sequences have in common from the start.</summary>
    public static int CommonPages(in BatchSegment a, in BatchSegment b)
    {
        int count = Math.Min(a.Table.Count, b.Table.Count);
        return a.Table.Pages.AsSpan(0, count).CommonPrefixLength(b.Table.Pages.AsSpan(0, count));
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
                plan.Add(segments[i].Table, common, AttentionPolicies.Blocks(segments[i]), segments[i].FirstRow, segments[i].Rows, common > 0 ? 1 : 0);
        }
    }
}
