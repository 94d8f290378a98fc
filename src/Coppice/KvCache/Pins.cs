using System.Collections.Concurrent;

namespace Coppice.KvCache;

/// <summary>
/// All pins. They may take what the longest request that is let in does not need, so that none ever waits for pages that nobody gives back.
/// Any thread reserves and lets go; the engine's thread holds and frees.
/// </summary>
/// <param name="pool">The pages.</param>
/// <param name="mostPages">Pages that all pins together may take, each counted whole.</param>
internal sealed class Pins(PagePool pool, int mostPages)
{
    private readonly ConcurrentQueue<PinnedPages> _leaving = new();
    private readonly HashSet<PinnedPages> _held = [];
    private int _reserved;

    public int MostPages => mostPages;

    /// <summary>Pages reserved.</summary>
    public int Reserved => Volatile.Read(ref _reserved);

    public bool HasWork => !_leaving.IsEmpty;

    /// <summary>Every held page, once for each pin.</summary>
    public IEnumerable<int> Pages => _held.SelectMany(pin => pin.Held);

    public bool TryReserve(int pages)
    {
        while (true)
        {
            int reserved = Volatile.Read(ref _reserved);
            if (pages > mostPages - reserved) return false;
            if (Interlocked.CompareExchange(ref _reserved, reserved + pages, reserved) == reserved) return true;
        }
    }

    public void Leave(PinnedPages pin) => _leaving.Enqueue(pin);

    /// <summary>Engine: a pin's pages are computed.</summary>
    public void Hold(PinnedPages pin, PageTable table)
    {
        pin.Hold(table, pool);
        if (pin.Held.Count > 0) _held.Add(pin);
    }

    /// <summary>Engine: frees what was let go of.</summary>
    public void Release()
    {
        while (_leaving.TryDequeue(out PinnedPages? pin))
        {
            if (!pin.TryRelease(pool)) continue;
            _held.Remove(pin);
            Interlocked.Add(ref _reserved, -pin.Places);
        }
    }
}
