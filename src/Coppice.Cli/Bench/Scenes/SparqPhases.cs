using System.Diagnostics;
using Coppice.Attention;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Memory;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Seconds of SparQ's phases, one row and all its KV heads on one thread.</summary>
internal readonly record struct SparqPhases(double Approximate, double Weigh, double Choose, double Attend)
{
    public double Total => Approximate + Weigh + Choose + Attend;

    /// <param name="kv">Keys and values.</param>
    /// <param name="layer">The layer.</param>
    /// <param name="table">The row's sequence.</param>
    /// <param name="positions">That the row sees.</param>
    /// <param name="rule">What is read.</param>
    /// <param name="q">The row's queries, [H · D].</param>
    public static unsafe SparqPhases Measure(KvPages kv, int layer, PageTable table, int positions, SparqRule rule, Span<float> q)
    {
        KvLayout layout = kv.Layout;
        int g = q.Length / layout.HeadSize / layout.KvHeads, k = rule.K(positions);
        var size = new SparqSize(positions, rule.R, k, rule.Local(k), rule.HasMeanValue);
        using var scratch = new AlignedBuffer((SparqRow.ScratchFloats(layout, g, positions, k) + g * layout.HeadSize) * sizeof(float));
        new Span<float>(scratch.Floats, (int)(scratch.Bytes / sizeof(float))).Clear();      // so that it is there
        Span<long> ticks = stackalloc long[5];
        double[] seconds = new double[4];
        fixed (float* queries = q)
        {
            for (int head = 0; head < layout.KvHeads; head++)
            {
                var row = new SparqRow(new History(kv, layer, head, table.Pages), queries + head * g * layout.HeadSize, g, AttentionRule.Plain(layout.HeadSize).QueryFactor, size, scratch.Floats, scratch.Floats + g * layout.HeadSize);
                ticks[0] = Stopwatch.GetTimestamp();
                row.Approximate();
                ticks[1] = Stopwatch.GetTimestamp();
                row.Weigh();
                ticks[2] = Stopwatch.GetTimestamp();
                row.Choose();
                ticks[3] = Stopwatch.GetTimestamp();
                row.Attend();
                ticks[4] = Stopwatch.GetTimestamp();
                for (int phase = 0; phase < 4; phase++) seconds[phase] += Stopwatch.GetElapsedTime(ticks[phase], ticks[phase + 1]).TotalSeconds;
            }
        }

        return new SparqPhases(seconds[0], seconds[1], seconds[2], seconds[3]);
    }
}
