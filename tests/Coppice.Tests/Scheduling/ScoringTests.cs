using Coppice.KvCache;
using Coppice.Sampling;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Scheduling;

public sealed class ScoringTests
{
    /// <summary>Teacher forcing, as generation sees it: one token after the other is biased so far that it is drawn, and its log probability reported.</summary>
    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3)]
    public void Scores_have_the_bits_that_generation_reports_for_the_same_tokens(int seed)
    {
        int[] text = Text(seed, 70);
        int from = 1 + seed * 13;
        using TestEngine engine = new(TestData.SampleModel);
        ScoredToken[] scores = Score(engine, text, from, top: 3);
        Assert.Equal(text.Length - from, scores.Length);
        for (int i = 0; i < scores.Length; i++)
        {
            Request forced = engine.Submit(text[..(from + i)], new GenerateOptions { MaxTokens = 1, Temperature = 0, LogitBias = new Dictionary<int, float> { [text[from + i]] = 100 }, LogProbs = 3, CacheSalt = $"{i}" });
            engine.Run();
            Request greedy = engine.Submit(text[..(from + i)], new GenerateOptions { MaxTokens = 1, Temperature = 0 });
            engine.Run();
            ChosenLogProb expected = TestEngine.LogProbs(forced)[0];
            Assert.Equal((expected.Token, BitConverter.SingleToInt32Bits(expected.LogProb)), (scores[i].LogProb.Token, BitConverter.SingleToInt32Bits(scores[i].LogProb.LogProb)));
            Assert.Equal(expected.Top, scores[i].LogProb.Top);
            Assert.Equal(TestEngine.Answer(greedy)[0] == text[from + i], scores[i].IsGreedy);
            int better = expected.Top.Count(other => other.LogProb > expected.LogProb);
            Assert.True(better == 3 ? scores[i].Rank >= 4 : scores[i].Rank >= better + 1);
        }
    }

    [Theory, InlineData(0), InlineData(1), InlineData(2), InlineData(3), InlineData(4), InlineData(5)]
    public void Scores_are_the_same_bits_alone_and_among_others_whatever_is_cached_chunked_or_paused(int seed)
    {
        Random random = new(seed);
        List<(int[] Text, int From)> texts = [];
        for (int i = 0; i < 14; i++)
        {
            int[] head = i > 0 && random.Next(4) > 0 ? texts[random.Next(i)].Text : [1];
            int[] text = [.. head[..random.Next(1, head.Length + 1)], .. Text(seed * 100 + i, random.Next(1, 60))];
            if (text.Length > 180) text = text[..180];
            texts.Add((text, random.Next(1, text.Length)));
        }

        using TestEngine alone = new(TestData.SampleModel, new EngineOptions { Attention = AttentionMode.PerSequence, Threads = 1 });
        ScoredToken[][] expected = [.. texts.Select((text, i) => Score(alone, text.Text, text.From, salt: $"{i}"))];
        for (int round = 0; round < 2; round++)
        {
            using TestEngine engine = new(TestData.SampleModel, new EngineOptions
            {
                Attention = Enum.GetValues<AttentionMode>()[random.Next(4)],
                Threads = random.Next(1, 4),
                MaxBatch = random.Next(1, 20),
                PrefillChunk = new[] { 1, 7, 16, 64, 512 }[random.Next(5)],
                MaxContextTokens = 220,
                KvBytes = random.Next(2) == 0 ? null : 4L * 4 * 2 * 32 * 16 * 4 * (16 + random.Next(12)),
            });
            List<Request> requests = [];
            int next = 0;
            while (next < texts.Count || engine.Core.HasWork)
            {
                for (; next < texts.Count && random.Next(3) > 0; next++)
                {
                    requests.Add(engine.Core.Submit(texts[next].Text, texts[next].From, new ScoreOptions()));
                    engine.Submit(texts[next].Text, new GenerateOptions { MaxTokens = 5, Seed = next });
                }

                if (random.Next(6) == 0) engine.Core.PauseYoungest();
                engine.Core.Step();
                engine.Core.CheckInvariants();
            }

            for (int i = 0; i < texts.Count; i++) Same(expected[i], requests[i]);
            Assert.Equal(0, engine.Core.Pool.InUse);
        }
    }

    [Theory, InlineData(AttentionMode.Sparq), InlineData(AttentionMode.LmInfinite), InlineData(AttentionMode.H2O), InlineData(AttentionMode.TopK), InlineData(AttentionMode.Auto)]
    public void Scored_as_decode_an_answer_has_the_bits_that_its_generation_reported_under_the_same_mode(AttentionMode mode)
    {
        EngineOptions options = new() { Attention = mode, Keep = mode is AttentionMode.LmInfinite or AttentionMode.H2O or AttentionMode.TopK ? 40 : null, Sparq = mode == AttentionMode.Sparq ? new SparqOptions { R = 8, K = 40 } : null };
        int[] prompt = Text(9, 300);
        using TestEngine engine = new(TestData.SampleModel, options);
        Request generated = engine.Submit(prompt, new GenerateOptions { Temperature = 0.9f, Seed = 4, MaxTokens = 60, LogProbs = 0, IgnoreEndOfText = true });
        engine.Run();
        int[] answer = TestEngine.Answer(generated);
        float[] reported = [.. TestEngine.LogProbs(generated).Select(token => token.LogProb)];
        Assert.Equal(reported, Scored(asDecode: true));
        Assert.Equal(mode == AttentionMode.Auto, reported.AsSpan().SequenceEqual(Scored(asDecode: false)));

        float[] Scored(bool asDecode)
        {
            Request request = engine.Core.Submit([.. prompt, .. answer], prompt.Length, new ScoreOptions { AsDecode = asDecode });
            for (int step = 0; engine.Core.HasWork; step++)
            {
                engine.Core.Step();
                if (step == 0 && !request.IsFinished) engine.Core.PauseYoungest();
                engine.Core.CheckInvariants();
            }

            Assert.Null(request.Error);
            return [.. request.Scores!.All.Select(token => token.LogProb.LogProb)];
        }
    }

    [Theory, InlineData(AttentionMode.Sparq), InlineData(AttentionMode.LmInfinite), InlineData(AttentionMode.H2O), InlineData(AttentionMode.TopK), InlineData(AttentionMode.Auto)]
    public void A_question_read_as_decode_has_the_bits_of_scoring_it_so_whatever_was_cached(AttentionMode mode)
    {
        EngineOptions options = new() { Attention = mode, PrefillChunk = 100, Keep = mode is AttentionMode.LmInfinite or AttentionMode.H2O or AttentionMode.TopK ? 40 : null, Sparq = mode == AttentionMode.Sparq ? new SparqOptions { R = 8, K = 40 } : null };
        int[] document = Text(9, 230), question = Text(10, 40);
        using TestEngine engine = new(TestData.SampleModel, options);
        GenerateOptions ask = new() { Temperature = 0.9f, Seed = 4, MaxTokens = 20, LogProbs = 0, IgnoreEndOfText = true };
        Request exact = Ask(ask), asked = Ask(ask with { DecodeFrom = document.Length }), again = Ask(ask with { DecodeFrom = document.Length, N = 2 });
        int[] answer = TestEngine.Answer(asked);
        float[] reported = Reported(asked);
        Assert.Equal(reported, Reported(again));
        Assert.Equal(mode == AttentionMode.Auto, reported.AsSpan().SequenceEqual(Reported(exact)));

        Request scored = engine.Core.Submit([.. document, .. question, .. answer], document.Length, new ScoreOptions { AsDecode = true });
        engine.Run();
        Assert.Equal(reported, scored.Scores!.All.Skip(question.Length).Select(token => token.LogProb.LogProb));
        Assert.Throws<InvalidRequestException>(() => engine.Submit(document, ask with { DecodeFrom = document.Length + 1 }));

        Request Ask(GenerateOptions how)
        {
            Request request = engine.Submit([.. document, .. question], how);
            engine.Core.Step();
            engine.Core.PauseYoungest();
            engine.Run();
            return request;
        }

        static float[] Reported(Request request) => [.. TestEngine.LogProbs(request).Select(token => token.LogProb)];
    }

    [Fact]
    public void A_question_with_four_answers_that_arrive_together_is_computed_once()
    {
        int[] question = Text(3, 161);      // ten pages and one token
        using TestEngine engine = new(TestData.SampleModel);
        for (int i = 0; i < 4; i++) engine.Core.Submit([.. question, 10 + i, 20, 30], question.Length, new ScoreOptions());
        engine.Run();
        // The last token predicts nothing; what lies in the question's last page, a token here, is each answer's own.
        EngineMetrics metrics = engine.Core.Metrics;
        Assert.Equal((4 * 163, 163 + 3 * 3, 3 * 160), (metrics.PromptTokens, metrics.ComputedPromptTokens, metrics.SharedPromptTokens + metrics.CachedPromptTokens));
        Assert.Equal((4 * 3, 4, 2), (metrics.ScoredTokens, metrics.Requests, metrics.Steps));
    }

    [Fact]
    public void Hundreds_of_records_behind_one_head_compute_the_head_once()
    {
        int[] head = Text(4, 320);
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { MaxBatch = 64 });
        for (int i = 0; i < 400; i++) engine.Core.Submit([.. head, .. Text(1000 + i, 9)], head.Length, new ScoreOptions());
        engine.Run();
        // The first computes all; the others the head's last token, whose logits score their first, and eight of their nine.
        Assert.Equal(328 + 399 * 9, engine.Core.Metrics.ComputedPromptTokens);
    }

    [Fact]
    public void Positions_whose_logits_are_wanted_are_computed_though_their_pages_are_cached()
    {
        int[] text = Text(5, 100);
        using TestEngine engine = new(TestData.SampleModel);
        ScoredToken[] first = Score(engine, text, 40), again = Score(engine, text, 40), all = Score(engine, text, 1);
        Assert.Equal(first, again, (a, b) => a.LogProb.LogProb.Equals(b.LogProb.LogProb));
        Assert.Equal(first, all[39..], (a, b) => a.LogProb.LogProb.Equals(b.LogProb.LogProb));
        // 99 positions; of the second 39 are found; the third wants the first position's logits and finds nothing.
        Assert.Equal(99 + 60 + 99, engine.Core.Metrics.ComputedPromptTokens);
    }

    [Fact]
    public void A_long_text_is_scored_in_steps_of_a_bounded_number_of_logits()
    {
        using KvPages kv = new(new KvLayout(1, 1, 8, KvFormat.F32), 100);
        Scheduler scheduler = new(kv, new PagePool(kv), maxBatch: 4, prefillChunk: 64, keptTokens: 0) { MostScoredRows = 10 };
        int[][] texts = [Text(6, 101), Text(7, 31), Text(8, 51)];
        int[] from = [21, 1, 50], rows = [0, 0, 0];
        Request[] requests = [.. texts.Select((text, i) => Scoring(text, from[i]))];
        foreach (Request request in requests) scheduler.Submit(request);
        List<int> wanted = [];
        while (scheduler.HasWork)
        {
            Batch batch = scheduler.NextBatch();
            Assert.InRange(batch.LogitRows.Length, 0, 10 + 3);
            Assert.InRange(batch.Rows, 1, 64 + 3);
            wanted.Add(batch.LogitRows.Length);
            foreach (Sequence sequence in scheduler.BatchSequences.ToArray())
            {
                int index = Array.IndexOf(requests, sequence.Request), computed = batch.Segments[scheduler.BatchSequences.IndexOf(sequence)].Rows;
                rows[index] += computed;
                for (int i = 0; i < sequence.LogitRows; i++) sequence.Request.Scores!.Add([0, 1], new Peak(1, 1));
                scheduler.Computed(sequence, computed);
                if (sequence.Computed == sequence.Length) scheduler.Finish(sequence);
            }
        }

        Assert.Equal([100, 30, 50], rows);
        Assert.Equal(80 + 30 + 1, wanted.Sum());
        Assert.Contains(10, wanted);

        static Request Scoring(int[] text, int from) =>
            new(text[..^1], new GenerateOptions(), text.Length - 1, WakeOn.Finish, new SamplingState(new GenerateOptions(), [], [], 2, 0), beginsText: false) { Scores = new Scores([.. text.Select(token => token % 2)], from, 0) };
    }

    [Fact]
    public void A_cancelled_score_gives_its_pages_back_and_the_others_go_on()
    {
        using TestEngine engine = new(TestData.SampleModel, new EngineOptions { PrefillChunk = 16 });
        Request cancelled = engine.Core.Submit(Text(7, 200), 1, new ScoreOptions()), other = engine.Core.Submit(Text(8, 90), 30, new ScoreOptions());
        engine.Core.Step();
        engine.Core.Cancel(cancelled);
        engine.Run();
        Assert.True(cancelled.IsFinished && other.IsFinished);
        Assert.Equal((60, 0), (other.Scores!.Count, engine.Core.Pool.InUse));
        Assert.True(cancelled.Scores!.Count < 199);
    }

    [Fact]
    public async Task The_engine_refuses_what_cannot_be_scored_and_says_why()
    {
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { MaxContextTokens = 64, Threads = 1 });
        await Refused("1 to 3", [1, 2, 3], 0);
        await Refused("1 to 3", [1, 2, 3], 4);
        await Refused("no tokens", [], 1);
        await Refused("token 5000", [1, 5000], 1);
        await Refused("TopLogProbs is 21", [1, 2], 1, new ScoreOptions { TopLogProbs = 21 });
        Assert.Contains("65 tokens", (await Assert.ThrowsAsync<ContextTooLongException>(() => engine.ScoreAsync(new int[65], 1))).Message, StringComparison.Ordinal);
        Assert.Equal(63, (await engine.ScoreAsync(Text(1, 64), 1)).Tokens.Count);
        Assert.Empty((await engine.ScoreAsync(new[] { 1, 2 }, 2)).Tokens);
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => engine.ScoreAsync(Text(1, 64), 1, null, new CancellationToken(canceled: true)));

        async Task Refused(string why, int[] tokens, int from, ScoreOptions? options = null) =>
            Assert.Contains(why, (await Assert.ThrowsAsync<InvalidRequestException>(() => engine.ScoreAsync(tokens, from, options))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_best_of_several_samples_are_those_with_the_highest_mean_log_probability()
    {
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { Threads = 1 });
        GenerateOptions options = new() { N = 6, MaxTokens = 12, Seed = 3, LogProbs = 0 };
        GenerateResult all = await engine.CompleteAsync("Prince Andrew looked", options);
        GenerateChoice[] ranked = [.. all.Choices.OrderByDescending(choice => choice.LogProbs!.Average(token => (double)token.LogProb))];
        GenerateResult best = await engine.CompleteAsync("Prince Andrew looked", options with { N = 2, BestOf = 6, LogProbs = null });
        Assert.Equal(ranked.Take(2).Select(choice => choice.Text), best.Choices.Select(choice => choice.Text));
        Assert.Equal([0, 1], best.Choices.Select(choice => choice.Index));
        Assert.All(best.Choices, choice => Assert.Null(choice.LogProbs));
        Assert.Equal(all.Usage.CompletionTokens, best.Usage.CompletionTokens);
        Assert.Throws<InvalidRequestException>(() => engine.GenerateAsync("a", new GenerateOptions { BestOf = 2 }));
        await Assert.ThrowsAsync<InvalidRequestException>(() => engine.CompleteAsync("a", new GenerateOptions { N = 3, BestOf = 2 }));
    }

    private static ScoredToken[] Score(TestEngine engine, int[] text, int from, int top = 0, string? salt = null)
    {
        Request request = engine.Core.Submit(text, from, new ScoreOptions { TopLogProbs = top, CacheSalt = salt });
        engine.Run();
        Assert.Null(request.Error);
        return [.. request.Scores!.All];
    }

    private static void Same(ScoredToken[] expected, Request request)
    {
        Assert.Null(request.Error);
        Assert.Equal(expected.Select(score => (score.LogProb.Token, BitConverter.SingleToInt32Bits(score.LogProb.LogProb), score.Rank)),
            request.Scores!.All.Select(score => (score.LogProb.Token, BitConverter.SingleToInt32Bits(score.LogProb.LogProb), score.Rank)));
    }

    private static int[] Text(int seed, int tokens)
    {
        Random random = new(seed);
        return [1, .. Enumerable.Range(1, tokens - 1).Select(_ => random.Next(3, 1024))];
    }
}
