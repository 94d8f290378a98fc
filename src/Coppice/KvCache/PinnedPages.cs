namespace Coppice.KvCache;

/// <summary>The pages of one pin: reserved before they are computed, held from then until the pin is let go of.</summary>
internal sealed class PinnedPages(int places, long bytes)
{
    private readonly List<int> _held = new(places);
    private bool _released;

    public int Places { get; } = places;

    public long Bytes { get; } = bytes;

    public IReadOnlyList<int> Held => _held;

    /// <summary>Engine: the pages are computed. Nothing happens if the pin was let go of before.</summary>
    public void Hold(PageTable table, PagePool pool)
    {
        for (int i = 0; i < Places && !_released; i++)
        {
            pool.Hold(table[i]);
            _held.Add(table[i]);
        }
    }

    /// <summary>Engine: nobody needs the pin any more. False if that was so before.</summary>
    public bool TryRelease(PagePool pool)
    {
        if (_released) return false;
        _released = true;
        for (int i = _held.Count - 1; i >= 0; i--) pool.LetGo(_held[i]);
        _held.Clear();
        return true;
    }
}
