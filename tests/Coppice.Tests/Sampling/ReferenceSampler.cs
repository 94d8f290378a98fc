using Coppice.Sampling;

namespace Coppice.Tests.Sampling;

/// <summary>Sampling as it is defined: double arithmetic, a full sort, dictionaries. Slow and obvious.</summary>
internal static class ReferenceSampler
{
    /// <summary>Each token's probability of being drawn: [V].</summary>
    public static double[] Distribution(float[] modelLogits, GenerateOptions options, int[] prompt, int[] answer, int[] endOfText)
    {
        float[] logits = [.. modelLogits];
        if (answer.Length < options.MinTokens)
        {
            if (!options.IgnoreEndOfText) foreach (int token in endOfText) logits[token] = float.NegativeInfinity;
            foreach (int token in options.StopTokens) logits[token] = float.NegativeInfinity;
        }
        foreach ((int token, float value) in options.LogitBias ?? new Dictionary<int, float>()) logits[token] += value;
        foreach (int token in prompt.Concat(answer).Distinct())
            logits[token] = logits[token] > 0 ? logits[token] / options.RepetitionPenalty : logits[token] * options.RepetitionPenalty;
        foreach (IGrouping<int, int> seen in answer.GroupBy(token => token))
            logits[seen.Key] = logits[seen.Key] - (options.FrequencyPenalty * seen.Count()) - options.PresencePenalty;

        int[] ranked = Rank(logits);
        double[] result = new double[logits.Length];
        if (options.Temperature == 0)
        {
            result[ranked[0]] = 1;
            return result;
        }

        double max = logits[ranked[0]];
        double Weight(int token) => Math.Exp((logits[token] - max) / options.Temperature);
        List<int> kept = [.. ranked.Where(token => Weight(token) >= options.MinP)];
        if (options.TopK > 0) kept = [.. kept.Take(options.TopK)];

        double total = kept.Sum(Weight);
        double before = 0;
        List<int> nucleus = [];
        foreach (int token in kept)
        {
            if (options.TopP < 1 && before >= options.TopP * total) break;
            nucleus.Add(token);
            before += Weight(token);
        }
        foreach (int token in nucleus) result[token] = Weight(token) / nucleus.Sum(Weight);
        return result;
    }

    /// <summary>Ids by falling logit, then rising id.</summary>
    public static int[] Rank(float[] logits) => [.. Enumerable.Range(0, logits.Length).OrderByDescending(token => logits[token]).ThenBy(token => token)];

    /// <summary>The tokens whose stretch of the unit interval, laid out in order of id, holds the number; both neighbours at a seam.</summary>
    public static List<int> At(double[] distribution, double uniform)
    {
        const double Seam = 1e-9;
        List<int> tokens = [];
        double sum = 0;
        for (int token = 0; token < distribution.Length; token++)
        {
            if (distribution[token] > 0 && uniform >= sum - Seam && uniform < sum + distribution[token] + Seam) tokens.Add(token);
            sum += distribution[token];
        }
        return tokens;
    }

    public static double Uniform(SamplingState state) => Philox.Uniform(state.Seed, state.Sample, state.Generated);
}
