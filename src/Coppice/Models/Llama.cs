using Coppice.Attention;
using Coppice.Backends;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Scheduling;

namespace Coppice.Models;

/// <summary>The Llama family: pre-norm, RoPE, grouped-query attention, SwiGLU (arXiv 2302.13971, 2307.09288).</summary>
internal sealed class Llama : IDisposable
{
    private readonly ModelConfig _config;
    private readonly IBackend _backend;
    private readonly WeightTensor _embedding;
    private readonly Layer[] _layers;
    private readonly float[] _outputNorm;
    private readonly ILinearWeights _output;
    private readonly RopeTable _rope;

    /// <param name="source">Its file must stay open: the embedding is read from it.</param>
    /// <param name="backend">Runs the verbs.</param>
    /// <param name="maxPositions">Longest sequence.</param>
    public Llama(ModelSource source, IBackend backend, int maxPositions)
        : this(source.Config, source.Weight, backend, maxPositions)
    {
    }

    /// <param name="config">Sizes.</param>
    /// <param name="weight">A weight by its role and layer; the layer counts only for weights of layers. The embedding is read from as long as the model lives.</param>
    /// <param name="backend">Runs the verbs.</param>
    /// <param name="maxPositions">Longest sequence.</param>
    public Llama(ModelConfig config, Func<LlamaWeight, int, WeightTensor> weight, IBackend backend, int maxPositions)
    {
        _config = config;
        _backend = backend;
        _embedding = weight(LlamaWeight.Embedding, 0);
        _layers = new Layer[_config.Layers];
        for (int i = 0; i < _layers.Length; i++)
        {
            _layers[i] = new Layer(
                Vector(weight(LlamaWeight.AttentionNorm, i)),
                backend.Load(weight(LlamaWeight.Query, i), weight(LlamaWeight.Key, i), weight(LlamaWeight.Value, i)),
                backend.Load(weight(LlamaWeight.AttentionOutput, i)),
                Vector(weight(LlamaWeight.FeedForwardNorm, i)),
                backend.Load(weight(LlamaWeight.Gate, i), weight(LlamaWeight.Up, i)),
                backend.Load(weight(LlamaWeight.Down, i)));
        }

        _outputNorm = Vector(weight(LlamaWeight.OutputNorm, 0));
        _output = backend.Load(weight(LlamaWeight.Output, 0));
        _rope = RopeTable.Create(_config.HeadSize, _config.RopeBase, maxPositions, _config.RopePairing);
    }

    /// <summary>Bytes of the weights as the backend keeps them.</summary>
    public long WeightBytes => _output.Bytes + _layers.Sum(layer => layer.Qkv.Bytes + layer.AttentionOutput.Bytes + layer.GateUp.Bytes + layer.Down.Bytes);

    /// <summary>Computes the batch's rows, writes their keys and values, and returns the logits of the rows that want them, [wanted, V].</summary>
    public Matrix Forward(Batch batch, AttentionPlan plan, KvPages kv, StepArena arena)
    {
        int rows = batch.Rows, e = _config.HiddenSize, f = _config.FeedForwardSize, d = _config.HeadSize;
        AttentionRule rule = AttentionRule.Plain(d) with { Window = _config.LargestWindow };
        int queries = _config.Heads * d, keys = _config.KvHeads * d;
        Matrix x = arena.Matrix(rows, e), normed = arena.Matrix(rows, e), qkv = arena.Matrix(rows, queries + 2 * keys);
        Matrix attended = arena.Matrix(rows, queries), gateUp = arena.Matrix(rows, 2 * f), delta = arena.Matrix(rows, e);
        Matrix q = qkv.Slice(0, queries), k = qkv.Slice(queries, keys), v = qkv.Slice(queries + keys, keys), gate = gateUp.Slice(0, f);
        _backend.Embed(_embedding, batch.Tokens, x);
        for (int i = 0; i < _layers.Length; i++)
        {
            Layer layer = _layers[i];
            _backend.RmsNorm(x, layer.AttentionNorm, _config.NormEpsilon, normed);
            _backend.Linear(normed, layer.Qkv, qkv);
            _backend.Rope(qkv.Slice(0, queries + keys), _rope, batch.Positions);
            _backend.Store(kv, i, k, v, batch);
            _backend.Attend(kv, i, q, rule, batch, plan, attended);
            _backend.Linear(attended, layer.AttentionOutput, delta);
            _backend.Add(delta, x);
            _backend.RmsNorm(x, layer.FeedForwardNorm, _config.NormEpsilon, normed);
            _backend.Linear(normed, layer.GateUp, gateUp);
            _backend.SwiGlu(gate, gateUp.Slice(f, f), gate);
            _backend.Linear(gate, layer.Down, delta);
            _backend.Add(delta, x);
        }

        ReadOnlySpan<int> wanted = batch.LogitRows;
        Matrix last = arena.Matrix(wanted.Length, e), logits = arena.Matrix(wanted.Length, _config.VocabularySize);
        for (int i = 0; i < wanted.Length; i++) x.Row(wanted[i]).CopyTo(last.Row(i));
        _backend.RmsNorm(last, _outputNorm, _config.NormEpsilon, last);
        _backend.Linear(last, _output, logits);
        return logits;
    }

    public void Dispose()
    {
        foreach (Layer layer in _layers) layer.Dispose();
        _output.Dispose();
        _rope.Dispose();
    }

    private static float[] Vector(WeightTensor tensor)
    {
        float[] values = new float[tensor.Shape[^1]];
        tensor.ReadRow(0, values);
        return values;
    }

    private sealed record Layer(float[] AttentionNorm, ILinearWeights Qkv, ILinearWeights AttentionOutput, float[] FeedForwardNorm, ILinearWeights GateUp, ILinearWeights Down)
    {
        public void Dispose()
        {
            Qkv.Dispose();
            AttentionOutput.Dispose();
            GateUp.Dispose();
            Down.Dispose();
        }
    }
}
