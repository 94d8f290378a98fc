namespace Coppice.Server.Serving;

/// <summary>A prompt that stands before its answers: <c>echo</c> of the completions API.</summary>
/// <param name="Text">As it was sent; token ids as the text they spell.</param>
/// <param name="Tokens">Its tokens.</param>
/// <param name="LogProbs">Of every token but the first, which nothing predicts; null if none were asked for.</param>
/// <param name="Usage">Of scoring it.</param>
internal sealed record Echo(string Text, int[] Tokens, IReadOnlyList<ChosenLogProb>? LogProbs, Usage Usage)
{
    /// <summary>An answer's usage: what scoring left in the cache was the request's own doing.</summary>
    public Usage Corrected(Usage answer) => LogProbs is null ? answer : answer with { CachedTokens = Usage.CachedTokens };

    /// <summary>
    /// Bytes of the text that a token stands for, so that offsets point into it: a beginning of text that the tokenizer added stands for
    /// none, nor does the space that it puts before a first word.
    /// </summary>
    public ReadOnlySpan<byte> BytesInText(int index, ServedModel model)
    {
        bool begins = model.Tokenizer.IsSpecial(Tokens[0]) && !Text.StartsWith(model.TokenText(Tokens[0]), StringComparison.Ordinal);
        if (begins && index == 0) return [];
        ReadOnlySpan<byte> bytes = model.TokenBytes(Tokens[index]);
        return index == (begins ? 1 : 0) && bytes is [(byte)' ', ..] && !Text.StartsWith(' ') ? bytes[1..] : bytes;
    }
}

/// <summary>What came of one prompt.</summary>
/// <param name="Result">Its answers.</param>
/// <param name="Echo">What stands before them.</param>
internal sealed record Answered(GenerateResult Result, Echo? Echo)
{
    /// <summary>The tools that each answer calls; null if none were offered.</summary>
    public IReadOnlyList<IReadOnlyList<ToolCall>>? Calls { get; init; }
}
