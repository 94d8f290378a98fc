using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

public class CandidatesTests
{
    [Fact]
    public void Top_k_keeps_the_first_k_of_the_full_order_at_every_k()
    {
        Random random = new(1);
        foreach (int vocabularySize in new[] { 1, 2, 7, 8, 9, 64, 100 })
        {
            for (int round = 0; round < 8; round++)
            {
                float[] logits = RandomLogits.Make(random, vocabularySize);
                int[] ranked = ReferenceSampler.Rank(logits);
                Candidates candidates = new(vocabularySize);
                for (int k = 1; k <= vocabularySize + 1; k++)
                {
                    candidates.Load(logits);
                    candidates.KeepTop(k);
                    Assert.Equal(ranked.Take(k).Order(), candidates.Tokens.ToArray());
                }
            }
        }
    }

    [Fact]
    public void Top_k_tells_neighbouring_floats_apart_on_both_sides_of_zero()
    {
        float[] logits = [0f, -0f, float.Epsilon, -float.Epsilon, 1, MathF.BitIncrement(1), MathF.BitDecrement(1), -1, MathF.BitIncrement(-1), MathF.BitDecrement(-1), float.MaxValue, float.MinValue, float.NegativeInfinity];
        int[] ranked = ReferenceSampler.Rank(logits);
        Candidates candidates = new(logits.Length);
        for (int k = 1; k <= logits.Length; k++)
        {
            candidates.Load(logits);
            candidates.KeepTop(k);
            Assert.Equal(ranked.Take(k).Order(), candidates.Tokens.ToArray());
        }
    }

    [Fact]
    public void Top_p_keeps_the_shortest_head_that_reaches_the_share()
    {
        Random random = new(2);
        for (int round = 0; round < 500; round++)
        {
            int vocabularySize = random.Next(1, round % 20 == 0 ? 20_000 : 300);
            float[] logits = RandomLogits.Make(random, vocabularySize);
            int[] ranked = ReferenceSampler.Rank(logits);
            double topP = 1 - random.NextDouble();
            Candidates candidates = new(vocabularySize);
            candidates.Load(logits);
            candidates.Weigh(logits[ranked[0]], 1);
            candidates.KeepMass(topP);

            double Weight(int token) => Math.Exp((double)logits[token] - logits[ranked[0]]);
            double total = ranked.Sum(Weight);
            int kept = candidates.Tokens.Length;
            Assert.Equal(ranked.Take(kept).Order(), candidates.Tokens.ToArray());
            Assert.True(ranked.Take(kept).Sum(Weight) >= (topP - 1e-12) * total);
            Assert.True(ranked.Take(kept - 1).Sum(Weight) < (topP + 1e-12) * total);
        }
    }

    [Theory]
    [InlineData(0.25, 1)]
    [InlineData(0.2500001, 2)]
    [InlineData(0.5, 2)]
    [InlineData(0.75, 3)]
    [InlineData(1e-9, 1)]
    [InlineData(0.9999999, 4)]
    public void Top_p_cuts_between_equals_by_id(double topP, int kept)
    {
        Candidates candidates = new(4);
        candidates.Load([2, 2, 2, 2]);
        candidates.Weigh(2, 1);
        candidates.KeepMass(topP);
        Assert.Equal(Enumerable.Range(0, kept), candidates.Tokens.ToArray());
    }

    [Theory]
    [InlineData(0.0)]
    [InlineData(0.5)]
    [InlineData(0.9999999999999999)]
    public void No_number_draws_a_token_without_weight(double uniform)
    {
        float[] logits = [float.NegativeInfinity, 1, -5000, 1, float.NegativeInfinity];
        Candidates candidates = new(5);
        candidates.Load(logits);
        candidates.Weigh(1, 1);
        Assert.Equal(uniform < 0.5 ? 1 : 3, candidates.Draw(uniform));
    }
}
