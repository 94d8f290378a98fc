using Coppice.Attention;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Scheduling;

namespace Coppice.Backends;

/// <summary>A linear layer's weights as a backend keeps them.</summary>
internal interface ILinearWeights : IDisposable
{
    int Inputs { get; }

    int Outputs { get; }

    long Bytes { get; }
}

/// <summary>
/// The verbs of a forward pass. Rows are tokens and never influence each other, but through <see cref="Attend"/>.
/// </summary>
internal interface IBackend : IDisposable
{
    /// <summary>Threads that <see cref="Attend"/> and <see cref="Run{TWork}"/> can keep busy.</summary>
    int Threads { get; }

    /// <summary>Runs what is no verb of the model on the backend's threads, and returns when all is done.</summary>
    void Run<TWork>(TWork work, int items) where TWork : IParallelWork;

    /// <summary>Takes the weights of layers with the same inputs, [outputs, inputs] each, behind one another.</summary>
    ILinearWeights Load(params WeightTensor[] stacked);

    /// <summary>x[r] = table[tokens[r]].  table: [V, E], x: [T, E].</summary>
    void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x);

    /// <summary>y[i] = x[rows[i]].  x: [T, E], rows: [N], y: [N, E], apart from x.</summary>
    void Gather(Matrix x, ReadOnlySpan<int> rows, Matrix y);

    /// <summary>y = x / rms(x) · weight, for every n elements of a row by themselves.  x, y: [T, groups · n], weight: [n]; y may be x.</summary>
    void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y);

    /// <summary>y[r] = (x[r] - mean) / deviation · weight + bias.  x, y: [T, E]; y may be x.</summary>
    void LayerNorm(Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon, Matrix y);

    /// <summary>y = x · Wᵀ.  x: [T, inputs], y: [T, outputs].</summary>
    void Linear(Matrix x, ILinearWeights weights, Matrix y);

    /// <summary>y[r] += bias.  bias: [n], y: [T, n].</summary>
    void AddBias(ReadOnlySpan<float> bias, Matrix y);

    /// <summary>Turns every head of every row by its position, in place: the first elements of it, as many as the table has.  heads: [T, heads · D].</summary>
    void Rope(Matrix heads, int headSize, RopeTable table, ReadOnlySpan<int> positions);

    /// <summary>Writes the batch's keys and values into its pages.  keys, values: [T, Hkv · D].</summary>
    void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch);

    /// <summary>output[r] = softmax(q[r] · Kᵀ · scale) · V as <paramref name="rule"/> says, over the positions up to the row's own.  q, output: [T, H · D].</summary>
    void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output);

    /// <summary>y = f(gate) · up.  All [T, F]; y may be one of them.</summary>
    void Gate(Activation f, Matrix gate, Matrix up, Matrix y);

    /// <summary>y = f(x).  [T, F]; y may be x.</summary>
    void Activate(Activation f, Matrix x, Matrix y);

    /// <summary>y[r] = Σ weights[r][i] · x[places[r][i]], in the order of i.  x: [N, E], places, weights: [T][k], y: [T, E], apart from x.</summary>
    void Combine(Matrix x, ReadOnlySpan<int> places, ReadOnlySpan<float> weights, Matrix y);

    /// <summary>y *= factor.</summary>
    void Scale(float factor, Matrix y);

    /// <summary>y = cap · tanh(y / cap).</summary>
    void SoftCap(float cap, Matrix y);

    /// <summary>y += x.  [T, E].</summary>
    void Add(Matrix x, Matrix y);
}
