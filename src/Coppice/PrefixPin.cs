using Coppice.KvCache;

namespace Coppice;

/// <summary>
/// Keys and values of a prompt's beginning, kept until this is disposed: prompts that begin with it, of the same salt, find it whatever else
/// was computed since. It changes no answer. Made by <see cref="Engine.PinAsync"/>.
/// </summary>
public sealed class PrefixPin : IDisposable
{
    private readonly Action<PinnedPages> _release;
    private readonly PinnedPages _pages;

    internal PrefixPin(PinnedPages pages, Usage usage, Action<PinnedPages> release) => (_pages, Usage, _release) = (pages, usage, release);

    /// <summary>Tokens that are kept: whole pages of 16.</summary>
    public int Tokens => _pages.Places * KvLayout.PageTokens;

    /// <summary>Bytes of their keys and values. What two pins have in common is there once, and counts for both.</summary>
    public long Bytes => _pages.Bytes;

    /// <summary>What computing it took.</summary>
    public Usage Usage { get; }

    /// <summary>Lets go of the pages at the engine's next step: requests that use them go on, and the cache keeps them as it keeps any.</summary>
    public void Dispose() => _release(_pages);
}
