using System.Text;

namespace Coppice.Tests;

public sealed class EngineTests : IDisposable
{
    private const string Document = " The code for Rome is 468. The dog named Amy has fur that is black. The house of Bella is in Geneva.";
    private static readonly GenerateOptions Greedy = new() { Temperature = 0, MaxTokens = 12 };
    private readonly Engine _engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 64 << 20, Threads = 2 });

    public void Dispose() => _engine.Dispose();

    [Fact]
    public async Task A_question_about_a_document_is_answered()
    {
        GenerateResult result = await _engine.CompleteAsync(Ask("What is the code for Rome?"), Greedy);
        GenerateChoice choice = Assert.Single(result.Choices);
        Assert.Equal((" 468.", FinishReason.Stop), (choice.Text, choice.Finish));
        Assert.Equal(new Usage(_engine.Tokenizer.Encode(Ask("What is the code for Rome?")).Length, 0, choice.Tokens.Count), result.Usage);
    }

    [Fact]
    public async Task Streamed_chunks_are_the_whole_in_pieces()
    {
        GenerateOptions options = Greedy with { N = 3, Temperature = 1, Seed = 4, MaxTokens = 30 };
        GenerateResult whole = await _engine.CompleteAsync("The prince looked at", options);
        StringBuilder[] texts = [new(), new(), new()];
        List<GenerateChunk> last = [];
        Usage? usage = null;
        await foreach (GenerateChunk chunk in _engine.GenerateAsync("The prince looked at", options))
        {
            texts[chunk.Index].Append(chunk.Text);
            Assert.Null(usage);
            if (chunk.Finish is not null) last.Add(chunk);
            usage = chunk.Usage;
        }

        Assert.Equal(whole.Choices.Select(choice => choice.Text), texts.Select(text => text.ToString()));
        Assert.Equal([0, 1, 2], last.Select(chunk => chunk.Index).Order());
        Assert.Equal(whole.Usage.CompletionTokens, usage!.CompletionTokens);
        Assert.True(usage.CachedTokens > 0);        // the second time, the prompt's full pages are there
    }

    [Fact]
    public async Task A_stop_text_ends_the_answer_before_itself()
    {
        GenerateOptions options = new() { Temperature = 0, MaxTokens = 40, IgnoreEndOfText = true };
        string free = (await _engine.CompleteAsync("The prince looked at", options)).Choices[0].Text;
        string stop = free.Substring(10, 5);
        GenerateChoice stopped = (await _engine.CompleteAsync("The prince looked at", options with { Stop = ["never", stop] })).Choices[0];
        Assert.Equal((free[..free.IndexOf(stop, StringComparison.Ordinal)], FinishReason.Stop), (stopped.Text, stopped.Finish));
        Assert.True(stopped.Tokens.Count < 40);
    }

    [Fact]
    public async Task The_least_tokens_come_before_any_end()
    {
        GenerateResult result = await _engine.CompleteAsync(Ask("What is the code for Rome?"), Greedy with { MinTokens = 9 });
        Assert.True(result.Choices[0].Tokens.Count > 9);
    }

    [Fact]
    public async Task Log_probabilities_come_with_their_alternatives()
    {
        GenerateResult result = await _engine.CompleteAsync(Ask("What is the code for Rome?"), Greedy with { LogProbs = 3 });
        Assert.Equal(result.Choices[0].Tokens.Count, result.Choices[0].LogProbs!.Count);
        foreach (ChosenLogProb chosen in result.Choices[0].LogProbs!)
        {
            Assert.Equal(new TokenLogProb(chosen.Token, chosen.LogProb), chosen.Top[0]);
            Assert.Equal(3, chosen.Top.Count);
            Assert.True(chosen.Top.Sum(top => Math.Exp(top.LogProb)) <= 1 + 1e-5);
        }
    }

    [Fact]
    public async Task Cancelling_one_request_leaves_the_others_alone()
    {
        GenerateOptions options = Greedy with { MaxTokens = 300, IgnoreEndOfText = true };
        Task<GenerateResult> kept = _engine.CompleteAsync(Ask("What is the code for Rome?"), options);
        using CancellationTokenSource source = new();
        int chunks = 0;
        await Assert.ThrowsAnyAsync<OperationCanceledException>(async () =>
        {
            await foreach (GenerateChunk _ in _engine.GenerateAsync(Document, options, source.Token))
                if (++chunks == 5) await source.CancelAsync();
        });
        Assert.Equal(300, (await kept).Choices[0].Tokens.Count);
        Assert.InRange(chunks, 5, 299);
    }

    [Fact]
    public async Task Leaving_the_stream_ends_the_request()
    {
        const int Samples = 16;
        int all = Samples * (_engine.Config.MaxContextTokens - _engine.Tokenizer.Encode(Document).Length);
        await foreach (GenerateChunk _ in _engine.GenerateAsync(Document, new GenerateOptions { N = Samples, IgnoreEndOfText = true })) break;
        // They would go on to the end of the context, for seconds; instead the engine becomes free.
        await _engine.CompleteAsync(Document, Greedy);
        Assert.InRange(_engine.Metrics.GeneratedTokens, 1, all / 2);
    }

    [Fact]
    public async Task Disposing_the_engine_fails_what_has_not_ended()
    {
        Task<GenerateResult> running = _engine.CompleteAsync(Document, new GenerateOptions { IgnoreEndOfText = true });
        await Task.Delay(50);
        _engine.Dispose();
        await Assert.ThrowsAsync<ObjectDisposedException>(() => running);
        await Assert.ThrowsAsync<ObjectDisposedException>(() => _engine.CompleteAsync(Document, Greedy));
    }

    [Fact]
    public async Task A_bad_request_fails_alone_and_says_why()
    {
        Task<GenerateResult> good = _engine.CompleteAsync(Document, Greedy);
        Assert.Contains("TopP is 0", (await Assert.ThrowsAsync<InvalidRequestException>(() => _engine.CompleteAsync("x", Greedy with { TopP = 0 }))).Message, StringComparison.Ordinal);
        Assert.Contains("token 1024, which is beyond the tokenizer's 1024 tokens, 0 to 1023", (await Assert.ThrowsAsync<InvalidRequestException>(() => _engine.CompleteAsync(new[] { 1, 1024 }, Greedy))).Message, StringComparison.Ordinal);
        Assert.Contains("at least one", (await Assert.ThrowsAsync<InvalidRequestException>(() => _engine.CompleteAsync(Array.Empty<int>(), Greedy))).Message, StringComparison.Ordinal);
        ContextTooLongException tooLong = await Assert.ThrowsAsync<ContextTooLongException>(() => _engine.CompleteAsync(new int[4096], Greedy));
        Assert.Contains("4096 tokens and the model takes 4096", tooLong.Message, StringComparison.Ordinal);
        // Nothing can be drawn: known only in the middle of a step.
        Dictionary<int, float> nothing = Enumerable.Range(0, 1024).ToDictionary(id => id, _ => 0f);
        await Assert.ThrowsAsync<InvalidRequestException>(() => _engine.CompleteAsync("x", Greedy with { MinTokens = 1, StopTokens = [.. nothing.Keys] }));
        Assert.NotEmpty((await good).Choices[0].Text);
    }

    [Fact]
    public async Task A_seed_draws_the_same_tokens_whatever_the_batch()
    {
        GenerateOptions options = new() { MaxTokens = 40, Seed = 11, N = 2, IgnoreEndOfText = true };
        GenerateResult alone = await _engine.CompleteAsync("The prince looked at", options);
        Task<GenerateResult>[] crowd = [.. Enumerable.Range(0, 20).Select(i => _engine.CompleteAsync(i % 2 == 0 ? "The prince looked at" : $"The prince looked {i}", i == 10 ? options : options with { Seed = i }))];
        GenerateResult[] results = await Task.WhenAll(crowd);
        Assert.Equal(alone.Choices.Select(choice => choice.Text), results[10].Choices.Select(choice => choice.Text));
        Assert.NotEqual(results[10].Choices[0].Text, results[12].Choices[0].Text);
    }

    [Fact]
    public void An_option_out_of_range_names_its_limits()
    {
        Assert.Contains("MaxBatch must be from 1 to", Assert.Throws<ArgumentOutOfRangeException>(() => Engine.Open(TestData.SampleModel, new EngineOptions { MaxBatch = 0 })).Message, StringComparison.Ordinal);
        Assert.Contains("MaxContextTokens must be from 2 to 4096", Assert.Throws<ArgumentOutOfRangeException>(() => Engine.Open(TestData.SampleModel, new EngineOptions { MaxContextTokens = 5000 })).Message, StringComparison.Ordinal);
        Assert.Contains("one page of 16 tokens takes", Assert.Throws<ArgumentOutOfRangeException>(() => Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 100 })).Message, StringComparison.Ordinal);
        Assert.Throws<ModelFormatException>(() => Engine.Open("no such model"));
    }

    private static string Ask(string question) => $"{Document}\n\nQuestion: {question}\nAnswer:";
}
