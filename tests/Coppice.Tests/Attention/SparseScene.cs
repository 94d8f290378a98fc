using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Scheduling;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Attention;

/// <summary>The random history of one sequence in one KV head, in pages of any order, and the queries of one row; and what the papers say about them, in double.</summary>
internal sealed unsafe class SparseScene : IDisposable
{
    private readonly AlignedBuffer _scratch = new(8 << 20);
    private readonly AlignedBuffer _queries;

    public SparseScene(int positions, int d, int g, KvFormat format = KvFormat.F32, int seed = 1, float scale = 1f, int pagesInOrder = 0)
    {
        (N, D, G) = (positions, d, g);
        int pages = KvLayout.PagesFor(positions);
        Layout = new KvLayout(1, 1, d, format) { KeyRows = true, ValueSums = true };
        Kv = new KvPages(Layout, pages + 1);
        int[] order = [.. Enumerable.Range(1, pages)];
        new Random(seed).Shuffle(order.AsSpan(Math.Min(pages, pagesInOrder)));
        Table = new PageTable(positions);
        foreach (int page in order) Table.Append(page);
        // What no row may see must not be looked at.
        for (int t = positions; t < pages * 16; t++) Set(t, Filled(float.NaN), Filled(float.PositiveInfinity));
        float[] numbers = Levels.Random(positions * d * 2, seed, scale);
        for (int t = 0; t < positions; t++) Set(t, numbers.AsSpan(t * d, d), numbers.AsSpan((positions + t) * d, d));
        _queries = new AlignedBuffer(g * d * sizeof(float));
        Levels.Random(g * d, seed + 1, scale).CopyTo(new Span<float>(Q, g * d));
    }

    public int N { get; }

    public int D { get; }

    public int G { get; }

    public KvLayout Layout { get; }

    public KvPages Kv { get; }

    public PageTable Table { get; }

    public float* Q => _queries.Floats;

    public float* Scratch => _scratch.Floats;

    public History History => new(Kv, 0, 0, Table.Pages);

    /// <summary>log2(e) / √D.</summary>
    public float Factor => (float)(1.4426950408889634 / Math.Sqrt(D));

    public void Set(int position, ReadOnlySpan<float> key, ReadOnlySpan<float> value)
    {
        fixed (float* k = key, v = value) Kv.Write(0, 0, Table[position / 16], position % 16, k, v);
    }

    public void SetQuery(params float[] q) => q.CopyTo(new Span<float>(Q, G * D));

    public float[] Filled(float x)
    {
        float[] all = new float[D];
        Array.Fill(all, x);
        return all;
    }

    public float[] Sparq(int r, int k, int local, bool meanValue, out long bytes)
    {
        History.SumValues(new BatchSegment(Table, 0, N, 0));
        float[] output = new float[G * D];
        Assert.True(SparqRow.ScratchFloats(Layout, G, N, k) * sizeof(float) <= _scratch.Bytes);
        fixed (float* o = output) bytes = SparqRow.Run(History, Q, G, Factor, new SparqSize(N, r, k, local, meanValue), o, _scratch.Floats);
        return output;
    }

    public float[] Sparq(int r, int k, int local = 0, bool meanValue = false) => Sparq(r, k, local, meanValue, out _);

    /// <summary>The algorithm as the paper has it (arXiv 2312.04985, algorithm 1 and appendix B), step by step.</summary>
    public double[] SparqInDouble(int r, int k, int local, bool meanValue)
    {
        int[] components = [.. Enumerable.Range(0, D).OrderByDescending(i => Enumerable.Range(0, G).Sum(h => Math.Abs(Q[h * D + i]))).ThenBy(i => i).Take(r)];
        double[][] approximate = [.. Enumerable.Range(0, G).Select(h =>
        {
            double covered = components.Sum(i => Math.Abs((double)Q[h * D + i])), all = Enumerable.Range(0, D).Sum(i => Math.Abs((double)Q[h * D + i]));
            double temperature = covered > 0 ? Math.Sqrt(D * covered / all) : 1;
            return Softmax([.. Enumerable.Range(0, N).Select(t => components.Sum(i => (double)Q[h * D + i] * History.Key(t, i)) / temperature)]);
        })];
        int[] chosen = [.. Enumerable.Range(0, N).OrderByDescending(t => t >= N - local ? double.PositiveInfinity : approximate.Sum(scores => scores[t])).ThenBy(t => t).Take(k)];
        return Mix(chosen, h => meanValue ? chosen.Sum(t => approximate[h][t]) : 1);
    }

    /// <summary>Exact attention to some positions, alpha of the result; the rest of it the mean value.</summary>
    public double[] Mix(int[] chosen, Func<int, double>? alpha = null)
    {
        double[] output = new double[G * D];
        for (int h = 0; h < G; h++)
        {
            double[] weights = Softmax([.. chosen.Select(t => Enumerable.Range(0, D).Sum(i => (double)Q[h * D + i] * History.Key(t, i)) / Math.Sqrt(D))]);
            double share = alpha?.Invoke(h) ?? 1;
            for (int i = 0; i < D; i++)
            {
                double mean = share == 1 ? 0 : Enumerable.Range(0, N).Average(t => (double)History.Value(t, i));
                output[h * D + i] = share * chosen.Select((t, j) => weights[j] * History.Value(t, i)).Sum() + (1 - share) * mean;
            }
        }

        return output;
    }

    public static double[] Softmax(double[] scores)
    {
        double max = scores.Max(), sum = scores.Sum(s => Math.Exp(s - max));
        return [.. scores.Select(s => Math.Exp(s - max) / sum)];
    }

    public static void Close(double[] expected, float[] actual, double tolerance)
    {
        double scale = expected.Max(Math.Abs);
        for (int i = 0; i < expected.Length; i++)
            Assert.True(Math.Abs(expected[i] - actual[i]) <= tolerance * scale, $"Element {i} is {actual[i]} and should be {expected[i]}.");
    }

    public void Dispose()
    {
        Kv.Dispose();
        _scratch.Dispose();
        _queries.Dispose();
    }
}
