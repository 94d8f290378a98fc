namespace Coppice.Tests;

public sealed class EmbeddingTests
{
    private const string Text = " The code for Rome is 468. The dog named Amy has fur that is black. The house of Bella is in Geneva.";

    [Theory]
    [InlineData(EmbeddingPooling.Mean)]
    [InlineData(EmbeddingPooling.Last)]
    public async Task An_embedding_has_the_same_bits_in_any_company(EmbeddingPooling pooling)
    {
        EmbedOptions options = new() { Pooling = pooling };
        IReadOnlyList<float> alone;
        using (Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 16 << 20, Threads = 1 }))
        {
            int[] tokens = engine.Tokenizer.Encode(Text);
            EmbedResult result = await engine.EmbedAsync(tokens, options);
            alone = result.Values;
            Assert.Equal((engine.Config.HiddenSize, tokens.Length), (alone.Count, result.Usage.PromptTokens));
            Assert.Equal(1, alone.Sum(value => (double)value * value), 1e-5);
            Assert.Equal(alone, (await engine.EmbedAsync(tokens, options)).Values);     // with its pages in the cache
        }

        using Engine busy = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 1 << 20, PrefillChunk = 7, MaxBatch = 5, Threads = 2 });
        int[] same = busy.Tokenizer.Encode(Text);
        Task<GenerateResult>[] company = [.. Enumerable.Range(0, 4).Select(i => busy.CompleteAsync(Text[..(20 * i + 5)], new GenerateOptions { Seed = i, N = 2, MaxTokens = 40, IgnoreEndOfText = true }))];
        Task<EmbedResult>[] embedded = [.. Enumerable.Range(0, 6).Select(_ => busy.EmbedAsync(same, options))];

        foreach (EmbedResult one in await Task.WhenAll(embedded)) Assert.Equal(alone, one.Values);
        await Task.WhenAll(company);
        await busy.CompleteAsync("rest", new GenerateOptions { MaxTokens = 1 });
        for (int i = 0; i < 1000 && busy.Core.HasWork; i++) await Task.Delay(10);
        busy.Core.CheckInvariants();
    }

    [Fact]
    public async Task One_token_is_its_own_mean_and_bad_texts_are_refused()
    {
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        int[] tokens = engine.Tokenizer.Encode(Text);
        EmbedOptions last = new() { Pooling = EmbeddingPooling.Last };
        Assert.Equal((await engine.EmbedAsync(tokens.AsMemory(0, 1))).Values, (await engine.EmbedAsync(tokens.AsMemory(0, 1), last)).Values);
        Assert.NotEqual((await engine.EmbedAsync(tokens)).Values, (await engine.EmbedAsync(tokens, last)).Values);
        await Assert.ThrowsAsync<InvalidRequestException>(() => engine.EmbedAsync(ReadOnlyMemory<int>.Empty));
        await Assert.ThrowsAsync<ContextTooLongException>(() => engine.EmbedAsync(new int[engine.Options.MaxContextTokens!.Value + 1]));
    }
}
