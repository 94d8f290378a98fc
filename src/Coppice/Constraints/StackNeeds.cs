namespace Coppice.Constraints;

/// <summary>
/// How much stack each node needs to come to an end: Dijkstra's algorithm in Knuth's form for grammars (1977), level by level.
/// A place is entered only if its need fits what is left of the stack, so that the limit on depth closes ways but never leads into a dead end.
/// </summary>
internal static class StackNeeds
{
    public static byte[] Of(Automaton automaton, Predecessors before, BuildBudget budget)
    {
        Node[] nodes = automaton.Nodes;
        byte[] needs = new byte[nodes.Length];
        Array.Fill(needs, Automaton.Never);
        Stack<int>[] levels = [.. Enumerable.Range(0, ConstraintLimits.Depth + 1).Select(_ => new Stack<int>())];
        levels[0].Push(Automaton.Return);
        for (int level = 0; level < levels.Length; level++)
        {
            while (levels[level].TryPop(out int settled))
            {
                budget.Step();
                if (needs[settled] != Automaton.Never) continue;
                needs[settled] = (byte)level;
                foreach (int n in before.Of(settled))
                {
                    if (needs[n] != Automaton.Never) continue;
                    int need = level;
                    if (nodes[n].Kind == NodeKind.Call)
                    {
                        int inside = needs[automaton.Starts[nodes[n].A]], after = needs[nodes[n].B];
                        if (inside == Automaton.Never || after == Automaton.Never) continue;
                        need = Math.Max(inside + 1, after);
                    }
                    if (need < levels.Length) levels[need].Push(n);
                }
            }
        }
        return needs;
    }
}
