using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Server.Prefixes;

/// <summary>A request's use of a prefix.</summary>
internal sealed record PrefixUse(Prefix Prefix, Caller Caller)
{
    /// <inheritdoc cref="Prefix.Used"/>
    public void Ended(int cached, int prompts) => Prefix.Used(Caller, cached, prompts);
}

/// <summary>What a prefix was made from: a text or token ids; or messages.</summary>
internal sealed record PrefixSource(PromptSource? Prompt, IReadOnlyList<ChatMessage>? Messages);

/// <summary>A prefix in one part of the cache.</summary>
internal sealed class PinnedPart(PrefixPin pin, Action giveBack) : IDisposable
{
    public PrefixPin Pin => pin;

    public void Dispose()
    {
        pin.Dispose();
        giveBack();
    }
}

/// <summary>
/// A named beginning of prompts, pinned where its owner's requests look for it. One that is public is pinned for another key when that key
/// first uses it, in that key's own part of the cache, so that nobody can find out by it what follows it elsewhere.
/// </summary>
/// <param name="name">Unique among its owner's.</param>
/// <param name="owner">The key that made it.</param>
/// <param name="source">What it was made from.</param>
/// <param name="tokens">How it is written.</param>
/// <param name="pin">Pins it for a caller.</param>
internal sealed class Prefix(string name, string owner, PrefixSource source, int[] tokens, Func<Prefix, Caller, CancellationToken, Task<PinnedPart>> pin) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly CancellationTokenSource _ending = new();
    private readonly Dictionary<string, Task<PinnedPart>> _parts = new(StringComparer.Ordinal);     // by salt
    private bool _ended;
    private long _requests, _cachedTokens;

    public string Name => name;

    public string Owner => owner;

    public PrefixSource Source => source;

    public int[] Tokens => tokens;

    /// <summary>Whether other keys may use it.</summary>
    public bool IsPublic { get; init; }

    /// <summary>Divides the cache further.</summary>
    public string? CacheSalt { get; init; }

    /// <summary>Unix seconds.</summary>
    public long CreatedAt { get; init; }

    /// <summary>When it is forgotten, in Unix seconds; null: never.</summary>
    public long? ExpiresAt { get; init; }

    /// <summary>Ends it when its time has come.</summary>
    public ITimer? Timer { get; set; }

    /// <summary>Requests that began with it.</summary>
    public long Requests => Interlocked.Read(ref _requests);

    /// <summary>Its tokens that those did not have to compute.</summary>
    public long CachedTokens => Interlocked.Read(ref _cachedTokens);

    /// <summary>Tokens kept and the bytes of their keys and values, over all parts of the cache.</summary>
    public (long Tokens, long Bytes) Pinned
    {
        get
        {
            lock (_lock)
            {
                PrefixPin[] pins = [.. _parts.Values.Where(part => part.IsCompletedSuccessfully).Select(part => part.Result.Pin)];
                return (pins.Sum(one => (long)one.Tokens), pins.Sum(one => one.Bytes));
            }
        }
    }

    /// <summary>Pins it for a caller, unless it is.</summary>
    public Task PinAsync(Caller caller)
    {
        string part = caller.Salt(CacheSalt) ?? "";
        lock (_lock)
        {
            if (_ended || _parts.ContainsKey(part)) return _parts.GetValueOrDefault(part) ?? Task.CompletedTask;
            return _parts[part] = pin(this, caller, _ending.Token);
        }
    }

    /// <summary>A request that began with it has ended. What it computed is pinned for its caller, if there is room and it is not pinned yet.</summary>
    /// <param name="caller">Who made the request.</param>
    /// <param name="cached">Prompt tokens that it did not have to compute, over its prompts.</param>
    /// <param name="prompts">Its prompts.</param>
    public void Used(Caller caller, int cached, int prompts)
    {
        _ = PinAsync(caller).ContinueWith(static failed => _ = failed.Exception, CancellationToken.None, TaskContinuationOptions.OnlyOnFaulted, TaskScheduler.Default);
        Interlocked.Increment(ref _requests);
        Interlocked.Add(ref _cachedTokens, Math.Min(cached, (long)prompts * tokens.Length));
    }

    /// <summary>Lets go of its pages. Requests that use it go on.</summary>
    public void Dispose()
    {
        Task<PinnedPart>[] parts;
        lock (_lock)
        {
            if (_ended) return;
            _ended = true;
            parts = [.. _parts.Values];
        }

        Timer?.Dispose();
        _ending.Cancel();
        foreach (Task<PinnedPart> part in parts)
            _ = part.ContinueWith(static ended => ended.Result.Dispose(), CancellationToken.None, TaskContinuationOptions.OnlyOnRanToCompletion | TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
    }
}
