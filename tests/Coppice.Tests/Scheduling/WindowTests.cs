using System.Runtime.InteropServices;
using Coppice.KvCache;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

/// <summary>A model whose layers all have sliding windows: what it reads, what it keeps, and that nothing else changes.</summary>
public sealed class WindowTests
{
    private const int Window = 40, Chunk = 16;

    private static readonly GenerateOptions Long = new() { Temperature = 0, MaxTokens = 420, IgnoreEndOfText = true };
    private static readonly int[] Prompt = [1, .. Enumerable.Range(0, 59).Select(i => 3 + i * 37 % 1000)];

    [Theory]
    [InlineData(KvFormat.F32)]
    [InlineData(KvFormat.BF16)]
    public void A_long_answer_runs_in_a_budget_smaller_than_its_context_to_the_same_bits(KvFormat format)
    {
        int pages = (Window + Chunk + 2 * KvLayout.BlockTokens) / KvLayout.PageTokens + 2;
        Assert.True(pages * KvLayout.PageTokens < Prompt.Length + Long.MaxTokens / 2);
        List<ulong> expected = Logits(new EngineOptions { Kv = format, PrefillChunk = 512 }, out int[] answer, out _);
        List<ulong> actual = Logits(new EngineOptions { Kv = format, PrefillChunk = Chunk, KvBytes = pages * PageBytes(format) }, out int[] sameAnswer, out EngineMetrics metrics);
        Assert.Equal(Long.MaxTokens, answer.Length);
        Assert.Equal(answer, sameAnswer);
        Assert.Equal(expected, actual);
        Assert.Equal(0, metrics.RecomputedTokens);
    }

    [Fact]
    public void A_sequence_keeps_its_window_and_a_little_more()
    {
        using TestEngine engine = new(TestData.SampleModel, window: Window);
        Request request = engine.Submit(Prompt, Long);
        while (engine.Core.HasWork)
        {
            engine.Core.Step();
            if (request.IsFinished) break;
            int computed = request.Sequences[0].Computed, held = engine.Core.Pool.InUse * KvLayout.PageTokens;
            Assert.InRange(held, Math.Min(computed, Window - 1), Window + KvLayout.BlockTokens + 2 * KvLayout.PageTokens);
        }
    }

    [Fact]
    public void A_step_of_decode_reads_the_blocks_of_the_window_only()
    {
        using TestEngine engine = new(TestData.SampleModel, window: Window);
        engine.Submit(Prompt, Long);
        engine.Core.Step();
        long before = engine.Core.Metrics.KvBytesRead;
        for (int position = Prompt.Length; position < 300; position++)
        {
            engine.Core.Step();
            long read = engine.Core.Metrics.KvBytesRead, pages = KvLayout.PagesFor(position + 1) - Math.Max(0, position - Window + 1) / 64 * 4;
            Assert.Equal(pages * engine.Core.Kv.Layout.PageBytes, read - before);
            before = read;
        }
    }

    [Fact]
    public void A_window_that_no_sequence_fills_changes_no_bit_and_a_narrow_one_changes_the_answer()
    {
        using TestEngine plain = new(TestData.SampleModel), wide = new(TestData.SampleModel, window: 1000), narrow = new(TestData.SampleModel, window: 8);
        int[] expected = plain.Complete(Prompt, Long);
        Assert.Equal(expected, wide.Complete(Prompt, Long));
        Assert.NotEqual(expected, narrow.Complete(Prompt, Long));
    }

    [Fact]
    public void A_prompt_is_found_again_while_its_pages_are_there_and_computed_again_when_they_went()
    {
        GenerateOptions brief = Long with { MaxTokens = 100 };
        using TestEngine roomy = new(TestData.SampleModel, window: Window);
        int[] expected = roomy.Complete(Prompt, brief);
        Assert.Equal(expected, roomy.Complete(Prompt, brief));
        Assert.Equal(59, roomy.Core.Metrics.CachedPromptTokens);

        long pageBytes = PageBytes(KvFormat.F32);
        using TestEngine tight = new(TestData.SampleModel, new EngineOptions { KvBytes = 13 * pageBytes, PrefillChunk = Chunk }, window: Window);
        tight.Complete(Prompt, Long);
        tight.Complete([.. Prompt.Select(token => token + 1)], Long);
        Assert.Equal(expected, tight.Complete(Prompt, brief));
        Assert.Equal(0, tight.Core.Metrics.CachedPromptTokens);
    }

    private static List<ulong> Logits(EngineOptions options, out int[] answer, out EngineMetrics metrics)
    {
        using TestEngine engine = new(TestData.SampleModel, options, window: Window);
        List<ulong> hashes = [];
        engine.Core.Observer = (_, logits) =>
        {
            ulong hash = 14695981039346656037;
            foreach (uint bits in MemoryMarshal.Cast<float, uint>(logits)) hash = (hash ^ bits) * 1099511628211;
            hashes.Add(hash);
        };
        answer = engine.Complete(Prompt, Long);
        metrics = engine.Core.Metrics;
        return hashes;
    }

    private static long PageBytes(KvFormat format)
    {
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { Kv = format });
        return engine.Core.Kv.Layout.PageBytes;
    }
}
