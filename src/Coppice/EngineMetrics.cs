namespace Coppice;

/// <summary>What an engine has done since it was opened.</summary>
public sealed record EngineMetrics
{
    /// <summary>Requests that ended, in whatever way.</summary>
    public long Requests { get; init; }

    /// <summary>Prompt tokens of all requests.</summary>
    public long PromptTokens { get; init; }

    /// <summary>Of these, how many were computed.</summary>
    public long ComputedPromptTokens { get; init; }

    /// <summary>Of these, how many were found in the cache, left by a request that had ended.</summary>
    public long CachedPromptTokens { get; init; }

    /// <summary>Of these, how many were found because a request still running had computed them.</summary>
    public long SharedPromptTokens { get; init; }

    /// <summary>Tokens computed again: after a pause for lack of pages, or for a sample that found no place beside its siblings.</summary>
    public long RecomputedTokens { get; init; }

    /// <summary>Tokens generated, over all samples.</summary>
    public long GeneratedTokens { get; init; }

    /// <summary>Given tokens whose log probability was asked for.</summary>
    public long ScoredTokens { get; init; }

    /// <summary>Steps: forward passes over a batch.</summary>
    public long Steps { get; init; }

    /// <summary>Seconds spent in steps.</summary>
    public double StepSeconds { get; init; }

    /// <summary>Bytes of keys and values that attention read.</summary>
    public long KvBytesRead { get; init; }

    /// <summary>Bytes it would have read with every row reading its own history.</summary>
    public long KvBytesReadPerSequence { get; init; }

    /// <summary>Rows of generated tokens that attended to their whole history, over all steps: in approximate modes those too short for it to pay.</summary>
    public long ExactDecodeRows { get; init; }

    /// <summary>Rows of generated tokens that attended to part of their history, as an approximate mode chose it.</summary>
    public long SparseDecodeRows { get; init; }

    /// <summary>Bytes that <see cref="SparseDecodeRows"/> fetched, as the kernels counted them; part of <see cref="KvBytesRead"/>.</summary>
    public long SparseBytesRead { get; init; }

    /// <summary>Bytes that the same rows would have fetched with exact attention per sequence.</summary>
    public long SparseBytesExact { get; init; }

    /// <summary>Most bytes of keys and values held by running requests at once.</summary>
    public long PeakKvBytes { get; init; }

    /// <summary>Bytes the same requests would have held without sharing, at that height.</summary>
    public long PeakKvBytesUnshared { get; init; }

    /// <summary>Bytes of keys and values that running samples and pins hold now.</summary>
    public long KvBytesHeld { get; init; }

    /// <summary>Of these, what pins take, each counted whole.</summary>
    public long KvBytesPinned { get; init; }

    /// <summary>Bytes of keys and values that nobody holds now and the cache keeps.</summary>
    public long KvBytesCached { get; init; }

    /// <summary>Bytes of keys and values that the cache gave up because the room was needed.</summary>
    public long KvBytesEvicted { get; init; }

    /// <summary>Where attention's reads were shared, and where not.</summary>
    public SharingMetrics Sharing { get; init; } = new();

    /// <summary>Samples in the batch now.</summary>
    public int RunningSamples { get; init; }

    /// <summary>Samples that wait for a place in the batch now.</summary>
    public int WaitingSamples { get; init; }

    /// <summary>Bytes that keys and values may take.</summary>
    public long KvBytesLimit { get; init; }
}
