using Coppice.Attention;
using Coppice.Backends;
using Coppice.Loading;

namespace Coppice.Models;

/// <summary>A norm's weights, [n] each. Bias null: RMS.</summary>
internal sealed record Norm(float[] Weight, float[]? Bias);

/// <summary>y = x · Wᵀ + b.</summary>
internal sealed record LinearLayer(ILinearWeights Weights, float[]? Bias) : IDisposable
{
    public void Dispose() => Weights.Dispose();
}

/// <summary>First: gate and up behind one another, [2F, E], or up alone, [F, E].</summary>
internal sealed record FeedForward(LinearLayer First, LinearLayer Down) : IDisposable
{
    public long Bytes => First.Weights.Bytes + Down.Weights.Bytes;

    public void Dispose()
    {
        First.Dispose();
        Down.Dispose();
    }
}

/// <summary>The weights of one layer, as the backend keeps them. Null is what the model has not.</summary>
internal sealed class DecoderLayer : IDisposable
{
    public DecoderLayer(WeightLoader load, int layer)
    {
        ModelConfig c = load.Config;
        Rule = c.Rule(layer);
        AttentionNorm = load.Norm(WeightRole.AttentionNorm, WeightRole.AttentionNormBias, layer);
        Qkv = new(load.Matrix(layer, WeightRole.Query, WeightRole.Key, WeightRole.Value), c.QkvBias ? load.Vector(layer, WeightRole.QueryBias, WeightRole.KeyBias, WeightRole.ValueBias) : null);
        if (c.QueryKeyNorms) (QueryNorm, KeyNorm) = (load.NormWeight(WeightRole.QueryNorm, layer), load.NormWeight(WeightRole.KeyNorm, layer));
        AttentionOutput = new(load.Matrix(layer, WeightRole.AttentionOutput), c.AttentionOutputBias ? load.Vector(layer, WeightRole.AttentionOutputBias) : null);
        FeedForwardNorm = load.Norm(WeightRole.FeedForwardNorm, WeightRole.FeedForwardNormBias, layer);
        if (c.Experts is null) FeedForward = load.FeedForward(layer, 0);
        else Experts = new Experts(load, layer);
        if (!c.PostNorms) return;
        AttentionPostNorm = new(load.NormWeight(WeightRole.AttentionPostNorm, layer), null);
        FeedForwardPostNorm = new(load.NormWeight(WeightRole.FeedForwardPostNorm, layer), null);
    }

    public AttentionRule Rule { get; }

    public Norm AttentionNorm { get; }

    public LinearLayer Qkv { get; }

    public float[]? QueryNorm { get; }

    public float[]? KeyNorm { get; }

    public LinearLayer AttentionOutput { get; }

    public Norm? AttentionPostNorm { get; }

    public Norm FeedForwardNorm { get; }

    public FeedForward? FeedForward { get; }

    public Experts? Experts { get; }

    public Norm? FeedForwardPostNorm { get; }

    public long Bytes => Qkv.Weights.Bytes + AttentionOutput.Weights.Bytes + (FeedForward?.Bytes ?? 0) + (Experts?.Bytes ?? 0);

    public void Dispose()
    {
        Qkv.Dispose();
        AttentionOutput.Dispose();
        FeedForward?.Dispose();
        Experts?.Dispose();
    }
}

/// <summary>Takes weights from a file to where they are computed with.</summary>
internal sealed class WeightLoader(ModelConfig config, Func<WeightKey, WeightTensor> weight, IBackend backend)
{
    public ModelConfig Config => config;

    public IBackend Backend => backend;

    public ILinearWeights Matrix(int layer, params ReadOnlySpan<WeightRole> stacked) => Matrix(layer, 0, stacked);

    /// <summary>The first rows of a matrix that no layer has.</summary>
    public ILinearWeights Rows(WeightRole role, int count)
    {
        WeightTensor whole = weight(new WeightKey(role));
        long rows = whole.Shape[0], columns = whole.Shape[1];
        return backend.Load(count == rows ? whole : new TensorPart(whole, new TensorCut([rows, columns], 0, count, rows), [count, columns]));
    }

    public ILinearWeights Router(int layer) => backend.LoadUnrounded(weight(new WeightKey(WeightRole.Router, layer)));

    public FeedForward FeedForward(int layer, int expert)
    {
        ILinearWeights first = config.GatedFeedForward ? Matrix(layer, expert, WeightRole.Gate, WeightRole.Up) : Matrix(layer, expert, WeightRole.Up);
        float[]? firstBias = !config.FeedForwardBias ? null : config.GatedFeedForward ? Vector(layer, WeightRole.GateBias, WeightRole.UpBias) : Vector(layer, WeightRole.UpBias);
        return new(new(first, firstBias), new(Matrix(layer, expert, WeightRole.Down), config.FeedForwardBias ? Vector(layer, WeightRole.DownBias) : null));
    }

    public Norm Norm(WeightRole role, WeightRole bias, int layer) => new(NormWeight(role, layer), config.Norm == NormKind.Layer ? Vector(layer, bias) : null);

    public float[] NormWeight(WeightRole role, int layer)
    {
        float[] values = Vector(layer, role);
        if (config.NormOffset != 0)
            for (int i = 0; i < values.Length; i++) values[i] += config.NormOffset;
        return values;
    }

    /// <summary>Vectors behind one another.</summary>
    public float[] Vector(int layer, params ReadOnlySpan<WeightRole> stacked)
    {
        List<float> all = [];
        foreach (WeightRole role in stacked)
        {
            WeightTensor tensor = weight(new WeightKey(role, layer));
            float[] values = new float[tensor.Shape[^1]];
            tensor.ReadRow(0, values);
            all.AddRange(values);
        }
        return [.. all];
    }

    private ILinearWeights Matrix(int layer, int expert, params ReadOnlySpan<WeightRole> stacked)
    {
        WeightTensor[] tensors = new WeightTensor[stacked.Length];
        for (int i = 0; i < tensors.Length; i++) tensors[i] = weight(new WeightKey(stacked[i], layer, expert));
        return backend.Load(tensors);
    }
}
