using Coppice.KvCache;

namespace Coppice.Tests.KvCache;

public sealed class PinTests : IDisposable
{
    private const int Context = 256, LongestPages = Context / KvLayout.PageTokens;
    private readonly Engine _engine;

    public PinTests()
    {
        long pageBytes;
        using (Engine probe = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 8 << 20, Threads = 1 })) pageBytes = KvLayout.Of(probe.Config, KvFormat.F32).PageBytes;
        // Room for the longest request and as much again.
        _engine = Engine.Open(TestData.SampleModel, new EngineOptions { MaxContextTokens = Context, KvBytes = 2 * LongestPages * pageBytes, MaxBatch = 4, Threads = 2 });
    }

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task A_pinned_beginning_is_found_whatever_was_computed_since()
    {
        int[] beginning = Tokens(1, 100);
        using (PrefixPin pin = await _engine.PinAsync(beginning))
        {
            Assert.Equal(96, pin.Tokens);
            Assert.Equal(pin.Bytes, _engine.Metrics.KvBytesPinned);
            await FloodAsync();
            Assert.Equal(96, (await _engine.CompleteAsync(new ReadOnlyMemory<int>([.. beginning, 7]), One)).Usage.CachedTokens);
            Assert.Equal(0, (await _engine.CompleteAsync(new ReadOnlyMemory<int>([.. beginning, 7]), One with { CacheSalt = "other" })).Usage.CachedTokens);
            await RestAsync();
        }

        await FloodAsync();
        Assert.Equal(0, (await _engine.CompleteAsync(new ReadOnlyMemory<int>([.. beginning, 7]), One)).Usage.CachedTokens);
        await RestAsync();
        Assert.Equal((0L, 0L), (_engine.Metrics.KvBytesPinned, _engine.Metrics.KvBytesHeld));
    }

    [Fact]
    public async Task A_pin_changes_no_answer()
    {
        int[] beginning = Tokens(2, 90), prompt = [.. beginning, .. Tokens(3, 20)];
        GenerateOptions options = new() { Seed = 5, N = 3, MaxTokens = 20, IgnoreEndOfText = true, LogProbs = 1 };
        GenerateResult before = await _engine.CompleteAsync(prompt, options);
        await FloodAsync();
        using PrefixPin pin = await _engine.PinAsync(beginning);
        GenerateResult after = await _engine.CompleteAsync(prompt, options);
        Assert.Equal(before.Choices.SelectMany(choice => choice.LogProbs!).Select(p => (p.Token, p.LogProb)), after.Choices.SelectMany(choice => choice.LogProbs!).Select(p => (p.Token, p.LogProb)));
    }

    [Fact]
    public async Task Pins_leave_room_for_the_longest_request()
    {
        using PrefixPin first = await _engine.PinAsync(Tokens(4, 8 * 16)), second = await _engine.PinAsync(Tokens(5, 8 * 16));
        InvalidRequestException full = await Assert.ThrowsAsync<InvalidRequestException>(() => _engine.PinAsync(Tokens(6, 16)));
        Assert.Contains("16 are taken", full.Message, StringComparison.Ordinal);
        GenerateOptions longest = new() { Seed = 1, IgnoreEndOfText = true };
        GenerateResult[] results = await Task.WhenAll(Enumerable.Range(0, 3).Select(i => _engine.CompleteAsync(Tokens(10 + i, 200), longest)));
        Assert.All(results, result => Assert.Equal(Context - 200, result.Usage.CompletionTokens));
        second.Dispose();
        second.Dispose();
        await RestAsync();
        using PrefixPin third = await _engine.PinAsync(Tokens(6, 16));
        Assert.Equal(16, third.Tokens);
    }

    [Fact]
    public async Task A_pin_that_is_given_up_gives_everything_back()
    {
        using CancellationTokenSource cancel = new();
        Task<PrefixPin>[] pins = [.. Enumerable.Range(0, 4).Select(i => _engine.PinAsync(Tokens(20 + i, 60), cancellationToken: cancel.Token))];
        await cancel.CancelAsync();
        foreach (Task<PrefixPin> pin in pins)
        {
            try
            {
                (await pin).Dispose();
            }
            catch (OperationCanceledException)
            {
                // Given up before it was computed.
            }
        }

        await RestAsync();
        Assert.Equal((0L, 0L), (_engine.Metrics.KvBytesPinned, _engine.Metrics.KvBytesHeld));
    }

    [Fact]
    public async Task Less_than_a_page_is_a_pin_of_nothing()
    {
        using PrefixPin pin = await _engine.PinAsync(Tokens(7, 15));
        Assert.Equal((0, 0L), (pin.Tokens, pin.Bytes));
    }

    private static GenerateOptions One { get; } = new() { Temperature = 0, MaxTokens = 1 };

    private static int[] Tokens(int seed, int count)
    {
        Random random = new(seed);
        return [.. Enumerable.Range(0, count).Select(_ => random.Next(300, 900))];
    }

    private async Task FloodAsync()
    {
        for (int i = 0; i < 6; i++) await _engine.CompleteAsync(Tokens(100 + i, 240), One);
    }

    private async Task RestAsync()
    {
        await _engine.CompleteAsync(new int[] { 1 }, One);      // the loop has gone round
        for (int i = 0; i < 1000 && _engine.Core.HasWork; i++) await Task.Delay(10);
        _engine.Core.CheckInvariants();
    }
}
