namespace Coppice;

/// <summary>Why a sample ended.</summary>
public enum FinishReason
{
    /// <summary>The model ended its text, or a stop text or stop token came.</summary>
    Stop,

    /// <summary>The token limit or the end of the context was reached.</summary>
    Length,

    /// <summary>The caller cancelled it.</summary>
    Cancelled,
}

/// <summary>A token and the natural logarithm of its probability under the model, before temperature and penalties.</summary>
public readonly record struct TokenLogProb(int Token, float LogProb);

/// <summary>A chosen token's log probability and the likeliest alternatives, likeliest first.</summary>
public sealed record ChosenLogProb(int Token, float LogProb, IReadOnlyList<TokenLogProb> Top);

/// <summary>What one token added to one sample.</summary>
/// <param name="Index">Which of the request's samples, from 0.</param>
/// <param name="Token">The token's id.</param>
/// <param name="Text">The text that became certain with it: whole characters, sometimes none, never part of a stop text.</param>
/// <param name="LogProb">Its log probability, if the request asked for it.</param>
/// <param name="Finish">Set on a sample's last chunk.</param>
/// <param name="Usage">Set on the last chunk of the whole request.</param>
public sealed record GenerateChunk(int Index, int Token, string Text, ChosenLogProb? LogProb, FinishReason? Finish, Usage? Usage = null);

/// <summary>One finished sample.</summary>
public sealed record GenerateChoice(int Index, string Text, IReadOnlyList<int> Tokens, IReadOnlyList<ChosenLogProb>? LogProbs, FinishReason Finish);

/// <summary>Tokens of a request: <paramref name="CachedTokens"/> of the prompt's tokens were not computed for it but found.</summary>
public sealed record Usage(int PromptTokens, int CachedTokens, int CompletionTokens);

/// <summary>All samples of a request, in order of their index, and what they took.</summary>
public sealed record GenerateResult(IReadOnlyList<GenerateChoice> Choices, Usage Usage);
