using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// A policy whose decode rows read part of their history, chosen row by row and layer by layer. In <see cref="IAttentionPolicy.Plan"/>
/// it gives these rows to itself with <see cref="AttentionPlan.AddSparse"/> and lists runs for all others.
/// </summary>
internal unsafe interface ISparsePolicy : IAttentionPolicy
{
    /// <summary>What was fetched since the policy was made.</summary>
    SparseTraffic Traffic { get; }

    /// <summary>Floats of scratch for one row that has so many positions.</summary>
    /// <param name="layout">Sizes.</param>
    /// <param name="g">Query heads to a KV head.</param>
    /// <param name="positions">Of the longest row.</param>
    long ScratchFloats(KvLayout layout, int g, int positions);

    /// <summary>
    /// Computes the decode rows of a segment for one KV head, in order. Different segments and heads run at the same time;
    /// what a row gets must depend on its own sequence only.
    /// </summary>
    void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch);
}

/// <summary>Bytes that sparse rows fetched, and what exact attention per sequence would have.</summary>
internal readonly record struct SparseTraffic(long Bytes, long ExactBytes);

/// <summary>Adds up <see cref="SparseTraffic"/> over threads.</summary>
internal sealed class TrafficCounter
{
    private long _bytes, _exactBytes;

    public SparseTraffic Total => new(Volatile.Read(ref _bytes), Volatile.Read(ref _exactBytes));

    /// <summary>One row and KV head.</summary>
    /// <param name="layout">Sizes.</param>
    /// <param name="positions">That the row sees.</param>
    /// <param name="bytes">Fetched.</param>
    public void Add(KvLayout layout, int positions, long bytes)
    {
        Interlocked.Add(ref _bytes, bytes);
        Interlocked.Add(ref _exactBytes, ExactBytes(layout, positions));
    }

    /// <summary>Keys and values of all positions, and the new ones written: 2 S D + 2 D elements.</summary>
    public static long ExactBytes(KvLayout layout, int positions) => (2L * positions + 2) * layout.HeadSize * layout.ElementBytes;
}

/// <summary>Divides a batch into rows that a policy attends by itself and rows that read everything, which are planned as a tree.</summary>
internal sealed class SparseSplit
{
    private readonly TreePolicy _tree = new();
    private BatchSegment[] _exact = new BatchSegment[64];
    private int _exactCount;

    /// <param name="batch">The step's rows.</param>
    /// <param name="plan">Takes both kinds.</param>
    /// <param name="policy">Whose rows they are.</param>
    /// <param name="leastPositions">A decode row with fewer reads everything.</param>
    public void Plan(Batch batch, AttentionPlan plan, ISparsePolicy policy, int leastPositions)
    {
        foreach (ref readonly BatchSegment segment in batch.Segments)
        {
            // A row at position p sees p + 1 positions.
            int exact = Math.Clamp(Math.Max(segment.DecodeFrom, leastPositions - 1) - segment.Start, 0, segment.Rows);
            if (exact > 0) AddExact(segment.Slice(0, exact));
            if (exact == segment.Rows) continue;
            Flush(plan);        // the rows of a run stand side by side
            for (int row = exact; row < segment.Rows; row++) plan.AddSparse(policy, segment.Slice(row, 1));
        }

        Flush(plan);
    }

    private void AddExact(in BatchSegment segment)
    {
        if (_exactCount == _exact.Length) Array.Resize(ref _exact, _exactCount * 2);
        _exact[_exactCount++] = segment;
    }

    private void Flush(AttentionPlan plan)
    {
        if (_exactCount > 0) _tree.Plan(_exact.AsSpan(0, _exactCount), plan);
        _exactCount = 0;
    }
}
