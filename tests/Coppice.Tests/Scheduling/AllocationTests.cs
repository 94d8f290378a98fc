using Coppice.Conversion;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Scheduling;
using Coppice.Tests.Golden;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Scheduling;

[Collection(Alone.Name)]
public sealed class AllocationTests
{
    [Theory]
    [InlineData(AttentionMode.Auto, 0f)]
    [InlineData(AttentionMode.PerSequence, 1f)]
    [InlineData(AttentionMode.Bifurcated, 1f)]
    [InlineData(AttentionMode.Sparq, 1f)]
    [InlineData(AttentionMode.SparqGroup, 1f)]
    [InlineData(AttentionMode.LmInfinite, 0f)]
    [InlineData(AttentionMode.H2O, 0f)]
    [InlineData(AttentionMode.TopK, 0f)]
    public void A_steady_decode_step_allocates_nothing_on_any_thread(AttentionMode mode, float temperature)
    {
        StepsAllocateNothing(TestData.SampleModel, new EngineOptions { Attention = mode, Sparq = mode is AttentionMode.Sparq or AttentionMode.SparqGroup ? new SparqOptions { R = 4, K = 16, MeanValue = SparqMeanValue.On } : null, Threads = 2 }, samples: 4, temperature);
    }

    // One row takes other kernels than several.
    [Theory]
    [InlineData(WeightType.Q4_0, 1)]
    [InlineData(WeightType.Q4_0, 4)]
    [InlineData(WeightType.Q4_K, 1)]
    [InlineData(WeightType.Q4_K, 4)]
    [InlineData(WeightType.Q8_0, 1)]
    [InlineData(WeightType.Q8_0, 4)]
    public void Nor_does_one_with_quantised_weights(WeightType type, int samples)
    {
        using TempFolder folder = new();
        string path = folder.File("q.gguf");
        using (ConversionSource source = ConversionSource.Open(TestData.SampleModel)) ModelConversion.Run(source, type, path, _ => { }, CancellationToken.None);
        StepsAllocateNothing(path, new EngineOptions { Threads = 2 }, samples, temperature: 0f);
    }

    private static void StepsAllocateNothing(string model, EngineOptions engineOptions, int samples, float temperature)
    {
        using TestEngine engine = new(model, engineOptions);
        int[] document = [1, .. Enumerable.Range(0, 200).Select(i => 3 + i * 31 % 1000)];
        GenerateOptions options = new() { N = samples, MaxTokens = 1500, Temperature = temperature, Seed = 1, TopP = 0.9f, IgnoreEndOfText = true, Stop = ["never said"] };
        Request[] requests = samples == 1 ? [engine.Submit(document, options)] : [engine.Submit(document, options), engine.Submit([.. document, 5, 6, 7], options), engine.Submit([.. document.AsSpan(0, 90), 9], options)];
        for (int step = 0; step < 120; step++) engine.Core.Step();
        // The test runner's own threads allocate every now and then. Sixteen steps, in which every sequence fills and publishes
        // a page, are over before they do: one clean window is proof, and an allocation of ours would be in all of them.
        long least = long.MaxValue;
        for (int window = 0; window < 80 && least > 0; window++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 0; step < KvLayout.PageTokens; step++) engine.Core.Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.All(requests, request => Assert.False(request.IsFinished));
        Assert.Equal(0, least);
    }
}
