using Coppice.Attention;
using Coppice.Backends;
using Coppice.Kernels;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Scheduling;

namespace Coppice.Models;

/// <summary>
/// The one forward pass of all families: a stack of layers, each attention and then a feed-forward layer upon a residual stream (arXiv 1706.03762),
/// as the model's config describes it.
/// </summary>
internal sealed class Decoder : IDisposable
{
    private readonly ModelConfig _config;
    private readonly IBackend _backend;
    private readonly WeightTensor _embedding;
    private readonly DecoderLayer[] _layers;
    private readonly Norm _outputNorm;
    private readonly ILinearWeights _output;
    private readonly RopeTable _rope;
    private readonly RopeTable? _localRope;

    /// <param name="source">Its file must stay open: the embedding is read from it.</param>
    /// <param name="backend">Runs the verbs.</param>
    /// <param name="maxPositions">Longest sequence that the model is set up for: RoPE may be scaled by it.</param>
    /// <param name="positions">Longest sequence that there is room for, of at most <paramref name="maxPositions"/>.</param>
    /// <param name="tokens">Logits that are computed: those of the tokenizer's tokens, T of at most V.</param>
    public Decoder(ModelSource source, IBackend backend, int maxPositions, int positions, int tokens)
        : this(source.Config, source.Weight, backend, maxPositions, positions, tokens)
    {
    }

    /// <param name="config">What the model is.</param>
    /// <param name="weight">Its weights. The embedding is read from as long as the model lives.</param>
    /// <param name="backend">Runs the verbs.</param>
    /// <param name="maxPositions">Longest sequence that the model is set up for: RoPE may be scaled by it.</param>
    /// <param name="positions">Longest sequence that there is room for, of at most <paramref name="maxPositions"/>.</param>
    /// <param name="tokens">Logits that are computed, T of at most V: what lies behind them pads the checkpoint.</param>
    public Decoder(ModelConfig config, Func<WeightKey, WeightTensor> weight, IBackend backend, int maxPositions, int positions, int tokens)
    {
        _config = config;
        _backend = backend;
        WeightLoader load = new(config, weight, backend);
        _embedding = weight(new WeightKey(WeightRole.Embedding));
        _layers = [.. Enumerable.Range(0, config.Layers).Select(layer => new DecoderLayer(load, layer))];
        _outputNorm = load.Norm(WeightRole.OutputNorm, WeightRole.OutputNormBias, 0);
        _output = load.Rows(WeightRole.Output, tokens);
        _rope = Table(config.Rope, maxPositions, positions);
        _localRope = config.LocalRope is null ? null : Table(config.LocalRope, maxPositions, positions);
    }

    /// <summary>Bytes of the weights as the backend keeps them.</summary>
    public long WeightBytes => _output.Bytes + _layers.Sum(layer => layer.Bytes);

    /// <summary>Computes the batch's rows, writes their keys and values, and returns the logits of the rows that want them, [wanted, T].</summary>
    public Matrix Forward(Batch batch, AttentionPlan plan, KvPages kv, StepArena arena) => Forward(batch, plan, kv, arena, out _);

    /// <inheritdoc cref="Forward(Batch, AttentionPlan, KvPages, StepArena)"/>
    /// <param name="batch">The rows.</param>
    /// <param name="plan">Which of them read which pages together.</param>
    /// <param name="kv">Their keys and values.</param>
    /// <param name="arena">Scratch.</param>
    /// <param name="hidden">The states after the last norm of the rows that want those, [wanted, E].</param>
    public Matrix Forward(Batch batch, AttentionPlan plan, KvPages kv, StepArena arena, out Matrix hidden)
    {
        int rows = batch.Rows, e = _config.HiddenSize, queries = _config.Heads * _config.HeadSize, keys = _config.KvHeads * _config.HeadSize;
        Matrix x = arena.Matrix(rows, e), normed = arena.Matrix(rows, e), delta = arena.Matrix(rows, e);
        Matrix qkv = arena.Matrix(rows, queries + 2 * keys), attended = arena.Matrix(rows, queries);
        Matrix q = qkv.Slice(0, queries), k = qkv.Slice(queries, keys), v = qkv.Slice(queries + keys, keys);
        FeedForwardScratch scratch = new(_config, rows, arena);
        _backend.Embed(_embedding, batch.Tokens, x);
        if (_config.EmbeddingScale != 1) _backend.Scale(_config.EmbeddingScale, x);
        for (int i = 0; i < _layers.Length; i++)
        {
            DecoderLayer layer = _layers[i];
            Normalise(x, layer.AttentionNorm, normed);
            Apply(normed, layer.Qkv, qkv);
            if (layer.QueryNorm is not null) _backend.RmsNorm(q, layer.QueryNorm, _config.NormEpsilon, q);
            if (layer.KeyNorm is not null) _backend.RmsNorm(k, layer.KeyNorm, _config.NormEpsilon, k);
            _backend.Rope(qkv.Slice(0, queries + keys), _config.HeadSize, _localRope is not null && _config.IsWindowed(i) ? _localRope : _rope, batch.Positions);
            _backend.Store(kv, i, k, v, batch);
            _backend.Attend(kv, i, q, layer.Rule, batch, plan, attended);
            Apply(attended, layer.AttentionOutput, delta);
            if (layer.AttentionPostNorm is not null) Normalise(delta, layer.AttentionPostNorm, delta);
            if (_config.ParallelResidual) Normalise(x, layer.FeedForwardNorm, normed);
            _backend.Add(delta, x);
            if (!_config.ParallelResidual) Normalise(x, layer.FeedForwardNorm, normed);
            if (layer.Experts is not null) layer.Experts.Run(normed, scratch, delta);
            else FeedForward(layer.FeedForward!, normed, scratch, delta);
            if (layer.FeedForwardPostNorm is not null) Normalise(delta, layer.FeedForwardPostNorm, delta);
            _backend.Add(delta, x);
        }

        hidden = arena.Matrix(batch.HiddenRows.Length, e);
        _backend.Gather(x, batch.HiddenRows, hidden);
        Normalise(hidden, _outputNorm, hidden);
        ReadOnlySpan<int> wanted = batch.LogitRows;
        Matrix last = arena.Matrix(wanted.Length, e), logits = arena.Matrix(wanted.Length, _output.Outputs);
        _backend.Gather(x, wanted, last);
        Normalise(last, _outputNorm, last);
        _backend.Linear(last, _output, logits);
        if (_config.LogitSoftCap != 0) _backend.SoftCap(_config.LogitSoftCap, logits);
        return logits;
    }

    public void Dispose()
    {
        foreach (DecoderLayer layer in _layers) layer.Dispose();
        _output.Dispose();
        _rope.Dispose();
        _localRope?.Dispose();
    }

    private void FeedForward(FeedForward layer, Matrix x, in FeedForwardScratch scratch, Matrix y)
    {
        Apply(x, layer.First, scratch.Between);
        scratch.Activate(_backend, _config);
        Apply(scratch.Activated, layer.Down, y);
    }

    private void Normalise(Matrix x, Norm norm, Matrix y)
    {
        if (norm.Bias is null) _backend.RmsNorm(x, norm.Weight, _config.NormEpsilon, y);
        else _backend.LayerNorm(x, norm.Weight, norm.Bias, _config.NormEpsilon, y);
    }

    private void Apply(Matrix x, LinearLayer layer, Matrix y)
    {
        _backend.Linear(x, layer.Weights, y);
        if (layer.Bias is not null) _backend.AddBias(layer.Bias, y);
    }

    private static RopeTable Table(RopeConfig rope, int maxPositions, int positions) =>
        new(RopeFrequencies.Of(rope, maxPositions), positions, rope.Pairing, rope.Scaling?.AttentionFactor ?? 1);
}
