namespace Coppice.Constraints;

/// <summary>Finds rules that come back to themselves before any byte: following them would never end.</summary>
internal static class LeftRecursion
{
    public static void Refuse(Automaton automaton, Predecessors before, IReadOnlyList<string> names, BuildBudget budget)
    {
        bool[] nullable = Nullable(automaton, before);
        int[][] calls = FirstCalls(automaton, nullable, budget);
        int[] next = new int[calls.Length];          // of each rule on the path: which of its calls to follow next
        byte[] colour = new byte[calls.Length];      // 0 not seen, 1 on the path, 2 done
        Stack<int> path = new();
        for (int root = 0; root < calls.Length; root++)
        {
            if (colour[root] != 0) continue;
            colour[root] = 1;
            path.Push(root);
            while (path.TryPeek(out int rule))
            {
                if (next[rule] == calls[rule].Length)
                {
                    colour[rule] = 2;
                    path.Pop();
                    continue;
                }
                int called = calls[rule][next[rule]++];
                if (colour[called] == 1)
                    throw new InvalidRequestException($"The rule '{names[called]}' comes back to itself before any text{(called == rule ? "" : $", through '{names[rule]}'")}. Put text before the recursion, or write it as a repetition.");
                if (colour[called] != 0) continue;
                colour[called] = 1;
                path.Push(called);
            }
        }
    }

    /// <summary>By node: whether its rule may end there without a byte.</summary>
    private static bool[] Nullable(Automaton automaton, Predecessors before)
    {
        bool[] nullable = new bool[automaton.Nodes.Length];
        Stack<int> open = new([Automaton.Return]);
        nullable[Automaton.Return] = true;
        while (open.TryPop(out int found))
        {
            foreach (int n in before.Of(found))
            {
                Node node = automaton.Nodes[n];
                if (nullable[n] || node.Kind == NodeKind.Bytes) continue;
                if (node.Kind == NodeKind.Call && !(nullable[automaton.Starts[node.A]] && nullable[node.B])) continue;
                nullable[n] = true;
                open.Push(n);
            }
        }
        return nullable;
    }

    /// <summary>By rule: the rules that it may call before any byte.</summary>
    private static int[][] FirstCalls(Automaton automaton, bool[] nullable, BuildBudget budget)
    {
        int[][] all = new int[automaton.Starts.Length][];
        bool[] seen = new bool[automaton.Nodes.Length];   // a node is of one rule, but for the end
        HashSet<int> calls = [];
        Stack<int> open = new();
        for (int rule = 0; rule < all.Length; rule++)
        {
            calls.Clear();
            Look(automaton.Starts[rule]);
            while (open.TryPop(out int n))
            {
                budget.Step();
                Node node = automaton.Nodes[n];
                switch (node.Kind)
                {
                    case NodeKind.Split:
                        Look(node.A);
                        Look(node.B);
                        break;
                    case NodeKind.Call:
                        calls.Add(node.A);
                        if (nullable[automaton.Starts[node.A]]) Look(node.B);
                        break;
                    case NodeKind.TailCall:
                        calls.Add(node.A);
                        break;
                }
            }
            all[rule] = [.. calls];
        }
        return all;

        void Look(int node)
        {
            if (seen[node]) return;
            seen[node] = true;
            open.Push(node);
        }
    }
}
