using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Memory;

namespace Coppice.Models;

/// <summary>
/// A mixture of experts (arXiv 2401.04088). The rows that chose an expert are brought together and go through it in one product; then each row adds up
/// what its experts gave, in their order. A row's bits come from its own numbers only: neither the choice nor a product nor the sum
/// looks at other rows.
/// </summary>
internal sealed class Experts : IDisposable
{
    private readonly IBackend _backend;
    private readonly ModelConfig _config;
    private readonly ILinearWeights _router;
    private readonly FeedForward[] _experts;

    public Experts(WeightLoader load, int layer)
    {
        (_backend, _config) = (load.Backend, load.Config);
        _router = load.Router(layer);
        _experts = [.. Enumerable.Range(0, _config.Experts!.Count).Select(expert => load.FeedForward(layer, expert))];
    }

    public long Bytes => _router.Bytes + _experts.Sum(expert => expert.Bytes);

    /// <summary>y[r] = Σ weight · expert(x[r]) over the row's experts.  x, y: [T, E].</summary>
    public void Run(Matrix x, in FeedForwardScratch scratch, Matrix y)
    {
        _backend.Linear(x, _router, scratch.RouterOutputs);
        for (int row = 0; row < x.Rows; row++) Routing.Choose(scratch.RouterOutputs.Row(row), _config.Experts!.Normalized, scratch.Chosen(row), scratch.Weights(row));
        Routing.Group(scratch.Chosen(), _config.Experts!.PerToken, scratch.ExpertFirst, scratch.Sources, scratch.Places);

        _backend.Gather(x, scratch.Sources, scratch.Inputs);
        for (int i = 0; i < _experts.Length; i++) Multiply(i, scratch.Inputs, _experts[i].First, scratch.Between, scratch.ExpertFirst);
        scratch.Activate(_backend, _config);
        for (int i = 0; i < _experts.Length; i++) Multiply(i, scratch.Activated, _experts[i].Down, scratch.Outputs, scratch.ExpertFirst);
        _backend.Combine(scratch.Outputs, scratch.Places, scratch.Weights(), y);
    }

    public void Dispose()
    {
        _router.Dispose();
        foreach (FeedForward expert in _experts) expert.Dispose();
    }

    private void Multiply(int expert, Matrix x, LinearLayer layer, Matrix y, ReadOnlySpan<int> expertFirst)
    {
        int first = expertFirst[expert], count = expertFirst[expert + 1] - first;
        if (count > 0) _backend.Linear(x.RowRange(first, count), layer.Weights, y.RowRange(first, count));
    }
}

/// <summary>Scratch of the feed-forward layers of a step, the same for every layer. With experts, a row of it is a row of the batch at one of its experts. N: rows of it.</summary>
internal readonly ref struct FeedForwardScratch
{
    private readonly Span<int> _chosen;
    private readonly Span<float> _weights;
    private readonly int _perToken;

    public FeedForwardScratch(ModelConfig config, int rows, StepArena arena)
    {
        int n = rows;
        if (config.Experts is ExpertConfig experts)
        {
            n = rows * experts.PerToken;
            _perToken = experts.PerToken;
            _chosen = arena.Ints(n);
            _weights = arena.Floats(n);
            RouterOutputs = arena.Matrix(rows, experts.Count);
            ExpertFirst = arena.Ints(experts.Count + 1);
            Sources = arena.Ints(n);
            Places = arena.Ints(n);
            Inputs = arena.Matrix(n, config.HiddenSize);
            Outputs = arena.Matrix(n, config.HiddenSize);
        }
        Between = arena.Matrix(n, config.GatedFeedForward ? 2 * config.FeedForwardSize : config.FeedForwardSize);
        Activated = Between.Slice(0, config.FeedForwardSize);
    }

    /// <summary>[T, X]</summary>
    public Matrix RouterOutputs { get; }

    /// <summary>Rows [ExpertFirst[x], ExpertFirst[x + 1]) are expert x's.  [X + 1]</summary>
    public Span<int> ExpertFirst { get; }

    /// <summary>The batch's row behind each row.  [N]</summary>
    public Span<int> Sources { get; }

    /// <summary>Where the rows of the batch's row r at its experts lie: [T][experts of a row].</summary>
    public Span<int> Places { get; }

    /// <summary>[N, E]</summary>
    public Matrix Inputs { get; }

    /// <summary>[N, E]</summary>
    public Matrix Outputs { get; }

    /// <summary>Between the two products: [N, 2F], gate and up, or [N, F].</summary>
    public Matrix Between { get; }

    /// <summary>Its first part, which takes the activation's result.  [N, F]</summary>
    public Matrix Activated { get; }

    /// <summary>A row's experts, ascending.</summary>
    public Span<int> Chosen(int row) => _chosen.Slice(row * _perToken, _perToken);

    public Span<int> Chosen() => _chosen;

    /// <summary>What they count.</summary>
    public Span<float> Weights(int row) => _weights.Slice(row * _perToken, _perToken);

    public Span<float> Weights() => _weights;

    public void Activate(IBackend backend, ModelConfig config)
    {
        if (config.GatedFeedForward) backend.Gate(config.Activation, Activated, Between.Slice(config.FeedForwardSize, config.FeedForwardSize), Activated);
        else backend.Activate(config.Activation, Between, Between);
    }
}
