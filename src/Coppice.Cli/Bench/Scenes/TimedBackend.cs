using System.Diagnostics;
using Coppice.Attention;
using Coppice.Backends;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Scheduling;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Counts the time of a backend's verbs, so that the engine itself need not.</summary>
internal sealed class TimedBackend(IBackend inner) : IBackend
{
    public long LinearTicks { get; private set; }

    public long AttentionTicks { get; private set; }

    /// <summary>Leaves attention out, for the bound that no attention can pass. The numbers are wrong then.</summary>
    public bool SkipsAttention { get; set; }

    public int Threads => inner.Threads;

    public void Run<TWork>(TWork work, int items) where TWork : IParallelWork => inner.Run(work, items);

    public ILinearWeights Load(params WeightTensor[] stacked) => inner.Load(stacked);

    public void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x) => inner.Embed(table, tokens, x);

    public void Gather(Matrix x, ReadOnlySpan<int> rows, Matrix y) => inner.Gather(x, rows, y);

    public void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y) => inner.RmsNorm(x, weight, epsilon, y);

    public void LayerNorm(Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon, Matrix y) => inner.LayerNorm(x, weight, bias, epsilon, y);

    public void Linear(Matrix x, ILinearWeights weights, Matrix y)
    {
        long start = Stopwatch.GetTimestamp();
        inner.Linear(x, weights, y);
        LinearTicks += Stopwatch.GetTimestamp() - start;
    }

    public void AddBias(ReadOnlySpan<float> bias, Matrix y) => inner.AddBias(bias, y);

    public void Rope(Matrix heads, int headSize, RopeTable table, ReadOnlySpan<int> positions) => inner.Rope(heads, headSize, table, positions);

    public void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch) => inner.Store(kv, layer, keys, values, batch);

    public void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output)
    {
        long start = Stopwatch.GetTimestamp();
        if (SkipsAttention) Copy(q, output);
        else inner.Attend(kv, layer, q, rule, batch, plan, output);
        AttentionTicks += Stopwatch.GetTimestamp() - start;
    }

    public void Gate(Activation f, Matrix gate, Matrix up, Matrix y) => inner.Gate(f, gate, up, y);

    public void Activate(Activation f, Matrix x, Matrix y) => inner.Activate(f, x, y);

    public void Combine(Matrix x, ReadOnlySpan<int> places, ReadOnlySpan<float> weights, Matrix y) => inner.Combine(x, places, weights, y);

    public void Scale(float factor, Matrix y) => inner.Scale(factor, y);

    public void SoftCap(float cap, Matrix y) => inner.SoftCap(cap, y);

    public void Add(Matrix x, Matrix y) => inner.Add(x, y);

    public void Dispose() => inner.Dispose();

    // The next layer must find ordinary numbers.
    private static void Copy(Matrix from, Matrix to)
    {
        for (int row = 0; row < to.Rows; row++) from.Row(row).CopyTo(to.Row(row));
    }
}
