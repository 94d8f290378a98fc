using Coppice.Attention;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Tests.Golden;
using Coppice.Tests.Kernels;

namespace Coppice.Tests.Scheduling;

/// <summary>The promise holds for approximate modes as well: what a request gets does not depend on its company, on what is cached, on pauses, chunks or threads.</summary>
public sealed class SparseSameBitsTests
{
    private const int LongestPrompt = 220, Context = LongestPrompt + 40;

    public static TheoryData<int, AttentionMode> Cases
    {
        get
        {
            var data = new TheoryData<int, AttentionMode>();
            for (int seed = 0; seed < 4; seed++)
            {
                data.Add(seed, AttentionMode.Sparq);
                data.Add(seed, new[] { AttentionMode.LmInfinite, AttentionMode.H2O, AttentionMode.TopK }[seed % 3]);
            }

            return data;
        }
    }

    [Theory, MemberData(nameof(Cases))]
    public void Logits_are_the_same_alone_and_under_any_circumstances(int seed, AttentionMode mode)
    {
        Random random = new(seed);
        EngineOptions options = Options(mode, seed % 3 == 2 ? KvFormat.BF16 : KvFormat.F32) with
        {
            Sparq = mode != AttentionMode.Sparq ? null : seed % 2 == 0 ? new SparqOptions { R = 4, K = 16, MeanValue = SparqMeanValue.On } : new SparqOptions { R = 2, K = 24, Local = 3 },
        };
        Workload workload = new(seed, vocabulary: 1024, requests: 8, LongestPrompt);
        Workload.Trace trace = workload.Alone(TestData.SampleModel, options with { Threads = 1 });
        Assert.True(trace.Logits > 10);
        for (int round = 0; round < 2; round++)
        {
            using TestEngine engine = new(TestData.SampleModel, options with
            {
                Threads = random.Next(1, 4),
                MaxBatch = random.Next(1, 16),
                PrefillChunk = new[] { 1, 7, 16, 33, 64, 512 }[random.Next(6)],
                // Sometimes hardly more than one sequence fits: pauses and evictions.
                KvBytes = round == 0 ? null : PageBytes(options) * (Context / 16 + 2 + random.Next(20)),
            });
            trace.SameBits(engine, random);
            trace.SameBits(engine, random);     // and once more, with whatever is cached now
            Assert.True(engine.Core.Metrics.SparseDecodeRows > 0);
        }
    }

    [Fact]
    public void A_prompt_that_says_what_was_generated_is_computed_exactly()
    {
        int[] prompt = [1, .. Enumerable.Range(0, 100).Select(i => 3 + i * 37 % 1000)];
        GenerateOptions thirty = new() { MaxTokens = 30, Temperature = 0, IgnoreEndOfText = true };
        using TestEngine exact = new(TestData.SampleModel), sparq = new(TestData.SampleModel, Options(AttentionMode.Sparq, KvFormat.F32) with { Sparq = new SparqOptions { R = 2, K = 4 } });
        int[] answer = sparq.Complete(prompt, thirty);
        Assert.True(sparq.Core.Metrics.SparseDecodeRows > 20);
        float[] expected = FirstLogits(exact, [.. prompt, .. answer]), actual = FirstLogits(sparq, [.. prompt, .. answer]);
        Levels.SameBits(expected, actual, "logits behind an exact prompt");
        // And the other way round: an exact page of the same tokens does not come into a sequence that is computed again.
        Coppice.Scheduling.Request again = sparq.Submit(prompt, thirty);
        for (int step = 0; step < 25; step++) sparq.Core.Step();
        sparq.Core.PauseYoungest();
        sparq.Run();
        Assert.Equal(answer, TestEngine.Answer(again));
    }

    [Fact]
    public void Both_backends_give_the_same_bits()
    {
        EngineOptions options = Options(AttentionMode.Sparq, KvFormat.F32) with { Sparq = new SparqOptions { R = 4, K = 8, MeanValue = SparqMeanValue.On }, MaxBatch = 4 };
        int[] prompt = [1, .. Enumerable.Range(0, 60).Select(i => 3 + i * 41 % 1000)];
        List<float[]>[] seen = [[], []];
        for (int i = 0; i < 2; i++)
        {
            using TestEngine engine = new(TestData.SampleModel, options, i == 0 ? new ReferenceBackend() : new CpuBackend(2));
            List<float[]> logits = seen[i];
            engine.Core.Observer = (_, row) => logits.Add(row.ToArray());
            engine.Complete(prompt, new GenerateOptions { MaxTokens = 6, Temperature = 0, IgnoreEndOfText = true });
            Assert.True(engine.Core.Metrics.SparseDecodeRows > 0);
        }

        for (int token = 0; token < 6; token++) Levels.SameBits(seen[0][token], seen[1][token], $"token {token}");
    }

    [Fact]
    public void Rows_too_short_to_pay_are_exact_and_the_metrics_say_so()
    {
        SparqOptions sparq = new() { R = 4, K = 16 };
        int least = new SparqRule(sparq, d: 32, g: 2).LeastPositions;
        int[] prompt = [1, .. Enumerable.Range(0, least - 11).Select(i => 3 + i * 37 % 1000)];
        using TestEngine engine = new(TestData.SampleModel, Options(AttentionMode.Sparq, KvFormat.F32) with { Sparq = sparq }), tree = new(TestData.SampleModel);
        GenerateOptions twenty = new() { MaxTokens = 20, Temperature = 0, IgnoreEndOfText = true };
        int[] approximate = engine.Complete(prompt, twenty), exact = tree.Complete(prompt, twenty);
        EngineMetrics metrics = engine.Core.Metrics;
        // The prompt has least - 10 tokens; 19 of the 20 tokens are computed, and the row at position least - 1 sees least positions.
        Assert.Equal((9, 10), (metrics.ExactDecodeRows, metrics.SparseDecodeRows));
        Assert.Equal(exact[..10], approximate[..10]);
        Assert.InRange(metrics.SparseBytesRead, 1, metrics.SparseBytesExact / 2);
        Assert.Equal((19, 0), (tree.Core.Metrics.ExactDecodeRows, tree.Core.Metrics.SparseDecodeRows));
        Assert.Equal(0, tree.Core.Metrics.SparseBytesRead);
    }

    [Fact]
    public void The_second_copy_of_the_keys_counts_in_the_budget_and_only_where_it_is_kept()
    {
        long plain = PageBytes(new EngineOptions());
        Assert.Equal(plain, PageBytes(Options(AttentionMode.H2O, KvFormat.F32)));
        // Half as much again, and a line in 64 between the components of interleaved pages.
        long sparq = plain * 3 / 2 + plain / 128;
        Assert.Equal(sparq, PageBytes(Options(AttentionMode.Sparq, KvFormat.F32)));
        Assert.Equal(sparq, PageBytes(Options(AttentionMode.SparqGroup, KvFormat.F32)));
        // And the sums: a 32nd of keys and values.
        Assert.Equal(sparq + plain / 32, PageBytes(Options(AttentionMode.Sparq, KvFormat.F32) with { Sparq = new SparqOptions { MeanValue = SparqMeanValue.On } }));
    }

    public static TheoryData<EngineOptions, string> Refused => new()
    {
        { new() { Sparq = new() }, "Sparq" },
        { new() { Attention = AttentionMode.H2O, Sparq = new() }, "Sparq" },
        { new() { Keep = 5 }, "Keep" },
        { new() { Attention = AttentionMode.Sparq, Keep = 5 }, "Keep" },
        { new() { Attention = AttentionMode.TopK, Keep = 0 }, "Keep" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { R = 33 } }, "Sparq.R" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { R = 0 } }, "Sparq.R" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { K = 0 } }, "Sparq.K" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { K = 8, Local = 9 } }, "Sparq.Local" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { Compression = 1.5 } }, "Sparq.Compression" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { Compression = double.NaN } }, "Sparq.Compression" },
        { new() { Attention = AttentionMode.Sparq, Sparq = new() { Compression = 4, R = 8 } }, "Compression" },
    };

    [Theory, MemberData(nameof(Refused))]
    public void An_option_of_another_mode_or_out_of_its_range_is_refused_by_name(EngineOptions options, string named)
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => new TestEngine(TestData.SampleModel, options));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_model_of_which_every_layer_has_a_window_has_nothing_to_leave_out()
    {
        ArgumentException error = Assert.ThrowsAny<ArgumentException>(() => new TestEngine(TestData.SampleModel, Options(AttentionMode.Sparq, KvFormat.F32), window: 64));
        Assert.Contains("sliding window", error.Message, StringComparison.Ordinal);
    }

    private static EngineOptions Options(AttentionMode mode, KvFormat format) =>
        new() { Attention = mode, Kv = format, MaxContextTokens = Context, Keep = AttentionPolicies.HasKeep(mode) ? 24 : null };

    private static float[] FirstLogits(TestEngine engine, int[] prompt)
    {
        float[]? first = null;
        engine.Core.Observer = (_, row) => first ??= row.ToArray();
        engine.Complete(prompt, new GenerateOptions { MaxTokens = 1, Temperature = 0 });
        engine.Core.Observer = null;
        return first!;
    }

    private static long PageBytes(EngineOptions options)
    {
        using TestEngine engine = new(TestData.SampleModel, options);
        return engine.Core.Kv.Layout.PageBytes;
    }
}
