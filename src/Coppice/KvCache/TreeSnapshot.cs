namespace Coppice.KvCache;

/// <summary>The prefix tree at one moment, as far as was asked for: pages that follow one another without a branch are one node.</summary>
/// <param name="Partitions">Those that were wanted and are not empty.</param>
/// <param name="Nodes">Parents before their children.</param>
/// <param name="OtherPartitions">How many more there are.</param>
/// <param name="EvictedPages">Over all partitions, since the engine was opened.</param>
internal sealed record TreeSnapshot(IReadOnlyList<TreePartition> Partitions, IReadOnlyList<TreeNode> Nodes, int OtherPartitions, long EvictedPages);

/// <summary>A root of the tree.</summary>
/// <param name="Salt">Null: the common one.</param>
/// <param name="Rows">Running samples.</param>
/// <param name="RowsOutside">Those of them that have no full page in the tree yet.</param>
/// <param name="EvictedPages">Pages evicted from nodes that are gone.</param>
/// <param name="Hidden">Children that the snapshot leaves out.</param>
internal sealed record TreePartition(string? Salt, int Rows, int RowsOutside, int EvictedPages, int Hidden);

/// <summary>A run of pages.</summary>
/// <param name="Id">The first page.</param>
/// <param name="Parent">Index of the node above; null below a root.</param>
/// <param name="Partition">Index of the partition.</param>
/// <param name="FirstToken">Position of its first token.</param>
/// <param name="Pages">Its length.</param>
/// <param name="Rows">Running samples that have it in their history. Those whose window has moved past it do not count.</param>
/// <param name="Ends">Of these, those whose last full page is the node's last; the tokens behind it are theirs alone.</param>
/// <param name="EndTokens">How many such tokens there are, over all of them.</param>
/// <param name="Hits">Requests that found its first page instead of computing it.</param>
/// <param name="EvictedPages">Pages evicted from below it.</param>
/// <param name="IdleFor">Since its last holder let go; zero while it has rows.</param>
/// <param name="Beginning">Its first 16 tokens.</param>
/// <param name="PagesRead">Its pages in the last step's plan, each as often as it was read.</param>
/// <param name="Reading">How that was.</param>
/// <param name="Pinned">A declared prefix keeps it.</param>
internal sealed record TreeNode(int Id, int? Parent, int Partition, int FirstToken, int Pages, int Rows, int Ends, int EndTokens, int Hits, int EvictedPages, TimeSpan IdleFor, int[] Beginning, int PagesRead, TreeReading Reading, bool Pinned)
{
    /// <summary>Children that the snapshot leaves out: those with the fewest rows, then those longest unused.</summary>
    public int Hidden { get; set; }
}

/// <summary>How the last step read a node.</summary>
internal enum TreeReading
{
    /// <summary>It did not: nobody needs it, or whoever does was not in the step.</summary>
    None,

    /// <summary>Once for all its rows.</summary>
    Together,

    /// <summary>As <see cref="NotShared.OneRow"/>.</summary>
    OneRow,

    /// <summary>As <see cref="NotShared.PartOfBlock"/>.</summary>
    PartOfBlock,

    /// <summary>As <see cref="NotShared.RowGroups"/>.</summary>
    RowGroups,

    /// <summary>As <see cref="NotShared.Mode"/>.</summary>
    Mode,

    /// <summary>As <see cref="NotShared.Approximate"/>.</summary>
    Approximate,
}

/// <summary>Somebody wants a <see cref="TreeSnapshot"/>.</summary>
/// <param name="wants">Which partitions, by their salts.</param>
internal sealed class TreeQuestion(Func<string?, bool> wants)
{
    private readonly TaskCompletionSource<TreeSnapshot> _answer = new(TaskCreationOptions.RunContinuationsAsynchronously);

    public Func<string?, bool> Wants { get; } = wants;

    public Task<TreeSnapshot> Answered => _answer.Task;

    public void Answer(Func<TreeSnapshot> look)
    {
        try
        {
            _answer.TrySetResult(look());
        }
        catch (Exception error)
        {
            _answer.TrySetException(error);     // whoever asked hears it; the step goes on
        }
    }

    public void Fail(Exception error) => _answer.TrySetException(error);
}
