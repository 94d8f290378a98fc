using Coppice.Sampling;

using Coppice.Tokens;

namespace Coppice.Tests.Sampling;

public class SamplerTests
{
    private static readonly int[] _noTokens = [];

    [Fact]
    public void Every_combination_of_options_draws_what_the_definition_draws()
    {
        Random random = new(1);
        for (int round = 0; round < 3000; round++)
        {
            int vocabularySize = random.Next(2, round % 50 == 0 ? 5000 : 200);
            int[] Tokens(int most) => [.. Enumerable.Range(0, random.Next(most + 1)).Select(_ => random.Next(vocabularySize))];
            T Maybe<T>(T off, Func<T> on) => random.Next(2) == 0 ? off : on();
            GenerateOptions options = new()
            {
                Temperature = random.Next(8) == 0 ? 0 : 0.05f + (1.95f * random.NextSingle()),
                TopK = Maybe(0, () => random.Next(1, vocabularySize + 5)),
                TopP = Maybe(1, () => 1 - random.NextSingle()),
                MinP = Maybe(0, () => random.NextSingle() * random.NextSingle()),
                RepetitionPenalty = Maybe(1, () => 0.5f + (2 * random.NextSingle())),
                PresencePenalty = Maybe(0, () => (4 * random.NextSingle()) - 2),
                FrequencyPenalty = Maybe(0, () => (4 * random.NextSingle()) - 2),
                LogitBias = Maybe<IReadOnlyDictionary<int, float>?>(null, () => Tokens(5).Distinct().ToDictionary(token => token, _ => (200 * random.NextSingle()) - 100)),
                StopTokens = [.. Tokens(3).Where(token => token != 0)],
                MinTokens = Maybe(0, () => random.Next(20)),
                IgnoreEndOfText = random.Next(2) == 0,
                Seed = random.NextInt64(long.MinValue, long.MaxValue),
            };
            int[] prompt = Tokens(30);
            int[] answer = Tokens(20);
            int[] endOfText = [vocabularySize - 1];
            float[] logits = RandomLogits.Make(random, vocabularySize);

            options.Validate(new TokenIds(vocabularySize));
            SamplingState state = new(options, prompt, endOfText, vocabularySize, 100);
            foreach (int token in answer) state.Append(token);
            double[] distribution = ReferenceSampler.Distribution(logits, options, prompt, answer, endOfText);
            double uniform = options.Temperature == 0 ? 0 : ReferenceSampler.Uniform(state);

            int drawn = new Sampler(vocabularySize).Sample(logits, state);

            Assert.Contains(drawn, ReferenceSampler.At(distribution, uniform));
        }
    }

    public static TheoryData<string, GenerateOptions> Draws => new()
    {
        { "model's own", new() { Seed = 1 } },
        { "colder", new() { Seed = 2, Temperature = 0.5f } },
        { "hotter", new() { Seed = 3, Temperature = 2 } },
        { "top-k", new() { Seed = 4, TopK = 4 } },
        { "top-p", new() { Seed = 5, TopP = 0.7f } },
        { "min-p", new() { Seed = 6, MinP = 0.2f } },
        { "bias", new() { Seed = 7, LogitBias = new Dictionary<int, float> { [3] = 1.5f, [0] = -100 } } },
        { "all", new() { Seed = 8, Temperature = 1.3f, TopK = 6, TopP = 0.9f, MinP = 0.02f } },
    };

    [Theory, MemberData(nameof(Draws))]
    public void Draws_are_as_frequent_as_their_probabilities_say(string name, GenerateOptions options)
    {
        const int Count = 40_000;
        float[] logits = [0.3f, -1, 2, 0.5f, 2, 1.25f, -3, 0, 1, -0.5f];
        double[] expected = ReferenceSampler.Distribution(logits, options, _noTokens, _noTokens, _noTokens);
        Sampler sampler = new(logits.Length);
        SamplingState state = new(options, [], [], logits.Length, Count);

        int[] seen = new int[logits.Length];
        for (int i = 0; i < Count; i++) seen[sampler.Sample(logits, state)]++;

        double chiSquare = 0;
        int cells = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            if (expected[token] * Count < 1)
            {
                Assert.True(seen[token] <= 10, $"{name}: token {token} came {seen[token]} times at probability {expected[token]}.");
                continue;
            }
            chiSquare += Math.Pow(seen[token] - (expected[token] * Count), 2) / (expected[token] * Count);
            cells++;
        }
        // The 99.9th percentile of chi-square with 9 degrees of freedom is 27.9; with fewer it is lower.
        double limit = new[] { 0, 10.8, 13.8, 16.3, 18.5, 20.5, 22.5, 24.3, 26.1, 27.9 }[cells - 1];
        Assert.True(chiSquare < limit, $"{name}: chi-square {chiSquare:F1} over {cells} tokens; at most {limit}.");
    }

    [Fact]
    public void A_seeded_sample_draws_the_same_tokens_alone_and_among_others_in_any_order()
    {
        const int V = 500, Steps = 20, Requests = 12;
        Random random = new(3);
        float[][] rows = [.. Enumerable.Range(0, Steps).Select(_ => RandomLogits.Make(random, V))];
        GenerateOptions[] options = [.. Enumerable.Range(0, Requests).Select(i => new GenerateOptions
        {
            Seed = i / 2,
            Temperature = 0.5f + (i * 0.1f),
            TopK = i % 3 == 0 ? 40 : 0,
            TopP = i % 2 == 0 ? 0.9f : 1,
            FrequencyPenalty = i % 4 == 0 ? 0.7f : 0,
            RepetitionPenalty = i % 5 == 0 ? 1.2f : 1,
        })];
        SamplingState New(int i) => new SamplingState(options[i], [1, 2, 3], [0], V, Steps).ForSample(i % 2);

        int[][] alone = [.. Enumerable.Range(0, Requests).Select(i =>
        {
            Sampler sampler = new(V);
            SamplingState state = New(i);
            return rows.Select(row => sampler.Sample(row, state)).ToArray();
        })];

        Sampler shared = new(V);
        SamplingState[] states = [.. Enumerable.Range(0, Requests).Select(New)];
        int[][] together = [.. Enumerable.Range(0, Requests).Select(_ => new int[Steps])];
        while (states.Any(state => state.Generated < Steps))
        {
            int i = random.Next(Requests);
            if (states[i].Generated == Steps) continue;
            int step = states[i].Generated;
            together[i][step] = shared.Sample(rows[step], states[i]);
        }

        Assert.Equal(alone, together);
    }

    [Fact]
    public void Samples_of_one_seed_and_seeds_of_one_sample_draw_differently()
    {
        const int V = 1000;
        float[] flat = new float[V];
        Sampler sampler = new(V);
        int[] Draw(long? seed, int sample)
        {
            SamplingState state = new SamplingState(new() { Seed = seed }, [], [], V, 16).ForSample(sample);
            return [.. Enumerable.Range(0, 16).Select(_ => sampler.Sample(flat, state))];
        }

        int[][] answers = [Draw(1, 0), Draw(1, 1), Draw(2, 0), Draw(1L << 40, 0), Draw(null, 0), Draw(null, 0)];

        for (int a = 0; a < answers.Length; a++)
            for (int b = 0; b < a; b++)
                Assert.NotEqual(answers[a], answers[b]);
    }

    [Theory]
    [InlineData(0)]
    [InlineData(7)]
    [InlineData(8)]
    [InlineData(21)]
    public void Greedy_takes_the_lowest_of_equal_ids(int first)
    {
        float[] logits = new float[23];
        logits.AsSpan().Fill(-5);
        logits[first] = 3;
        logits[22] = 3;
        Assert.Equal(first, new Sampler(23).Sample(logits, new(new() { Temperature = 0 }, [], [], 23, 1)));
    }

    [Fact]
    public void Temperatures_near_zero_are_greedy()
    {
        float[] logits = [1, 2, 2.0001f, -3];
        SamplingState state = new(new() { Temperature = 1e-40f, Seed = 1 }, [], [], 4, 50);
        Sampler sampler = new(4);
        for (int i = 0; i < 50; i++) Assert.Equal(2, sampler.Sample(logits, state));
    }

    [Theory]
    [InlineData(0f)]
    [InlineData(1f)]
    public void End_tokens_come_only_after_the_least_number_of_tokens(float temperature)
    {
        float[] logits = [30, 0, 29, 1];
        GenerateOptions options = new() { Temperature = temperature, MinTokens = 5, StopTokens = [2], Seed = 1 };
        SamplingState state = new(options, [], [0], 4, 6);
        Sampler sampler = new(4);
        for (int i = 0; i < 5; i++) Assert.False(state.IsEnd(sampler.Sample(logits, state)));
        Assert.True(state.IsEnd(sampler.Sample(logits, state)));
    }

    [Fact]
    public void The_logits_stay_as_they_are_for_the_next_sample()
    {
        float[] logits = [1, 2, 3, 4];
        GenerateOptions options = new() { LogitBias = new Dictionary<int, float> { [0] = 50 }, PresencePenalty = 2, TopK = 2, TopP = 0.5f };
        SamplingState state = new(options, [1], [], 4, 3);
        for (int i = 0; i < 3; i++) new Sampler(4).Sample(logits, state);
        Assert.Equal([1, 2, 3, 4], logits);
    }

    public static TheoryData<float[], string> Broken => new()
    {
        { [1, 2, float.NaN, 3], "token 2 is NaN" },
        { [float.NaN, .. new float[16]], "token 0 is NaN" },
        { [.. new float[9], float.PositiveInfinity], "token 9 is" },
        { [float.NegativeInfinity, float.NegativeInfinity], "All 2 logits" },
    };

    [Theory, MemberData(nameof(Broken))]
    public void Broken_logits_fail_the_one_request_and_leave_the_sampler_usable(float[] logits, string message)
    {
        Sampler sampler = new(logits.Length);
        SamplingState state = new(new() { Seed = 1 }, [], [], logits.Length, 1);
        LogitsException error = Assert.Throws<LogitsException>(() => sampler.Sample(logits, state));
        Assert.Contains(message, error.Message);
        Assert.Equal(0, state.Generated);

        float[] good = new float[logits.Length];
        good[1] = 1000;
        Assert.Equal(1, sampler.Sample(good, state));
    }

    [Fact]
    public void A_request_that_forbids_every_token_is_told_so()
    {
        SamplingState state = new(new() { MinTokens = 1, StopTokens = [1] }, [], [0], 2, 1);
        InvalidRequestException error = Assert.Throws<InvalidRequestException>(() => new Sampler(2).Sample([1, 2], state));
        Assert.Contains("MinTokens is 1", error.Message);
    }

    [Fact]
    public void Logits_of_another_vocabulary_are_refused() =>
        Assert.Throws<ArgumentException>(() => new Sampler(3).Sample(new float[4], new(new(), [], [], 3, 1)));

    [Fact]
    public void A_draw_allocates_nothing()
    {
        const int V = 3000, Steps = 50;
        Random random = new(4);
        float[] logits = RandomLogits.Make(random, V);
        TokenLogProb[] top = new TokenLogProb[20];
        GenerateOptions full = new()
        {
            TopK = 100,
            TopP = 0.9f,
            MinP = 0.01f,
            RepetitionPenalty = 1.1f,
            PresencePenalty = 0.5f,
            FrequencyPenalty = 0.5f,
            LogitBias = new Dictionary<int, float> { [5] = 1 },
            MinTokens = 60,
            StopTokens = [7],
            Seed = 1,
        };
        SamplingState[] states = [.. new[] { full, new() { Temperature = 0 }, new(), new() { TopP = 0.5f } }.Select(options => new SamplingState(options, [1, 2], [0], V, 2 * Steps))];
        Sampler sampler = new(V);
        void Run()
        {
            for (int i = 0; i < Steps; i++)
            {
                foreach (SamplingState state in states)
                {
                    if (i % 2 == 0) sampler.Sample(logits, state);
                    else sampler.Sample(logits, state, top, out _);
                }
            }
        }

        Run();
        long before = GC.GetAllocatedBytesForCurrentThread();
        Run();
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
