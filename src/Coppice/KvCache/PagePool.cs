namespace Coppice.KvCache;

/// <summary>
/// Hands out pages and counts their holders. Every page is in one of three states, free + cached + in use = total:
/// free; cached, in the prefix tree and held by nobody; in use, held by one sequence or more. Cached pages are
/// taken, least recently used first, when no free one is left.
/// </summary>
internal sealed class PagePool
{
    private readonly KvPages _kv;
    private readonly int[] _holders;
    private readonly int[] _free;
    private int _freeCount;

    public PagePool(KvPages kv)
    {
        _kv = kv;
        Total = kv.PageCount - 1;
        Tree = new PrefixTree(kv.PageCount);
        _holders = new int[kv.PageCount];
        _free = new int[Total];
        // The lowest page goes first: the pages of a long prompt lie behind one another.
        for (int page = Total; page >= 1; page--) _free[_freeCount++] = page;
    }

    public PrefixTree Tree { get; }

    /// <summary>Pages there are, without page 0.</summary>
    public int Total { get; }

    public int Free => _freeCount;

    public int Cached => Tree.Idle;

    public int InUse => Total - _freeCount - Tree.Idle;

    /// <summary>Pages that could be handed out now.</summary>
    public int Available => _freeCount + Tree.Idle;

    /// <summary>Takes a free page, or the oldest cached one, cleared, with one holder.</summary>
    public bool TryTake(out int page)
    {
        if (_freeCount == 0) _freeCount = Tree.Evict(_free);
        if (_freeCount == 0)
        {
            page = 0;
            return false;
        }

        page = _free[--_freeCount];
        _holders[page] = 1;
        _kv.Clear(page);
        return true;
    }

    /// <summary>Sequences that hold the page now.</summary>
    public int Holders(int page) => _holders[page];

    /// <summary>True if somebody holds the page now.</summary>
    public bool IsHeld(int page) => _holders[page] > 0;

    /// <summary>One more holder of a page that is in use or cached.</summary>
    public void Hold(int page)
    {
        if (_holders[page]++ == 0) Tree.BecomesBusy(page);
    }

    /// <summary>One holder less. Let go of a sequence's pages from its last to its first.</summary>
    public void LetGo(int page)
    {
        if (_holders[page] <= 0) throw new InvalidOperationException($"Page {page} is held by nobody.");
        if (--_holders[page] > 0) return;
        if (Tree.Contains(page)) Tree.BecomesIdle(page);
        else _free[_freeCount++] = page;
    }

    /// <summary>Throws if the pages do not add up.</summary>
    /// <param name="held">Every page that a sequence holds, once for each holder.</param>
    public void CheckInvariants(IEnumerable<int> held)
    {
        int[] expected = new int[_holders.Length];
        foreach (int page in held) expected[page]++;
        for (int page = 0; page < expected.Length; page++)
            if (expected[page] != _holders[page]) throw new InvalidOperationException($"Page {page} has {_holders[page]} holders and should have {expected[page]}.");
        int inUse = expected.Count(n => n > 0);
        if (inUse != InUse) throw new InvalidOperationException($"Free {Free} + cached {Cached} + in use {inUse} is not the total {Total}.");
        for (int i = 0; i < _freeCount; i++)
            if (_holders[_free[i]] != 0 || Tree.Contains(_free[i])) throw new InvalidOperationException($"Page {_free[i]} is free and in use or cached.");
        Tree.CheckInvariants(_holders);
    }
}
