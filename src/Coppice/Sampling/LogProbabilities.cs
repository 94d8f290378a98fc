namespace Coppice.Sampling;

/// <summary>Natural log probabilities of a row of logits: the logit less the log of the sum of all exponentials, which is taken in double.</summary>
internal static class LogProbabilities
{
    /// <summary>The log probability of one token, and the likeliest tokens with theirs.</summary>
    /// <param name="logits">[V]: the model's own, finite or -inf.</param>
    /// <param name="max">The largest of them, finite.</param>
    /// <param name="token">The token to report on.</param>
    /// <param name="top">Filled with its length of tokens, likeliest first, lower ids first among equals; at most V.</param>
    public static float Report(ReadOnlySpan<float> logits, float max, int token, Span<TokenLogProb> top)
    {
        if (top.Length > logits.Length) throw new ArgumentException($"{top.Length} alternatives asked of a vocabulary of {logits.Length}.", nameof(top));
        double total = Softmax.LogSumExp(logits, max);
        FillTop(logits, top);
        foreach (ref TokenLogProb entry in top) entry = new(entry.Token, (float)(logits[entry.Token] - total));
        return (float)(logits[token] - total);
    }

    /// <summary>1 for the likeliest token, 2 for the next; equal logits rank by id, lowest first.</summary>
    public static int Rank(ReadOnlySpan<float> logits, int token)
    {
        float logit = logits[token];
        int before = 0;
        foreach (float other in logits[..token])
            if (other >= logit) before++;
        foreach (float other in logits[(token + 1)..])
            if (other > logit) before++;
        return before + 1;
    }

    /// <summary>The largest logits, kept sorted while the row is read once.</summary>
    private static void FillTop(ReadOnlySpan<float> logits, Span<TokenLogProb> top)
    {
        if (top.IsEmpty) return;
        int filled = 0;
        for (int token = 0; token < logits.Length; token++)
        {
            float logit = logits[token];
            if (filled == top.Length && !(logit > top[^1].LogProb)) continue;

            int place = filled < top.Length ? filled++ : filled - 1;
            for (; place > 0 && logit > top[place - 1].LogProb; place--) top[place] = top[place - 1];
            top[place] = new(token, logit);
        }
    }
}
