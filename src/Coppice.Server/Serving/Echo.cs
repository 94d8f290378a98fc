using System.Text;

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
    /// What of each token's bytes stands in the text, so that offsets point into it: a beginning of text that the tokenizer added stands for
    /// nothing, nor does the space that it puts before a first word, nor a special token that token ids spell.
    /// </summary>
    public Range[] InText(ServedModel model)
    {
        byte[] text = Encoding.UTF8.GetBytes(Text);
        Range[] ranges = new Range[Tokens.Length];
        int at = 0;
        for (int i = 0; i < Tokens.Length; i++)
        {
            ReadOnlySpan<byte> bytes = model.TokenBytes(Tokens[i]), rest = text.AsSpan(at);
            int from = 0;
            if (i == 0 && IsAdded(bytes, text, model)) from = bytes.Length;
            else if (!rest.StartsWith(bytes) && model.Tokenizer.IsSpecial(Tokens[i])) from = bytes.Length;
            else if (!rest.StartsWith(bytes) && bytes is [(byte)' ', ..]) from = 1;
            ranges[i] = from..bytes.Length;
            at = Math.Min(text.Length, at + bytes.Length - from);
        }

        return ranges;
    }

    /// <summary>Whether the first token is none of the text's, which may begin with the same, typed, as often.</summary>
    private bool IsAdded(ReadOnlySpan<byte> first, ReadOnlySpan<byte> text, ServedModel model)
    {
        if (first.IsEmpty || !model.Tokenizer.IsSpecial(Tokens[0])) return false;
        int copies = 0;
        for (; copies < Tokens.Length && Tokens[copies] == Tokens[0]; copies++)
        {
            if (!text.StartsWith(first)) return true;
            text = text[first.Length..];
        }

        return false;
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
