namespace Coppice.Server;

/// <summary>What one request, one key and all of them together may ask for.</summary>
public sealed record ServerLimits
{
    /// <summary>Most bytes of a request's body; uploaded files have <see cref="FileBytes"/>.</summary>
    public int BodyBytes { get; init; } = 8 << 20;

    /// <summary>Most bytes of an uploaded file.</summary>
    public long FileBytes { get; init; } = 512L << 20;

    /// <summary>Bytes that the stored files of one key may have, results of batches among them; more are not taken.</summary>
    public long StoredBytesPerKey { get; init; } = 16L << 30;

    /// <summary>Most requests of a batch.</summary>
    public int BatchRequests { get; init; } = 500_000;

    /// <summary>Batches that one key may have open: begun and neither ended nor cancelled.</summary>
    public int BatchesPerKey { get; init; } = 16;

    /// <summary>Most samples of a prompt (<c>n</c>), at most 1,024.</summary>
    public int Samples { get; init; } = 128;

    /// <summary>Most prompts of a completion request.</summary>
    public int Prompts { get; init; } = 256;

    /// <summary>Most tokens of a prompt. Null: what the model takes.</summary>
    public int? PromptTokens { get; init; }

    /// <summary>Most alternatives reported for a token, at most 20.</summary>
    public int LogProbs { get; init; } = 20;

    /// <summary>Most stop texts, at most 16.</summary>
    public int StopTexts { get; init; } = 16;

    /// <summary>Samples that may wait behind a full batch; more are refused with 429.</summary>
    public int Queue { get; init; } = 4096;

    /// <summary>Samples that one key may have running and waiting. Null: no limit but <see cref="Queue"/>.</summary>
    public int? SamplesPerKey { get; init; }

    /// <summary>Memory that the log probabilities of running answers may take, and what penalties remember, over all requests; one request may take a quarter. More is refused.</summary>
    public long AnswerBytes { get; init; } = 1L << 30;

    /// <summary>Requests that one key may make in a minute, on average. Null: no limit.</summary>
    public int? RequestsPerMinute { get; init; }

    /// <summary>Tokens that the declared prefixes of one key may have. Null: no limit but <see cref="PinnedTokens"/>.</summary>
    public int? PinnedTokensPerKey { get; init; } = 65_536;

    /// <summary>Tokens that all declared prefixes may have. Null: no limit but the engine's, which leaves room for the longest request.</summary>
    public int? PinnedTokens { get; init; }
}
