using System.Text;

namespace Coppice.Cli.Scoring;

/// <summary>
/// A prompt and its continuation as one run of tokens. The text is encoded whole, as a model has seen texts; the tokens scored are
/// those from the first that the prompt alone would not have. Where a token reaches across the boundary, such as a space at the
/// prompt's end that belongs to the next word, it is scored with the continuation.
/// </summary>
/// <param name="Tokens">Of prompt and continuation.</param>
/// <param name="ScoredFrom">The first token that is the continuation's.</param>
/// <param name="Continuation">The text.</param>
internal sealed record ScoredText(int[] Tokens, int ScoredFrom, string Continuation)
{
    public int Bytes => Encoding.UTF8.GetByteCount(Continuation);

    /// <summary>Unicode characters, not UTF-16 units.</summary>
    public int Characters => Continuation.EnumerateRunes().Count();

    /// <param name="encode">The model's tokenizer, with its beginning of text.</param>
    /// <param name="promptTokens">The prompt alone.</param>
    /// <param name="prompt">The same, as text.</param>
    /// <param name="continuation">Not empty.</param>
    /// <exception cref="InvalidRequestException">There is no token in front of the continuation to predict it.</exception>
    public static ScoredText Of(Func<string, int[]> encode, ReadOnlySpan<int> promptTokens, string prompt, string continuation)
    {
        int[] tokens = encode(prompt + continuation);
        int from = promptTokens.CommonPrefixLength(tokens);
        if (from == 0) throw new InvalidRequestException("No token stands in front of the continuation to predict it: this model has no beginning of text, so the prompt must not be empty.");
        if (from == tokens.Length) throw new InvalidRequestException($"The continuation '{BatchFiles.JsonField.Shortened(continuation)}' adds no token to the prompt.");
        return new ScoredText(tokens, from, continuation);
    }
}

/// <summary>One continuation with what the model gives it. Logarithms are natural.</summary>
internal sealed record Scored(ScoredText Text, ScoreResult Result)
{
    public double LogProb { get; } = Result.LogProb;

    public double PerToken => LogProb / Result.Tokens.Count;

    public double PerByte => LogProb / Text.Bytes;

    public double PerCharacter => LogProb / Text.Characters;
}
