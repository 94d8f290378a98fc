namespace Coppice.Tokens;

/// <summary>All pieces that a place of a text begins with, the shortest first. The children of a node lie side by side, in order of their char.</summary>
internal sealed class PieceTrie
{
    /// <summary>No piece.</summary>
    public const int None = -1;

    private readonly char[] _step;
    private readonly int[] _firstChild;   // children of node n: [_firstChild[n], _firstChild[n + 1])
    private readonly int[] _id;

    public PieceTrie(IEnumerable<KeyValuePair<string, int>> pieces)
    {
        KeyValuePair<string, int>[] sorted = [.. pieces.OrderBy(p => p.Key, StringComparer.Ordinal)];
        List<char> step = ['\0'];
        List<int> firstChild = [], id = [None];
        // Breadth first: node n is sorted[from..to), which agree in their first depth chars.
        Queue<(int From, int To, int Depth)> open = new([(0, sorted.Length, 0)]);
        while (open.TryDequeue(out (int From, int To, int Depth) node))
        {
            int node0 = firstChild.Count;
            firstChild.Add(step.Count);
            for (int from = node.From, to; from < node.To; from = to)
            {
                to = from + 1;
                if (sorted[from].Key.Length == node.Depth)
                {
                    id[node0] = sorted[from].Value;
                    continue;
                }
                char c = sorted[from].Key[node.Depth];
                while (to < node.To && sorted[to].Key[node.Depth] == c) to++;
                step.Add(c);
                id.Add(None);
                open.Enqueue((from, to, node.Depth + 1));
            }
        }
        firstChild.Add(step.Count);
        (_step, _firstChild, _id) = ([.. step], [.. firstChild], [.. id]);
    }

    /// <summary>Begins at the root.</summary>
    public const int Root = 0;

    /// <summary>One char further; false where no piece goes on so.</summary>
    /// <param name="node">Where it is; then the node after <paramref name="c"/>.</param>
    /// <param name="c">The next char.</param>
    /// <param name="id">The piece that ends there, or <see cref="None"/>.</param>
    public bool TryStep(ref int node, char c, out int id)
    {
        int first = _firstChild[node];
        int found = _step.AsSpan(first, _firstChild[node + 1] - first).BinarySearch(c);
        id = None;
        if (found < 0) return false;
        node = first + found;
        id = _id[node];
        return true;
    }
}
