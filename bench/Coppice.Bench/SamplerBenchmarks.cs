using BenchmarkDotNet.Attributes;
using Coppice.Sampling;

namespace Coppice.Bench;

/// <summary>One draw from a row of logits.</summary>
public class SamplerBenchmarks
{
    private const int Vocabulary = 32_000;

    private readonly Sampler _sampler = new(Vocabulary);
    private readonly float[] _logits = MakeLogits();
    private readonly SamplingState _greedy = State(new GenerateOptions { Temperature = 0, Seed = 1 });
    private readonly SamplingState _nucleus = State(new GenerateOptions { Temperature = 0.8f, TopP = 0.95f, Seed = 1 });
    private readonly SamplingState _topK = State(new GenerateOptions { Temperature = 0.8f, TopK = 40, Seed = 1 });

    /// <summary>The likeliest token.</summary>
    [Benchmark(Baseline = true)]
    public int Greedy() => _sampler.Sample(_logits, _greedy);

    /// <summary>Top-p.</summary>
    [Benchmark]
    public int TopP() => _sampler.Sample(_logits, _nucleus);

    /// <summary>Top-k.</summary>
    [Benchmark]
    public int TopK() => _sampler.Sample(_logits, _topK);

    private static SamplingState State(GenerateOptions options) => new(options, [], [], Vocabulary, int.MaxValue);

    private static float[] MakeLogits()
    {
        var random = new Random(1);
        return [.. Enumerable.Range(0, Vocabulary).Select(_ => (float)(random.NextDouble() * 12 - 6))];
    }
}
