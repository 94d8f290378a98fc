using Coppice.Attention;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
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
    /// <summary>Threads that <see cref="Attend"/> can keep busy.</summary>
    int Threads { get; }

    /// <summary>Takes the weights of layers with the same inputs, [outputs, inputs] each, behind one another.</summary>
    ILinearWeights Load(params WeightTensor[] stacked);

    /// <summary>x[r] = table[tokens[r]].  table: [V, E], x: [T, E].</summary>
    void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x);

    /// <summary>y[r] = x[r] / rms(x[r]) · weight.  x, y: [T, E]; y may be x.</summary>
    void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y);

    /// <summary>y = x · Wᵀ.  x: [T, inputs], y: [T, outputs].</summary>
    void Linear(Matrix x, ILinearWeights weights, Matrix y);

    /// <summary>Turns every head of every row by its position, in place.  heads: [T, heads · D].</summary>
    void Rope(Matrix heads, RopeTable table, ReadOnlySpan<int> positions);

    /// <summary>Writes the batch's keys and values into its pages.  keys, values: [T, Hkv · D].</summary>
    void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch);

    /// <summary>output[r] = softmax(q[r] · Kᵀ · scale) · V as <paramref name="rule"/> says, over the positions up to the row's own.  q, output: [T, H · D].</summary>
    void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output);

    /// <summary>y = silu(gate) · up.  All [T, F]; y may be one of them.</summary>
    void SwiGlu(Matrix gate, Matrix up, Matrix y);

    /// <summary>y += x.  [T, E].</summary>
    void Add(Matrix x, Matrix y);
}
