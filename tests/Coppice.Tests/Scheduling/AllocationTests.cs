using Coppice.KvCache;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

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
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { Attention = mode, Sparq = mode is AttentionMode.Sparq or AttentionMode.SparqGroup ? new SparqOptions { R = 4, K = 16, MeanValue = SparqMeanValue.On } : null, Threads = 2 });
        int[] document = [1, .. Enumerable.Range(0, 200).Select(i => 3 + i * 31 % 1000)];
        GenerateOptions options = new() { N = 4, MaxTokens = 400, Temperature = temperature, Seed = 1, TopP = 0.9f, IgnoreEndOfText = true, Stop = ["never said"] };
        Request[] requests = [engine.Submit(document, options), engine.Submit([.. document, 5, 6, 7], options), engine.Submit([.. document.AsSpan(0, 90), 9], options)];
        for (int step = 0; step < 120; step++) engine.Core.Step();
        // The test runner's own threads allocate every now and then. Sixteen steps, in which every sequence fills and publishes
        // a page, are over before they do: one clean window is proof, and an allocation of ours would be in all of them.
        long least = long.MaxValue;
        for (int window = 0; window < 16 && least > 0; window++)
        {
            long before = GC.GetTotalAllocatedBytes(precise: true);
            for (int step = 0; step < KvLayout.PageTokens; step++) engine.Core.Step();
            least = Math.Min(least, GC.GetTotalAllocatedBytes(precise: true) - before);
        }

        Assert.All(requests, request => Assert.False(request.IsFinished));
        Assert.Equal(0, least);
    }
}
