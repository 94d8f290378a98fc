using System.Buffers;
using Coppice.Attention;
using Coppice.Scheduling;

namespace Coppice.KvCache;

/// <summary>
/// Takes a <see cref="TreeSnapshot"/>, on the engine's thread between two steps. It goes breadth first and is bounded: a full cache of a
/// million pages costs no more than <see cref="MostPages"/> do, a few milliseconds.
/// </summary>
internal sealed class TreeSurvey
{
    internal const int MostPages = 1 << 15, MostNodes = 400, MostChildren = 24;

    private readonly PagePool _pool;
    private readonly AttentionMode _mode;
    private readonly Dictionary<int, (int Rows, int Tokens)> _ends = [];
    private readonly List<TreeNode> _nodes = [];
    private readonly Queue<(int Page, int? Parent, int Partition, int FirstToken)> _next = new();
    private readonly List<int> _children = [];
    private readonly int[] _reads;      // [page]: how often the last step read it
    private readonly Dictionary<int, int> _pins;    // how many pins hold a page
    private readonly long _now = Environment.TickCount64;
    private int _pages = MostPages;

    private TreeSurvey(PagePool pool, AttentionMode mode, int[] reads, Dictionary<int, int> pins) => (_pool, _mode, _reads, _pins) = (pool, mode, reads, pins);

    /// <param name="pool">Pages and their tree.</param>
    /// <param name="scheduler">Who runs.</param>
    /// <param name="plan">Of the last step. Its tables are those of the sequences, so what has ended since is not in it any more.</param>
    /// <param name="mode">Why it is as it is.</param>
    /// <param name="pinned">Pages that pins hold, once for each pin.</param>
    /// <param name="wants">Which partitions, by their salts.</param>
    public static TreeSnapshot Take(PagePool pool, Scheduler scheduler, AttentionPlan plan, AttentionMode mode, IEnumerable<int> pinned, Func<string?, bool> wants)
    {
        int[] reads = ArrayPool<int>.Shared.Rent(pool.Total + 1);
        try
        {
            reads.AsSpan(0, pool.Total + 1).Clear();
            return new TreeSurvey(pool, mode, reads, pinned.CountBy(page => page).ToDictionary()).Take(scheduler, plan, wants);
        }
        finally
        {
            ArrayPool<int>.Shared.Return(reads);
        }
    }

    private TreeSnapshot Take(Scheduler scheduler, AttentionPlan plan, Func<string?, bool> wants)
    {
        CountReads(plan);
        Dictionary<int, (int Rows, int Outside)> running = [];
        foreach (Sequence sequence in scheduler.Running)
        {
            (int rows, int outside) = running.GetValueOrDefault(sequence.Request.Root);
            int last = sequence.Published == 0 ? 0 : sequence.Table[sequence.Published - 1];
            bool isInside = last > 0 && _pool.Tree.Contains(last);
            running[sequence.Request.Root] = (rows + 1, outside + (isInside ? 0 : 1));
            if (!isInside) continue;
            (int ends, int tokens) = _ends.GetValueOrDefault(last);
            _ends[last] = (ends + 1, tokens + sequence.Length - sequence.Published * KvLayout.PageTokens);
        }

        List<TreePartition> partitions = [];
        int others = 0;
        foreach ((string? salt, int root) in _pool.Tree.Roots.Select(pair => ((string?)pair.Key, pair.Value)).Prepend((null, _pool.Tree.Root(salt: null, []))))
        {
            (int rows, int outside) = running.GetValueOrDefault(root);
            if (rows == 0 && !_pool.Tree.TryFirstChild(root, out _)) continue;
            if (!wants(salt))
            {
                others++;
                continue;
            }

            int hidden = Descend(root, null, partitions.Count, 0);
            partitions.Add(new TreePartition(salt, rows, outside, _pool.Tree.EvictedBelow(root), hidden));
        }

        while (_next.TryDequeue(out var next))
        {
            if (_nodes.Count < MostNodes && _pages > 0) Visit(next.Page, next.Parent, next.Partition, next.FirstToken);
            else if (next.Parent is int parent) _nodes[parent].Hidden++;
            else partitions[next.Partition] = partitions[next.Partition] with { Hidden = partitions[next.Partition].Hidden + 1 };
        }

        return new TreeSnapshot(partitions, _nodes, others, _pool.Tree.Evicted);
    }

    private void CountReads(AttentionPlan plan)
    {
        foreach (ref readonly PlanTask task in plan.Tasks)
        {
            foreach (ref readonly PlanRun run in plan.Runs(task))
            {
                int first = Math.Max(task.FirstRow, run.FirstRow), end = Math.Min(task.FirstRow + task.RowCount, run.EndRow);
                if (first >= end) continue;
                // The window of the layers may leave out some at the front; which, no picture shows.
                int pages = plan.PagesOf(run, first, end, window: 0);
                foreach (int page in run.Pages.AsSpan(run.StartBlock * KvLayout.PagesPerBlock, pages)) _reads[page]++;
            }
        }
    }

    /// <summary>Puts the children of a page or root in line: all, or those that matter most. How many are left out is the result.</summary>
    private int Descend(int above, int? parent, int partition, int firstToken)
    {
        _children.Clear();
        for (bool more = _pool.Tree.TryFirstChild(above, out int child); more; more = _pool.Tree.TryNext(child, out child), _pages--) _children.Add(child);
        int count = _children.Count;
        if (count > MostChildren)
        {
            _children.Sort((a, b) => Rows(b) != Rows(a) ? Rows(b).CompareTo(Rows(a)) : _pool.Tree.UsedAt(b).CompareTo(_pool.Tree.UsedAt(a)));
            _children.RemoveRange(MostChildren, count - MostChildren);
        }

        foreach (int child in _children) _next.Enqueue((child, parent, partition, firstToken));
        return count - _children.Count;
    }

    private void Visit(int first, int? parent, int partition, int firstToken)
    {
        int rows = Rows(first), last = first, pages = 1, read = _reads[first], again = Math.Max(0, read - 1), againBefore = 0, evicted = _pool.Tree.EvictedBelow(first);
        // again: reads beyond the first of each page; againBefore: those outside the last, partly shared block.
        while (_pool.Tree.TryFirstChild(last, out int child) && !_pool.Tree.TryNext(child, out _) && Rows(child) == rows && _pins.ContainsKey(child) == _pins.ContainsKey(first) && _pages > 0)
        {
            if ((firstToken / KvLayout.PageTokens + pages) % KvLayout.PagesPerBlock == 0) againBefore = again;
            last = child;
            pages++;
            _pages--;
            read += _reads[child];
            evicted += _pool.Tree.EvictedBelow(child);
            again += Math.Max(0, _reads[child] - 1);
        }

        if ((firstToken / KvLayout.PageTokens + pages) % KvLayout.PagesPerBlock == 0) againBefore = again;
        (int ends, int endTokens) = _ends.GetValueOrDefault(last);
        TimeSpan idle = rows > 0 ? TimeSpan.Zero : TimeSpan.FromMilliseconds(Math.Max(0, _now - _pool.Tree.UsedAt(first)));
        int index = _nodes.Count;
        _nodes.Add(new TreeNode(first, parent, partition, firstToken, pages, rows, ends, endTokens, _pool.Tree.Hits(first), evicted, idle,
            _pool.Tree.TokensOf(first).ToArray(), read, Reading(rows, read, again, againBefore), _pins.ContainsKey(first)));
        _nodes[index].Hidden = Descend(last, index, partition, firstToken + pages * KvLayout.PageTokens);
    }

    private int Rows(int page) => _pool.Holders(page) - _pins.GetValueOrDefault(page);

    private TreeReading Reading(int rows, int read, int again, int againBefore)
    {
        if (rows == 0) return TreeReading.None;
        if (read == 0) return _mode is AttentionMode.Sparq or AttentionMode.SparqGroup or AttentionMode.LmInfinite or AttentionMode.H2O or AttentionMode.TopK ? TreeReading.Approximate : TreeReading.None;
        if (rows == 1) return TreeReading.OneRow;
        if (again == 0) return TreeReading.Together;
        if (_mode is AttentionMode.PerSequence or AttentionMode.Bifurcated) return TreeReading.Mode;
        return againBefore == 0 ? TreeReading.PartOfBlock : TreeReading.RowGroups;
    }
}
