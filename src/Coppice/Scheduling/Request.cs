using Coppice.KvCache;
using Coppice.Sampling;
using Coppice.Tokens;

namespace Coppice.Scheduling;

/// <summary>
/// One prompt and its samples. The engine's thread writes; the caller's thread reads what <see cref="Sequence.Generated"/>
/// says is there, and is woken by <see cref="Changed"/>.
/// </summary>
internal sealed class Request
{
    private readonly SemaphoreSlim _changed = new(0);
    private int _signalled, _unfinished;
    private volatile bool _cancelled;
    private Exception? _error;

    /// <param name="prompt">Token ids; at least one.</param>
    /// <param name="options">Validated.</param>
    /// <param name="maxTokens">Longest that a sample may become, prompt included.</param>
    /// <param name="wake">When the caller wants to be woken.</param>
    /// <param name="sampling">The sampling state of the first sample.</param>
    /// <param name="beginsText">The prompt has no text: the answer begins it.</param>
    public Request(int[] prompt, GenerateOptions options, int maxTokens, WakeOn wake, SamplingState sampling, bool beginsText)
    {
        Prompt = prompt;
        Options = options;
        MaxTokens = maxTokens;
        Wake = wake;
        Sequences = new Sequence[options.Samples];
        StopTexts = StopTexts.Of(options.Stop);
        for (int i = 0; i < Sequences.Length; i++) Sequences[i] = new Sequence(this, i, i == 0 ? sampling : sampling.ForSample(i), beginsText);
        _unfinished = Sequences.Length;
    }

    public int[] Prompt { get; }

    public GenerateOptions Options { get; }

    /// <summary>Set if given tokens are scored and none are generated. The prompt is then all of them but the last, which predicts nothing.</summary>
    public Scores? Scores { get; init; }

    /// <summary>Set if the prompt is embedded and nothing is generated.</summary>
    public Pooling? Pooling { get; init; }

    /// <summary>Set if the prompt is computed to be kept and nothing is generated.</summary>
    public PinnedPages? Pin { get; init; }

    /// <summary>The prefix tree's root for the request's salt. Engine's thread.</summary>
    public int Root { get; set; }

    /// <summary>Whose turn it takes. Engine's thread, set when it comes in.</summary>
    public Owner Owner { get; set; } = null!;

    public int MaxTokens { get; }

    public WakeOn Wake { get; }

    public StopTexts StopTexts { get; }

    /// <summary>One per sample. The first computes the prompt; the others branch off where it ends.</summary>
    public Sequence[] Sequences { get; }

    /// <summary>Prompt tokens that were found instead of computed.</summary>
    public int CachedTokens { get; set; }

    public bool IsCancelled => _cancelled;

    public bool IsFinished => Volatile.Read(ref _unfinished) == 0;

    /// <summary>Set before <see cref="IsFinished"/> if the request failed.</summary>
    public Exception? Error => Volatile.Read(ref _error);

    /// <summary>Asks the engine to end the request at its next step.</summary>
    public void Cancel() => _cancelled = true;

    /// <summary>Engine: a sample ended.</summary>
    public void FinishOne()
    {
        Interlocked.Decrement(ref _unfinished);
        Signal();
    }

    /// <summary>Engine: the whole request failed.</summary>
    public void Fail(Exception error)
    {
        Volatile.Write(ref _error, error);
        Volatile.Write(ref _unfinished, 0);
        Signal();
    }

    /// <summary>Wakes the caller, if it is not awake already.</summary>
    public void Signal()
    {
        if (Interlocked.Exchange(ref _signalled, 1) == 0) _changed.Release();
    }

    /// <summary>Completes when something has changed since the last call.</summary>
    public async ValueTask Changed(CancellationToken cancellation)
    {
        await _changed.WaitAsync(cancellation).ConfigureAwait(false);
        Volatile.Write(ref _signalled, 0);
    }
}

/// <summary>When the engine wakes a request's caller.</summary>
internal enum WakeOn
{
    /// <summary>At each token: somebody is watching.</summary>
    Token,

    /// <summary>When a sample ends.</summary>
    Finish,
}
