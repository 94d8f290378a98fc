using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// Blocks [StartBlock, StartBlock + BlockCount) of <paramref name="Pages"/>, to be read once for the rows
/// [FirstRow, FirstRow + RowCount). All of these rows have the same pages there. <paramref name="Level"/> counts the groups above.
/// </summary>
internal readonly record struct PlanRun(int[] Pages, int StartBlock, int BlockCount, int FirstRow, int RowCount, int Level)
{
    public int EndRow => FirstRow + RowCount;

    public int Span => StartBlock / KvLayout.BlocksPerSpan;
}

/// <summary>The unit of parallel work: all runs of one span for a group of rows, one after another; times the KV heads.</summary>
internal readonly record struct PlanTask(int Span, int FirstRow, int RowCount, int FirstRun, int RunCount);

/// <summary>
/// Which rows read which blocks in this step. Made once and used by every layer. A policy lists runs, each before the
/// runs behind it for the same rows; the plan cuts them at spans and groups them into tasks. How runs and tasks are cut
/// never changes a result: each row folds its blocks in order, span by span.
/// </summary>
internal sealed class AttentionPlan
{
    private readonly int _groupRows;
    private PlanRun[] _listed = new PlanRun[64];
    private PlanRun[] _runs = new PlanRun[64];
    private PlanTask[] _tasks = new PlanTask[64];
    private int[] _spanFirst = new int[2];
    private readonly int[] _positions, _partialFirst, _spans;
    private BatchSegment[] _sparse = new BatchSegment[64];
    private int _runCount, _taskCount, _taskRows, _sparseCount;
    private Batch? _batch;

    /// <param name="maxRows">Most rows of a step.</param>
    /// <param name="groupRows">Most rows of a task: as many as a worker's scratch holds.</param>
    public AttentionPlan(int maxRows, int groupRows)
    {
        _groupRows = groupRows;
        _positions = new int[maxRows];
        _partialFirst = new int[maxRows];
        _spans = new int[maxRows];
    }

    public int Rows { get; private set; }

    /// <summary>The sequences that the rows belong to.</summary>
    public ReadOnlySpan<BatchSegment> Segments => _batch is null ? [] : _batch.Segments;

    /// <summary>Most rows of a task.</summary>
    public int GroupRows => _groupRows;

    public ReadOnlySpan<PlanTask> Tasks => _tasks.AsSpan(0, _taskCount);

    /// <summary>
    /// The widest window of the layers, 0 if one of them sees all: what lies before it for all rows of a run is not listed. Layers with
    /// narrower windows skip more by themselves.
    /// </summary>
    public int Window { get; private set; }

    /// <summary>Position of each row in its sequence: it sees the positions up to its own.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);

    /// <summary>States kept for rows that have more than one span.</summary>
    public int PartialStates { get; private set; }

    /// <summary>Pages that the step reads, per KV head of a layer with the widest window.</summary>
    public long PagesRead { get; private set; }

    /// <summary>Pages it would read with every sequence reading its own history.</summary>
    public long PagesReadPerSequence { get; private set; }

    /// <summary>Attends <see cref="SparseSegments"/>; null if there are none.</summary>
    public ISparsePolicy? Sparse { get; private set; }

    /// <summary>
    /// With <see cref="Sparse"/>: the step's plan for layers with a window or a cap, which no sparse policy knows. Every row reads all it
    /// sees there.
    /// </summary>
    public AttentionPlan? Whole { get; set; }

    /// <summary>Segments, or parts of them, whose decode rows read part of their history.</summary>
    public ReadOnlySpan<BatchSegment> SparseSegments => _sparse.AsSpan(0, _sparseCount);

    /// <summary>Positions of the longest of them.</summary>
    public int SparsePositions { get; private set; }

    /// <summary>Rows that read part of their history.</summary>
    public int SparseRows { get; private set; }

    /// <summary>Rows of generated tokens, read in whatever way.</summary>
    public int DecodeRows { get; private set; }

    public ReadOnlySpan<PlanRun> Runs(in PlanTask task) => _runs.AsSpan(task.FirstRun, task.RunCount);

    public static int SpanCount(int position) => position / KvLayout.SpanTokens + 1;

    /// <summary>Spans that a row folds; 0 if it reads part of its history only.</summary>
    public int Spans(int row) => _spans[row];

    /// <summary>Where a row's span states lie, in order of the spans; only for rows that have more than one.</summary>
    public int PartialState(int row, int span) => _partialFirst[row] + span;

    /// <summary>Starts the plan of a step.</summary>
    /// <param name="batch">Its rows.</param>
    /// <param name="window"><see cref="Window"/>.</param>
    public void Begin(Batch batch, int window = 0)
    {
        Window = window;
        Rows = batch.Rows;
        batch.Positions.CopyTo(_positions);
        _runCount = _taskCount = _sparseCount = PartialStates = 0;
        PagesRead = PagesReadPerSequence = 0;
        Sparse = null;
        Whole = null;
        SparseRows = SparsePositions = DecodeRows = 0;
        for (int row = 0; row < Rows; row++) _spans[row] = SpanCount(_positions[row]);
        foreach (ref readonly BatchSegment segment in batch.Segments) DecodeRows += segment.DecodeRows;
        _batch = batch;
    }

    /// <summary>
    /// Gives a segment to a policy that attends by itself: its decode rows need no runs then. Rows of its prompt do; the
    /// policy only looks at them.
    /// </summary>
    public void AddSparse(ISparsePolicy policy, in BatchSegment segment)
    {
        Sparse = policy;
        if (_sparseCount == _sparse.Length) Array.Resize(ref _sparse, _sparseCount * 2);
        _sparse[_sparseCount++] = segment;
        SparsePositions = Math.Max(SparsePositions, segment.Length);
        SparseRows += segment.DecodeRows;
        _spans.AsSpan(segment.FirstRow + segment.Rows - segment.DecodeRows, segment.DecodeRows).Clear();
    }

    /// <summary>Lists blocks [<paramref name="from"/>, <paramref name="to"/>) of a table for a range of rows, below <paramref name="level"/> groups.</summary>
    public void Add(PageTable table, int from, int to, int firstRow, int rowCount, int level = 0)
    {
        if (Window > 0) from = Math.Max(from, FirstBlock(firstRow, firstRow + rowCount, Window));
        while (from < to)
        {
            int end = Math.Min(to, (from / KvLayout.BlocksPerSpan + 1) * KvLayout.BlocksPerSpan);
            if (_runCount == _listed.Length) Array.Resize(ref _listed, _runCount * 2);
            _listed[_runCount++] = new PlanRun(table.Pages, from, end - from, firstRow, rowCount, level);
            from = end;
        }
    }

    /// <summary>Groups what was listed into tasks.</summary>
    /// <param name="kvHeads">KV heads: each task is done once for each.</param>
    /// <param name="threads">Threads to be kept busy.</param>
    public void Finish(int kvHeads, int threads)
    {
        for (int row = 0; row < Rows; row++)
        {
            _partialFirst[row] = PartialStates;
            if (_spans[row] > 1) PartialStates += _spans[row];
        }

        int spans = SortBySpan();
        // Some four tasks per thread balance the load; rows are split only if heads and spans are too few, since a shared
        // block is read again by each group.
        int wanted = Math.Max(1, (4 * threads + kvHeads * spans - 1) / (kvHeads * spans));
        int groupRows = Math.Clamp((Rows + wanted - 1) / wanted, Math.Min(8, _groupRows), _groupRows);
        _taskRows = groupRows;
        PagesReadPerSequence = CountPerSequence(groupRows, Window);
        for (int span = spans - 1; span >= 0; span--)       // the last span is the shortest: it fills up nothing if it goes first
        {
            for (int first = 0; first < Rows; first += groupRows)
            {
                int end = Math.Min(Rows, first + groupRows);
                int runFirst = int.MaxValue, runEnd = 0;
                for (int i = _spanFirst[span]; i < _spanFirst[span + 1]; i++)
                {
                    ref readonly PlanRun run = ref _runs[i];
                    if (run.FirstRow >= end || run.EndRow <= first) continue;
                    runFirst = Math.Min(runFirst, i);
                    runEnd = i + 1;
                    PagesRead += PagesOf(run, Math.Max(first, run.FirstRow), Math.Min(end, run.EndRow), Window);
                }

                if (runEnd == 0) continue;
                if (_taskCount == _tasks.Length) Array.Resize(ref _tasks, _taskCount * 2);
                _tasks[_taskCount++] = new PlanTask(span, first, end - first, runFirst, runEnd - runFirst);
            }
        }
    }

    /// <summary><see cref="PagesRead"/> and <see cref="PagesReadPerSequence"/> of a layer with this window. The plan is finished.</summary>
    public (long Read, long PerSequence) PagesReadWith(int window)
    {
        if (window == Window) return (PagesRead, PagesReadPerSequence);
        long pages = 0;
        foreach (ref readonly PlanTask task in Tasks)
            foreach (ref readonly PlanRun run in Runs(task))
            {
                int first = Math.Max(task.FirstRow, run.FirstRow), end = Math.Min(task.FirstRow + task.RowCount, run.EndRow);
                if (first < end) pages += PagesOf(run, first, end, window);
            }

        return (pages, CountPerSequence(_taskRows, window));
    }

    /// <summary>Pages of a run up to what its last row sees, without the blocks of which no row of [first, end) sees anything.</summary>
    public int PagesOf(in PlanRun run, int firstRow, int endRow, int window)
    {
        int endPage = KvLayout.PagesFor(_positions[endRow - 1] + 1);
        if (window == 0) return Math.Clamp(endPage - run.StartBlock * KvLayout.PagesPerBlock, 0, run.BlockCount * KvLayout.PagesPerBlock);
        int pages = 0;
        for (int block = run.StartBlock; block < run.StartBlock + run.BlockCount; block++)
            if (IsSeen(block, firstRow, endRow, window)) pages += Math.Clamp(endPage - block * KvLayout.PagesPerBlock, 0, KvLayout.PagesPerBlock);
        return pages;
    }

    private bool IsSeen(int block, int firstRow, int endRow, int window)
    {
        int start = block * KvLayout.BlockTokens;
        foreach (int position in _positions.AsSpan(firstRow, endRow - firstRow))
            if (position >= start && AttentionRule.FirstSeen(position, window) < start + KvLayout.BlockTokens) return true;
        return false;
    }

    /// <summary>The first block of which some row of [first, end) sees something.</summary>
    private int FirstBlock(int firstRow, int endRow, int window)
    {
        int position = int.MaxValue;
        for (int row = firstRow; row < endRow; row++) position = Math.Min(position, _positions[row]);
        return AttentionRule.FirstSeen(position, window) / KvLayout.BlockTokens;
    }

    /// <summary>A long prompt's rows may be cut into groups, and each reads the history that it sees.</summary>
    private long CountPerSequence(int groupRows, int window)
    {
        long pages = 0;
        foreach (ref readonly BatchSegment segment in _batch!.Segments)
        {
            int end = segment.FirstRow + segment.Rows;
            for (int first = segment.FirstRow; first < end; first = (first / groupRows + 1) * groupRows)
            {
                int last = Math.Min(end, (first / groupRows + 1) * groupRows) - 1;
                pages += KvLayout.PagesFor(_positions[last] + 1) - AttentionRule.FirstSeen(_positions[first], window) / KvLayout.BlockTokens * KvLayout.PagesPerBlock;
            }
        }

        return pages;
    }

    private int SortBySpan()
    {
        if (_runs.Length < _listed.Length) _runs = new PlanRun[_listed.Length];
        int spans = 1;
        for (int i = 0; i < _runCount; i++) spans = Math.Max(spans, _listed[i].Span + 1);
        if (_spanFirst.Length < spans + 1) _spanFirst = new int[spans * 2];
        Array.Clear(_spanFirst);
        for (int i = 0; i < _runCount; i++) _spanFirst[_listed[i].Span + 1]++;
        for (int span = 0; span < spans; span++) _spanFirst[span + 1] += _spanFirst[span];
        for (int i = 0; i < _runCount; i++) _runs[_spanFirst[_listed[i].Span]++] = _listed[i];
        for (int span = spans; span > 0; span--) _spanFirst[span] = _spanFirst[span - 1];
        _spanFirst[0] = 0;
        return spans;
    }
}
