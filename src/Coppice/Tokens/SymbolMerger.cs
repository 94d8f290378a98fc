namespace Coppice.Tokens;

/// <summary>
/// Byte pair encoding of one word: of all neighbouring pairs the one with the lowest rank merges first, the leftmost of equals.
/// A heap over a doubly linked list of symbols, so a word of n symbols takes O(n log n), however long. (Sennrich et al. 2016)
/// </summary>
internal sealed class SymbolMerger
{
    /// <summary>A symbol that merges with nothing.</summary>
    public const int Unknown = -1;

    private const int None = -1;
    private const int KeptSymbols = 1 << 16;

    // Symbol i was made from the word's i-th unit; after merging, the leftmost unit's slot stands for the whole.
    // rank[i], merged[i]: the merge of i with its right neighbour, rank None where there is none.
    private int[] _id = [], _next = [], _previous = [], _rank = [], _merged = [];
    private ulong[] _heap = [];   // rank in the upper half, position in the lower: the order of merging
    private int _heapCount;

    /// <summary>Room for a word's symbols, to be filled in by the caller.</summary>
    public Span<int> Begin(int count)
    {
        if (_id.Length < count)
        {
            int capacity = Math.Max(64, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count));
            _id = new int[capacity];
            _next = new int[capacity];
            _previous = new int[capacity];
            _rank = new int[capacity];
            _merged = new int[capacity];
            _heap = new ulong[2 * capacity];
        }
        return _id.AsSpan(0, count);
    }

    /// <summary>Merges the first <paramref name="count"/> symbols. What is left is walked with <see cref="Next"/>, from 0.</summary>
    public void Merge(MergeTable merges, int count)
    {
        _heapCount = 0;
        for (int i = 0; i < count; i++)
        {
            _previous[i] = i - 1;
            _next[i] = i + 1 < count ? i + 1 : None;
        }
        for (int i = 0; i < count; i++) Offer(merges, i);
        while (_heapCount > 0)
        {
            ulong first = Pop();
            int left = (int)first;
            if (_rank[left] != (int)(first >> 32)) continue;   // a neighbour merged meanwhile: this entry is out of date
            int right = _next[left];
            _id[left] = _merged[left];
            _rank[right] = None;
            _next[left] = _next[right];
            if (_next[left] != None) _previous[_next[left]] = left;
            Offer(merges, left);
            if (_previous[left] != None) Offer(merges, _previous[left]);
        }
    }

    public int Id(int symbol) => _id[symbol];

    /// <summary>The symbol to the right, or -1 at the end: also the unit at which this symbol's text ends.</summary>
    public int Next(int symbol) => _next[symbol];

    /// <summary>Gives back what an unusually long word took.</summary>
    public void Trim()
    {
        if (_id.Length <= KeptSymbols) return;
        _id = _next = _previous = _rank = _merged = [];
        _heap = [];
    }

    private void Offer(MergeTable merges, int left)
    {
        int right = _next[left];
        if (right == None || _id[left] < 0 || _id[right] < 0 || !merges.TryFind(_id[left], _id[right], out int rank, out int merged))
        {
            _rank[left] = None;
            return;
        }
        _rank[left] = rank;
        _merged[left] = merged;
        Push(((ulong)(uint)rank << 32) | (uint)left);
    }

    private void Push(ulong entry)
    {
        if (_heapCount == _heap.Length) Array.Resize(ref _heap, 2 * _heap.Length);
        int hole = _heapCount++;
        while (hole > 0 && _heap[(hole - 1) / 2] > entry)
        {
            _heap[hole] = _heap[(hole - 1) / 2];
            hole = (hole - 1) / 2;
        }
        _heap[hole] = entry;
    }

    private ulong Pop()
    {
        ulong first = _heap[0], last = _heap[--_heapCount];
        int hole = 0;
        for (int child = 1; child < _heapCount; child = 2 * hole + 1)
        {
            if (child + 1 < _heapCount && _heap[child + 1] < _heap[child]) child++;
            if (_heap[child] >= last) break;
            _heap[hole] = _heap[child];
            hole = child;
        }
        _heap[hole] = last;
        return first;
    }
}
