namespace Coppice.KvCache;

/// <summary>
/// Which computed pages hold which tokens: a tree whose nodes are full pages, keyed by their 16 tokens below their parent.
/// Salts have roots of their own, so that nothing is shared between them. Nodes are page numbers and links are arrays,
/// so nothing is allocated while pages come and go. The tree matches tokens; the hash only says where to look.
/// A page below an idle one may be held: by a sequence whose window has moved on. If the idle one is evicted nobody finds what is below
/// it any more, so all of that leaves the tree, and what is held there becomes its holders' own.
/// </summary>
internal sealed class PrefixTree
{
    private const int None = -1;
    private const int Tokens = KvLayout.PageTokens;

    private readonly int _pages;
    private readonly int[] _tokens;             // [page][16]
    private readonly int[] _parent;             // a page, or pages + root index; None: not in the tree
    private readonly int[] _next, _previous;    // siblings
    private readonly int[] _chain;              // next page in the same hash bucket
    private readonly int[] _buckets;
    private readonly int[] _idleChildren;
    private readonly int[] _older, _newer;      // least-recently-used list of idle pages without idle children
    private readonly long[] _lastUse;
    private readonly bool[] _listed;
    private readonly bool[] _idle;              // in the tree, held by nobody
    private readonly int[] _hits;               // requests that found the page
    private readonly long[] _usedAt;            // milliseconds of the system's clock
    private readonly Dictionary<string, int> _roots = new(StringComparer.Ordinal);
    private readonly Stack<int> _freeRoots = new();
    private int[] _firstChild;                  // by page, then by root
    private int[] _evictedBelow;                // pages, by page, then by root
    private int _oldest = None, _newest = None;
    private long _clock;

    public PrefixTree(int pages)
    {
        _pages = pages;
        _tokens = new int[pages * Tokens];
        _parent = Filled(pages);
        _next = Filled(pages);
        _previous = Filled(pages);
        _chain = Filled(pages);
        _idleChildren = new int[pages];
        _older = Filled(pages);
        _newer = Filled(pages);
        _firstChild = Filled(pages + 1);
        _lastUse = new long[pages];
        _listed = new bool[pages];
        _idle = new bool[pages];
        _hits = new int[pages];
        _usedAt = new long[pages];
        _evictedBelow = new int[pages + 1];
        _buckets = Filled((int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)pages * 2));
    }

    /// <summary>Pages in the tree that nobody holds.</summary>
    public int Idle { get; private set; }

    /// <summary>Pages evicted so far.</summary>
    public long Evicted { get; private set; }

    /// <summary>The partitions, by their salts and roots; the common one, which has no salt, is not among them.</summary>
    public IReadOnlyDictionary<string, int> Roots => _roots;

    /// <summary>The root of a salt's partition; null is the common one. Roots that have neither pages nor users are used again.</summary>
    /// <param name="salt">The partition.</param>
    /// <param name="inUse">Roots that must stay although they have no pages.</param>
    public int Root(string? salt, IEnumerable<int> inUse)
    {
        if (salt is null) return _pages;
        if (_roots.TryGetValue(salt, out int root)) return root;
        if (_freeRoots.Count == 0) MakeRoots(inUse);
        root = _freeRoots.Pop();
        _roots.Add(salt, root);
        return root;
    }

    public bool Contains(int page) => _parent[page] != None;

    /// <summary>The page below <paramref name="parent"/> that holds exactly these 16 tokens.</summary>
    public bool TryFind(int parent, ReadOnlySpan<int> tokens, out int page)
    {
        for (page = _buckets[Bucket(parent, tokens)]; page != None; page = _chain[page])
            if (_parent[page] == parent && tokens.SequenceEqual(TokensOf(page))) return true;
        return false;
    }

    /// <summary>The page below <paramref name="parent"/> that begins with most of these tokens; how many is the result.</summary>
    public int LongestBeginning(int parent, ReadOnlySpan<int> tokens, out int page)
    {
        int best = 0;
        page = None;
        for (int child = _firstChild[parent]; child != None; child = _next[child])
        {
            int common = tokens.CommonPrefixLength(TokensOf(child));
            if (common <= best) continue;
            best = common;
            page = child;
        }

        return best;
    }

    /// <summary>Adds a page that is in use and whose 16 tokens are computed. There is none with these tokens yet.</summary>
    public void Add(int parent, int page, ReadOnlySpan<int> tokens)
    {
        tokens.CopyTo(_tokens.AsSpan(page * Tokens, Tokens));
        _parent[page] = parent;
        _lastUse[page] = ++_clock;
        _usedAt[page] = Environment.TickCount64;
        _hits[page] = _evictedBelow[page] = 0;
        int bucket = Bucket(parent, tokens);
        _chain[page] = _buckets[bucket];
        _buckets[bucket] = page;
        int first = _firstChild[parent];
        _next[page] = first;
        _previous[page] = None;
        if (first != None) _previous[first] = page;
        _firstChild[parent] = page;
    }

    /// <summary>The last holder let go of a page.</summary>
    public void BecomesIdle(int page)
    {
        Idle++;
        _idle[page] = true;
        _lastUse[page] = ++_clock;
        _usedAt[page] = Environment.TickCount64;
        if (_idleChildren[page] == 0) List(page);
        int parent = _parent[page];
        if (parent < _pages && _idleChildren[parent]++ == 0 && _listed[parent]) Unlist(parent);
    }

    /// <summary>Somebody holds an idle page again.</summary>
    public void BecomesBusy(int page)
    {
        Idle--;
        _idle[page] = false;
        if (_listed[page]) Unlist(page);
        int parent = _parent[page];
        if (parent < _pages && --_idleChildren[parent] == 0 && _idle[parent]) List(parent);
    }

    /// <summary>
    /// Takes the least recently used idle page that has no idle child out of the tree, and with it all pages below. Those of them that
    /// nobody holds are written to <paramref name="freed"/>, the page itself last; how many is the result, 0 if there is no idle page.
    /// </summary>
    public int Evict(Span<int> freed)
    {
        if (_oldest == None) return 0;
        int count = 0, page = _oldest, node = page;
        while (true)
        {
            while (_firstChild[node] != None) node = _firstChild[node];
            int parent = _parent[node];
            if (_idle[node])
            {
                freed[count++] = node;
                BecomesBusy(node);
                _evictedBelow[parent] += 1 + _evictedBelow[node];
                Evicted++;
            }

            Unlink(node, parent);
            if (node == page) return count;
            node = parent;
        }
    }

    /// <summary>The page above; a root's number if there is none. The page is in the tree.</summary>
    public int Parent(int page) => _parent[page];

    /// <summary>A request found the page.</summary>
    public void Hit(int page) => _hits[page]++;

    /// <summary>Requests that found the page since it was added.</summary>
    public int Hits(int page) => _hits[page];

    /// <summary>When the page was added, or the last holder let go of it, whichever was later; milliseconds of <see cref="Environment.TickCount64"/>.</summary>
    public long UsedAt(int page) => _usedAt[page];

    /// <summary>Pages that were evicted from below a page or root that is still there: their own and those below them.</summary>
    public int EvictedBelow(int node) => _evictedBelow[node];

    /// <summary>The first page below a page or root, and by <see cref="TryNext"/> those beside it.</summary>
    public bool TryFirstChild(int node, out int page) => (page = _firstChild[node]) != None;

    /// <summary>The next page below the same parent.</summary>
    public bool TryNext(int page, out int next) => (next = _next[page]) != None;

    /// <summary>The 16 tokens of a page.</summary>
    public ReadOnlySpan<int> TokensOf(int page) => _tokens.AsSpan(page * Tokens, Tokens);

    /// <summary>Throws if the links contradict one another.</summary>
    public void CheckInvariants(ReadOnlySpan<int> holders)
    {
        int idle = 0, listed = 0, inTree = 0, hashed = 0;
        for (int page = 0; page < _pages; page++)
        {
            int parent = _parent[page];
            if (parent == None) continue;
            inTree++;
            bool isIdle = holders[page] == 0;
            if (isIdle != _idle[page]) throw new InvalidOperationException($"Page {page} has {holders[page]} holders, and the tree says idle: {_idle[page]}.");
            if (isIdle) idle++;
            if (parent < _pages && _parent[parent] == None) throw new InvalidOperationException($"Page {page} is in the tree and its parent {parent} is not.");
            int idleChildren = 0;
            for (int child = _firstChild[page]; child != None; child = _next[child])
                if (_idle[child]) idleChildren++;
            if (idleChildren != _idleChildren[page]) throw new InvalidOperationException($"Page {page} has {idleChildren} idle children, not {_idleChildren[page]}.");
            if (_listed[page] != (isIdle && idleChildren == 0)) throw new InvalidOperationException($"Page {page} is idle: {isIdle}, listed: {_listed[page]}.");
        }

        long last = 0;
        for (int page = _oldest; page != None; page = _newer[page], listed++)
        {
            if (_lastUse[page] < last) throw new InvalidOperationException($"Page {page} stands behind a newer one.");
            last = _lastUse[page];
        }

        foreach (int first in _buckets)
            for (int page = first; page != None; page = _chain[page]) hashed++;
        if (idle != Idle || hashed != inTree) throw new InvalidOperationException($"Idle {Idle} of {idle}, hashed {hashed} of {inTree}.");
    }

    private int Bucket(int parent, ReadOnlySpan<int> tokens)
    {
        ulong hash = (ulong)parent + 1;
        foreach (int token in tokens) hash = (hash ^ (uint)token) * 0x9E3779B97F4A7C15;
        return (int)((hash >> 32) & (ulong)(_buckets.Length - 1));
    }

    private void MakeRoots(IEnumerable<int> inUse)
    {
        HashSet<int> used = [.. inUse];
        foreach ((string salt, int root) in _roots)
        {
            if (_firstChild[root] != None || used.Contains(root)) continue;
            _roots.Remove(salt);
            _freeRoots.Push(root);
            _evictedBelow[root] = 0;
        }

        // Room for as many as there are: so a sweep is rare, and roots are never more than a few times the pages and users.
        int more = Math.Max(16, _roots.Count) - _freeRoots.Count, first = _firstChild.Length;
        if (more <= 0) return;
        Array.Resize(ref _firstChild, first + more);
        Array.Fill(_firstChild, None, first, more);
        Array.Resize(ref _evictedBelow, first + more);
        for (int root = first + more - 1; root >= first; root--) _freeRoots.Push(root);
    }

    private void Unlink(int page, int parent)
    {
        ref int link = ref _buckets[Bucket(parent, TokensOf(page))];
        while (link != page) link = ref _chain[link];
        link = _chain[page];
        if (_previous[page] != None) _next[_previous[page]] = _next[page];
        else _firstChild[parent] = _next[page];
        if (_next[page] != None) _previous[_next[page]] = _previous[page];
        _parent[page] = None;
    }

    /// <summary>Into the list by last use: nearly always at its newer end, or, for the parent of an evicted leaf, near its older end.</summary>
    private void List(int page)
    {
        long use = _lastUse[page];
        int older = _newest;
        if (_oldest != None && _lastUse[_oldest] > use) older = None;
        else if (older != None && _lastUse[older] > use)
        {
            older = _oldest;
            while (_lastUse[_newer[older]] <= use) older = _newer[older];
        }

        int newer = older == None ? _oldest : _newer[older];
        _older[page] = older;
        _newer[page] = newer;
        if (older == None) _oldest = page; else _newer[older] = page;
        if (newer == None) _newest = page; else _older[newer] = page;
        _listed[page] = true;
    }

    private void Unlist(int page)
    {
        int older = _older[page], newer = _newer[page];
        if (older == None) _oldest = newer; else _newer[older] = newer;
        if (newer == None) _newest = older; else _older[newer] = older;
        _older[page] = _newer[page] = None;
        _listed[page] = false;
    }

    private static int[] Filled(int length)
    {
        int[] links = new int[length];
        Array.Fill(links, None);
        return links;
    }
}
