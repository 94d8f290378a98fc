using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

public class LogProbabilitiesTests
{
    [Fact]
    public void Log_probabilities_are_the_models_own_whatever_the_options()
    {
        Random random = new(1);
        for (int round = 0; round < 200; round++)
        {
            int vocabularySize = random.Next(1, 400);
            float[] logits = RandomLogits.Make(random, vocabularySize);
            double max = logits.Max();
            double total = max + Math.Log(logits.Sum(logit => Math.Exp(logit - max)));
            int[] ranked = ReferenceSampler.Rank(logits);
            TokenLogProb[] top = new TokenLogProb[Math.Min(random.Next(21), vocabularySize)];
            GenerateOptions options = new() { Temperature = 1.7f, TopK = 9, PresencePenalty = 1, LogitBias = new Dictionary<int, float> { [ranked[^1]] = 50 }, Seed = round };

            int token = new Sampler(vocabularySize).Sample(logits, new(options, [], [], vocabularySize, 1), top, out float logProb);

            Assert.Equal((float)(logits[token] - total), logProb, 1e-6f);
            Assert.Equal(ranked.Take(top.Length), top.Select(entry => entry.Token));
            foreach (TokenLogProb entry in top)
            {
                if (float.IsNegativeInfinity(logits[entry.Token])) Assert.Equal(float.NegativeInfinity, entry.LogProb);
                else Assert.Equal((float)(logits[entry.Token] - total), entry.LogProb, 1e-6f);
            }
        }
    }

    [Fact]
    public void The_token_is_the_one_drawn_without_log_probabilities()
    {
        float[] logits = RandomLogits.Make(new(2), 300);
        GenerateOptions options = new() { Seed = 5 };
        SamplingState with = new(options, [], [], 300, 40), without = new(options, [], [], 300, 40);
        Sampler sampler = new(300);
        for (int i = 0; i < 40; i++) Assert.Equal(sampler.Sample(logits, without), sampler.Sample(logits, with, new TokenLogProb[5], out _));
    }

    [Fact]
    public void More_alternatives_than_tokens_are_refused() =>
        Assert.Throws<ArgumentException>(() => LogProbabilities.Report([1, 2], 2, 0, new TokenLogProb[3]));
}
