using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

/// <summary>
/// The promise: a request's logits and tokens do not depend on its batch mates, on what is cached, on where the tree
/// branches, on chunks, threads, pauses, arrival or the exact mode.
/// </summary>
public sealed class SameBitsTests
{
    private const string Stories = "testdata/stories260K/hf";

    public static TheoryData<int> Seeds => [.. Enumerable.Range(0, 12)];

    [Theory, MemberData(nameof(Seeds))]
    public void Logits_of_the_sample_model_are_the_same_alone_and_under_any_circumstances(int seed) => Check(TestData.SampleModel, seed, vocabulary: 1024, longestPrompt: 260);

    [SharedTheory, MemberData(nameof(Seeds))]
    public void Logits_of_stories260K_are_the_same_alone_and_under_any_circumstances(int seed) => Check(TestData.Shared(Stories), seed + 100, vocabulary: 512, longestPrompt: 200);

    [Theory, MemberData(nameof(Seeds))]
    public void Logits_behind_a_sliding_window_are_the_same_alone_and_under_any_circumstances(int seed) =>
        Check(TestData.SampleModel, seed + 200, vocabulary: 1024, longestPrompt: 260, window: new[] { 1, 16, 23, 64, 65, 100 }[seed % 6]);

    private static void Check(string model, int seed, int vocabulary, int longestPrompt, int window = 0)
    {
        Random random = new(seed);
        KvFormat format = seed % 3 == 0 ? KvFormat.BF16 : KvFormat.F32;
        Workload workload = new(seed, vocabulary, requests: 10, longestPrompt);
        Workload.Trace trace = workload.Alone(model, format, window);
        Assert.True(trace.Logits > 10);
        int context = longestPrompt + 40;
        for (int round = 0; round < 3; round++)
        {
            EngineOptions options = new()
            {
                Attention = Enum.GetValues<AttentionMode>()[random.Next(4)],
                Kv = format,
                Threads = random.Next(1, 4),
                MaxBatch = random.Next(1, 24),
                PrefillChunk = new[] { 1, 7, 16, 33, 64, 512 }[random.Next(6)],
                MaxContextTokens = context,
                // Sometimes hardly more than one sequence fits: pauses and evictions.
                KvBytes = random.Next(2) == 0 ? null : PageBytes(model, format) * (context / 16 + 2 + random.Next(20)),
            };
            // A window needs less, but not less than itself and a chunk.
            if (window > 0 && options.KvBytes is long && options.PrefillChunk <= 64) options = options with { KvBytes = PageBytes(model, format) * ((window + options.PrefillChunk + 128) / 16 + 2 + random.Next(3)) };
            using TestEngine engine = new(model, options, window: window);
            trace.SameBits(engine, random);
            trace.SameBits(engine, random);     // and once more, with whatever is cached now
        }
    }

    private static long PageBytes(string model, KvFormat format)
    {
        using TestEngine engine = new(model, new EngineOptions { Kv = format });
        return engine.Core.Kv.Layout.PageBytes;
    }
}
