using System.Numerics;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>Adds up what plans read together and what not. All counts are pages times layers. Nothing is allocated once it has seen its largest step.</summary>
internal sealed class SharingTally
{
    /// <summary>Levels told apart; the last takes all deeper ones.</summary>
    private const int Levels = 8;

    /// <summary>Reads for 1 sample, 2, 3 to 4, 5 to 8, ... 65 to 128, and more.</summary>
    private const int RowClasses = 9;

    private readonly long[] _read = new long[Levels], _perSequence = new long[Levels];
    private readonly long[] _rows = new long[RowClasses];
    private int[] _segmentOf = new int[64];     // [row]
    private int[] _common = new int[64];        // [i]: pages that segments i - 1 and i have in common
    private long _oneRow, _partOfBlock, _rowGroups, _mode;

    /// <summary>Counts a finished plan as it is read in layers of one window.</summary>
    public void Add(AttentionPlan plan, int window, int layers)
    {
        Look(plan.Segments, plan.Rows);
        foreach (ref readonly PlanTask task in plan.Tasks)
        {
            foreach (ref readonly PlanRun run in plan.Runs(task))
            {
                int first = Math.Max(task.FirstRow, run.FirstRow), end = Math.Min(task.FirstRow + task.RowCount, run.EndRow);
                if (first < end) Add(plan, run, first, end, window, layers);
            }
        }
    }

    /// <param name="pageBytes">Bytes of a page in one layer.</param>
    /// <param name="approximateBytes">What a sparse policy fetched by itself.</param>
    public SharingMetrics Total(long pageBytes, long approximateBytes) => new()
    {
        Levels = [.. Enumerable.Range(0, Levels).Select(level => new LevelTraffic(level, _read[level] * pageBytes, (_perSequence[level] - _read[level]) * pageBytes))],
        RowsPerRead = [.. Enumerable.Range(0, RowClasses).Select(i => new RowsTraffic(i == 0 ? 1 : (1 << (i - 1)) + 1, i == RowClasses - 1 ? null : 1 << i, _rows[i] * pageBytes))],
        NotShared = new Dictionary<NotShared, long>
        {
            [NotShared.OneRow] = _oneRow * pageBytes,
            [NotShared.PartOfBlock] = _partOfBlock * pageBytes,
            [NotShared.RowGroups] = _rowGroups * pageBytes,
            [NotShared.Mode] = _mode * pageBytes,
            [NotShared.Approximate] = approximateBytes,
        },
    };

    private void Look(ReadOnlySpan<BatchSegment> segments, int rows)
    {
        if (_segmentOf.Length < rows) _segmentOf = new int[rows * 2];
        if (_common.Length <= segments.Length) _common = new int[segments.Length * 2];
        _common[0] = _common[segments.Length] = 0;
        for (int i = 0; i < segments.Length; i++)
        {
            _segmentOf.AsSpan(segments[i].FirstRow, segments[i].Rows).Fill(i);
            if (i > 0) _common[i] = AttentionPolicies.CommonPages(segments[i - 1], segments[i]);
        }
    }

    private void Add(AttentionPlan plan, in PlanRun run, int first, int end, int window, int layers)
    {
        ReadOnlySpan<BatchSegment> segments = plan.Segments;
        int firstSegment = _segmentOf[first], lastSegment = _segmentOf[end - 1], rows = lastSegment - firstSegment + 1;
        long pages = (long)plan.PagesOf(run, first, end, window) * layers, perSequence = 0;
        for (int i = firstSegment; i <= lastSegment; i++)
            perSequence += plan.PagesOf(run, Math.Max(first, segments[i].FirstRow), Math.Min(end, segments[i].FirstRow + segments[i].Rows), window);
        int level = Math.Min(run.Level, Levels - 1);
        _read[level] += pages;
        _perSequence[level] += perSequence * layers;
        _rows[Math.Min(BitOperations.Log2((uint)rows * 2 - 1), RowClasses - 1)] += pages;

        if (_segmentOf[run.FirstRow] != _segmentOf[run.EndRow - 1])
        {
            if (first > run.FirstRow) _rowGroups += pages;
            return;
        }

        // Read for one sample. What a neighbour holds there too is whole blocks, which the mode leaves apart, and a part of one.
        int common = Math.Max(_common[firstSegment], _common[firstSegment + 1]) - run.StartBlock * KvLayout.PagesPerBlock;
        long shared = Math.Clamp(common * (long)layers, 0, pages);
        long part = common <= run.BlockCount * KvLayout.PagesPerBlock ? Math.Min(shared, Math.Max(0, common) % KvLayout.PagesPerBlock * (long)layers) : 0;
        _mode += shared - part;
        _partOfBlock += part;
        _oneRow += pages - shared;
    }
}
