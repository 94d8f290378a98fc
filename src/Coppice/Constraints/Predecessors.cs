namespace Coppice.Constraints;

/// <summary>From which nodes each node of an automaton is looked at: its predecessors in the network, and the calls of a rule for its first node.</summary>
internal sealed class Predecessors
{
    private readonly int[] _first;   // node n's are _nodes[_first[n].._first[n + 1]]
    private readonly int[] _nodes;

    public Predecessors(Automaton automaton, BuildBudget budget)
    {
        budget.Bytes((8L * automaton.Nodes.Length) + (4L * automaton.Edges.Length));
        budget.Steps(4 * (automaton.Nodes.Length + automaton.Edges.Length));
        _first = new int[automaton.Nodes.Length + 2];
        Visit(automaton, (to, _) => _first[to + 2]++);
        for (int i = 2; i < _first.Length; i++) _first[i] += _first[i - 1];
        _nodes = new int[_first[^1]];
        Visit(automaton, (to, from) => _nodes[_first[to + 1]++] = from);
    }

    public ReadOnlySpan<int> Of(int node) => _nodes.AsSpan(_first[node].._first[node + 1]);

    private static void Visit(Automaton automaton, Action<int, int> see)
    {
        for (int n = 0; n < automaton.Nodes.Length; n++)
        {
            Node node = automaton.Nodes[n];
            switch (node.Kind)
            {
                case NodeKind.Bytes:
                    for (int e = node.A; e < node.B; e++) see(automaton.Edges[e].Next, n);
                    break;
                case NodeKind.Split:
                    see(node.A, n);
                    see(node.B, n);
                    break;
                case NodeKind.Call:
                    see(automaton.Starts[node.A], n);
                    see(node.B, n);
                    break;
                case NodeKind.TailCall:
                    see(automaton.Starts[node.A], n);
                    break;
            }
        }
    }
}
