namespace Coppice.Constraints;

/// <summary>Trees of byte sequences that share their beginnings: words, and the UTF-8 of characters. A node is made when all below it are there.</summary>
/// <param name="bytes">Makes a node of edges.</param>
/// <param name="split">Makes a node that goes on at either.</param>
/// <param name="budget">Pays.</param>
internal sealed class ByteTree(Func<IReadOnlyCollection<Edge>, int> bytes, Func<int, int, int> split, BuildBudget budget)
{
    private readonly Dictionary<CharSet, List<(byte Low, byte High)[]>> _sequences = [];
    private readonly List<List<Edge>> _levels = [];   // by depth: the edges found so far of the node there on the path of the last sequence
    private readonly List<bool> _ends = [];           // by depth: whether a sequence ends at that node

    /// <summary>One of the words, then on at <paramref name="next"/>.</summary>
    public int Words(byte[][] words, int next)
    {
        byte[][] sorted = [.. words];
        Array.Sort(sorted, (a, b) => a.AsSpan().SequenceCompareTo(b));
        byte[] last = [];
        int depth = 0;
        Open(0);
        foreach (byte[] word in sorted)
        {
            int shared = last.AsSpan().CommonPrefixLength(word);
            for (; depth > shared; depth--) _levels[depth - 1].Add(new Edge(last[depth - 1], last[depth - 1], Close(depth, next)));
            while (depth < word.Length) Open(++depth);
            _ends[depth] = true;
            last = word;
        }
        for (; depth > 0; depth--) _levels[depth - 1].Add(new Edge(last[depth - 1], last[depth - 1], Close(depth, next)));
        return Close(0, next);
    }

    /// <summary>A character of the set, then on at <paramref name="next"/>. Ends that are alike are one.</summary>
    public int Characters(CharSet set, int next)
    {
        if (set.IsAscii) return bytes([.. set.Ranges.Select(range => new Edge((byte)range.From, (byte)range.To, next))]);
        if (!_sequences.TryGetValue(set, out List<(byte Low, byte High)[]>? sequences))
        {
            _sequences[set] = sequences = Utf8Ranges.Of(set);
            budget.Bytes(48L * sequences.Count);
            budget.Steps(16 * sequences.Count);
        }
        Dictionary<Edge[], int> made = new(ArrayComparer<Edge>.Instance);
        (byte Low, byte High)[] last = [];
        int depth = 0;
        Open(0);
        foreach ((byte Low, byte High)[] sequence in sequences)
        {
            int shared = 0;
            while (shared < depth && shared < sequence.Length - 1 && last[shared] == sequence[shared]) shared++;
            for (; depth > shared; depth--) _levels[depth - 1].Add(new Edge(last[depth - 1].Low, last[depth - 1].High, Made(depth)));
            while (depth < sequence.Length - 1) Open(++depth);
            _levels[depth].Add(new Edge(sequence[^1].Low, sequence[^1].High, next));
            last = sequence;
        }
        for (; depth > 0; depth--) _levels[depth - 1].Add(new Edge(last[depth - 1].Low, last[depth - 1].High, Made(depth)));
        return Made(0);

        int Made(int depth)
        {
            Edge[] edges = [.. _levels[depth]];
            return made.TryGetValue(edges, out int node) ? node : made[edges] = bytes(edges);
        }
    }

    private void Open(int depth)
    {
        if (depth == _levels.Count)
        {
            budget.Bytes(96);
            _levels.Add([]);
            _ends.Add(false);
        }
        _levels[depth].Clear();
        _ends[depth] = false;
    }

    private int Close(int depth, int next)
    {
        budget.Step();
        if (_levels[depth].Count == 0 && _ends[depth]) return next;
        int node = bytes(_levels[depth]);
        return _ends[depth] ? split(node, next) : node;
    }
}
