using Coppice.Sampling;

namespace Coppice.Scheduling;

/// <summary>
/// What a scoring request asks and what it has found: the logits at position i score the token at i + 1.
/// tokens [from, from + Count) are scored. The engine's thread writes; the caller reads when the request has ended.
/// </summary>
internal sealed class Scores(int[] tokens, int from, int top, bool asDecode = false)
{
    private readonly ScoredToken[] _scored = new ScoredToken[tokens.Length - from];

    public int Count { get; private set; }

    /// <summary>The first position whose logits are still wanted.</summary>
    public int LogitsFrom => from - 1 + Count;

    /// <summary>The first position whose row may be approximated.</summary>
    public int DecodeFrom { get; } = asDecode ? from : tokens.Length;

    public IReadOnlyList<ScoredToken> All => _scored;

    /// <summary>Scores the next token.</summary>
    /// <param name="logits">[V]: the model's own, at position <see cref="LogitsFrom"/>.</param>
    /// <param name="peak">The largest of them.</param>
    public void Add(ReadOnlySpan<float> logits, Peak peak)
    {
        int token = tokens[from + Count];
        TokenLogProb[] likeliest = top == 0 ? [] : new TokenLogProb[top];
        float logProb = LogProbabilities.Report(logits, peak.Logit, token, likeliest);
        _scored[Count++] = new ScoredToken(new ChosenLogProb(token, logProb, likeliest), token == peak.Token ? 1 : LogProbabilities.Rank(logits, token));
    }
}
