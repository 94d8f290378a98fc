using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;

namespace Coppice.Server.Prefixes;

/// <summary>The declared prefixes. They live as long as the server.</summary>
internal sealed class PrefixStore(ServedModel model, ServerLimits limits, TimeProvider time) : IDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<(string Owner, string Name), Prefix> _prefixes = [];
    private long _pinned;       // tokens of all pins, those being made among them

    /// <summary>Declares a prefix and pins it for its owner.</summary>
    /// <param name="caller">Whose it is.</param>
    /// <param name="body">What it is.</param>
    /// <param name="tokens">How it is written.</param>
    /// <exception cref="ApiException">The name is taken, or there is no room.</exception>
    public async Task<Prefix> AddAsync(Caller caller, PrefixBody body, int[] tokens)
    {
        long now = time.GetUtcNow().ToUnixTimeSeconds();
        Prefix prefix = new(body.Name!, caller.Name, new PrefixSource(body.Prompt, body.Chat.Messages), tokens, PinAsync)
        {
            IsPublic = body.Public,
            CacheSalt = body.CacheSalt,
            CreatedAt = now,
            ExpiresAt = body.TtlSeconds is int ttl ? now + ttl : null,
        };
        lock (_lock)
        {
            if (_prefixes.ContainsKey((prefix.Owner, prefix.Name)) || (prefix.IsPublic && _prefixes.Values.Any(other => other.IsPublic && other.Name == prefix.Name)))
                throw new ApiException(409, $"There is a prefix '{prefix.Name}' already. Delete it first, or choose another name.") { Type = "invalid_request_error", Param = "name", Code = "prefix_exists" };
            long own = _prefixes.Values.Where(other => other.Owner == prefix.Owner).Sum(other => (long)other.Tokens.Length);
            if (own + tokens.Length > limits.PinnedTokensPerKey)
                throw Full($"The prefix has {tokens.Length} tokens; your key's prefixes have {own} and may have {limits.PinnedTokensPerKey}. Delete one, or shorten this one.");
            _prefixes.Add((prefix.Owner, prefix.Name), prefix);
        }

        try
        {
            await prefix.PinAsync(caller);
        }
        catch
        {
            Remove(prefix);
            throw;
        }

        if (body.TtlSeconds is int seconds) prefix.Timer = time.CreateTimer(_ => Remove(prefix), null, TimeSpan.FromSeconds(seconds), Timeout.InfiniteTimeSpan);
        return prefix;
    }

    /// <summary>What a caller may use: its own, and public ones of other names.</summary>
    public IReadOnlyList<Prefix> Of(Caller caller)
    {
        lock (_lock)
            return [.. _prefixes.Values.Where(prefix => prefix.Owner == caller.Name || (prefix.IsPublic && !_prefixes.ContainsKey((caller.Name, prefix.Name)))).OrderBy(prefix => prefix.Name, StringComparer.Ordinal)];
    }

    /// <exception cref="ApiException">The caller may use none of this name.</exception>
    public Prefix Find(Caller caller, string name) => Of(caller).FirstOrDefault(prefix => prefix.Name == name)
        ?? throw new ApiException(404, $"There is no prefix '{Field.Shortened(name)}'; it was never declared, was deleted, or its time has ended. POST /v1/prefixes declares one.") { Param = "prefix", Code = "prefix_not_found", Type = "invalid_request_error" };

    /// <summary>Forgets a prefix and lets go of its pages.</summary>
    public void Remove(Prefix prefix)
    {
        lock (_lock)
        {
            if (_prefixes.TryGetValue((prefix.Owner, prefix.Name), out Prefix? there) && there == prefix) _prefixes.Remove((prefix.Owner, prefix.Name));
        }

        prefix.Dispose();
    }

    public void Dispose()
    {
        Prefix[] all;
        lock (_lock) all = [.. _prefixes.Values];
        foreach (Prefix prefix in all) Remove(prefix);
    }

    private static ApiException Full(string message) => new(400, message) { Code = "prefix_limit_exceeded" };

    private async Task<PinnedPart> PinAsync(Prefix prefix, Caller caller, CancellationToken cancellation)
    {
        int tokens = prefix.Tokens.Length;
        long pinned = Interlocked.Add(ref _pinned, tokens);
        try
        {
            if (pinned > limits.PinnedTokens) throw Full($"The prefix has {tokens} tokens; all prefixes have {pinned - tokens} and may have {limits.PinnedTokens}. Shorten it, or try again when others have ended.");
            return new PinnedPart(await model.Engine.PinAsync(prefix.Tokens, caller.Salt(prefix.CacheSalt), caller.Name, cancellation), GiveBack);
        }
        catch
        {
            GiveBack();
            throw;
        }

        void GiveBack() => Interlocked.Add(ref _pinned, -tokens);
    }
}
