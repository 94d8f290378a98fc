using Coppice.Attention;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Scheduling;

namespace Coppice.Tests.Attention;

/// <summary>A random forest of sequences that share pages, with random keys, values and queries for one step of one layer.</summary>
internal sealed unsafe class RandomTree : IDisposable
{
    private readonly Random _random;
    private readonly List<(PageTable Table, int Length, int Rows)> _sequences = [];
    private readonly AlignedBuffer _q;
    private int _nextPage = 1;

    public RandomTree(int seed, KvLayout layout, int g, int maxTokens, int maxSequences, float keyScale = 1f)
    {
        _random = new Random(seed);
        G = g;
        Rule = AttentionRule.Plain(layout.HeadSize);
        Kv = new KvPages(layout, 1 + maxSequences * (KvLayout.PagesFor(maxTokens) + 4) * 2);
        int roots = _random.Next(1, 3);
        while (_sequences.Count < maxSequences)
        {
            if (_sequences.Count < roots)
            {
                Grow(new PageTable(maxTokens), 0, _random.Next(1, maxTokens), keyScale);
                continue;
            }

            // Branch from an earlier sequence at a random page.
            (PageTable from, int length, int rows) = _sequences[_random.Next(_sequences.Count)];
            int shared = _random.Next(0, (length - rows) / KvLayout.PageTokens + 1);
            var table = new PageTable(maxTokens);
            for (int p = 0; p < shared; p++) table.Append(from[p]);
            int start = shared * KvLayout.PageTokens;
            Grow(table, start, Math.Min(maxTokens, start + _random.Next(1, 80)), keyScale);
        }

        _sequences.Sort((a, b) => Compare(a.Table, b.Table));
        int total = _sequences.Sum(s => s.Rows);
        Batch = new Batch(total, _sequences.Count);
        foreach ((PageTable table, int length, int rows) in _sequences) Batch.Add(table, length - rows, new int[rows]);
        int columns = layout.KvHeads * g * layout.HeadSize;
        _q = new AlignedBuffer((long)total * columns * sizeof(float));
        Q = new Matrix(_q.Floats, total, columns, columns);
        for (int i = 0; i < total * columns; i++) _q.Floats[i] = Number(keyScale);
    }

    public int G { get; }

    public AttentionRule Rule { get; set; }

    public KvPages Kv { get; }

    public Batch Batch { get; }

    public Matrix Q { get; }

    /// <summary>The attention output of one way to plan it.</summary>
    public float[] Attend(IBackend backend, IAttentionPolicy policy, int groupRows = 64, int planWindow = 0)
    {
        var plan = new AttentionPlan(Batch.Rows, groupRows);
        plan.Begin(Batch, planWindow);
        policy.Plan(Batch, plan);
        plan.Finish(Kv.Layout.KvHeads, backend.Threads);
        return Attend(backend, plan, Batch, Q, Kv);
    }

    /// <summary>The output of one sequence when it is all there is.</summary>
    public float[] AttendAlone(IBackend backend, IAttentionPolicy policy, int segment)
    {
        BatchSegment whole = Batch.Segments[segment];
        var batch = new Batch(whole.Rows, 1);
        batch.Add(whole.Table, whole.Start, new int[whole.Rows]);
        var plan = new AttentionPlan(whole.Rows, 64);
        plan.Begin(batch, Rule.Window);
        policy.Plan(batch, plan);
        plan.Finish(Kv.Layout.KvHeads, backend.Threads);
        return Attend(backend, plan, batch, new Matrix(Q.Data + (long)whole.FirstRow * Q.RowFloats, whole.Rows, Q.Columns, Q.RowFloats), Kv);
    }

    /// <summary>The truth: every row's dense softmax in double.</summary>
    public double[] Exact()
    {
        KvLayout layout = Kv.Layout;
        int d = layout.HeadSize, heads = layout.KvHeads * G;
        double[] output = new double[Batch.Rows * heads * d];
        foreach (BatchSegment segment in Batch.Segments)
        {
            for (int r = 0; r < segment.Rows; r++)
            {
                int row = segment.FirstRow + r, length = segment.Start + r + 1, first = Rule.Window == 0 ? 0 : Math.Max(0, length - Rule.Window);
                for (int head = 0; head < heads; head++)
                {
                    double[] scores = new double[length];
                    Array.Fill(scores, double.NegativeInfinity, 0, first);
                    for (int t = first; t < length; t++)
                    {
                        for (int i = 0; i < d; i++)
                            scores[t] += (double)Q.Row(row)[head * d + i] * Kv.Key(0, head / G, segment.Table[t / 16], t % 16, i) / Math.Sqrt(d);
                        if (Rule.SoftCap > 0) scores[t] = Rule.SoftCap * Math.Tanh(scores[t] / Rule.SoftCap);
                    }

                    double max = scores.Max(), sum = 0;
                    for (int t = 0; t < length; t++) sum += scores[t] = Math.Exp(scores[t] - max);
                    for (int t = 0; t < length; t++)
                        for (int i = 0; i < d; i++)
                            output[(row * heads + head) * d + i] += scores[t] / sum * Kv.Value(0, head / G, segment.Table[t / 16], t % 16, i);
                }
            }
        }

        return output;
    }

    /// <summary>Replaces the last key of every sequence, its newest position.</summary>
    public void SetLastKeys(float value)
    {
        float[] key = new float[Kv.Layout.HeadSize], values = new float[Kv.Layout.HeadSize];
        Array.Fill(key, value);
        Array.Fill(values, 0.5f);
        foreach (BatchSegment segment in Batch.Segments)
            for (int head = 0; head < Kv.Layout.KvHeads; head++)
                fixed (float* k = key, v = values)
                    Kv.Write(0, head, segment.Table[(segment.Length - 1) / 16], (segment.Length - 1) % 16, k, v);
    }

    public void Dispose()
    {
        Kv.Dispose();
        _q.Dispose();
    }

    private float[] Attend(IBackend backend, AttentionPlan plan, Batch batch, Matrix q, KvPages kv)
    {
        float[] output = new float[q.Rows * q.Columns];
        fixed (float* o = output) backend.Attend(kv, 0, q, Rule, batch, plan, new Matrix(o, q.Rows, q.Columns, q.Columns));
        return output;
    }

    private void Grow(PageTable table, int start, int length, float keyScale)
    {
        int d = Kv.Layout.HeadSize;
        float[] key = new float[d], value = new float[d];
        for (int t = start; t < length; t++)
        {
            if (t % KvLayout.PageTokens == 0) table.Append(_nextPage++);
            for (int head = 0; head < Kv.Layout.KvHeads; head++)
            {
                for (int i = 0; i < d; i++) (key[i], value[i]) = (Number(keyScale), Number(1f));
                fixed (float* k = key, v = value) Kv.Write(0, head, table[t / KvLayout.PageTokens], t % KvLayout.PageTokens, k, v);
            }
        }

        // Some are in the middle of their prompt, most decode.
        int rows = _random.Next(4) == 0 ? _random.Next(1, length - start + 1) : 1;
        _sequences.Add((table, length, rows));
    }

    private float Number(float scale) => (float)(_random.NextDouble() * 2 - 1) * scale;

    private static int Compare(PageTable a, PageTable b)
    {
        ReadOnlySpan<int> x = a.Pages.AsSpan(0, a.Count), y = b.Pages.AsSpan(0, b.Count);
        return x.SequenceCompareTo(y);
    }
}
