namespace Coppice.Constraints;

/// <summary>A deterministic automaton over classes of code points. State 0 is the start; every state leads to an accepting one. Immutable.</summary>
internal sealed class Dfa
{
    /// <summary>Where no word goes on.</summary>
    public const int None = -1;

    private readonly int[] _next;   // [states, classes]
    private readonly bool[] _accepts;

    private Dfa(Alphabet alphabet, int[] next, bool[] accepts)
    {
        (Alphabet, _next, _accepts) = (alphabet, next, accepts);
    }

    public static readonly Dfa Everything = new(Alphabet.Whole, [0], [true]);

    public static readonly Dfa Nothing = new(Alphabet.Whole, [None], [false]);

    public Alphabet Alphabet { get; }

    public int States => _accepts.Length;

    public bool IsEmpty => States == 1 && !_accepts[0] && _next.AsSpan().IndexOfAnyExcept(None) < 0;

    public bool IsEverything => States == 1 && _accepts[0] && !_next.Contains(None);

    public bool Accepts(int state) => _accepts[state];

    /// <summary>By class: the state that follows, or <see cref="None"/>.</summary>
    public ReadOnlySpan<int> Next(int state) => _next.AsSpan(state * Alphabet.Count, Alphabet.Count);

    /// <summary>Of any table: without what leads to no accepting state, and with one state for all that accept the same.</summary>
    /// <param name="alphabet">The classes.</param>
    /// <param name="next">[states, classes].</param>
    /// <param name="accepts">[states].</param>
    /// <param name="budget">Pays.</param>
    public static Dfa Of(Alphabet alphabet, int[] next, bool[] accepts, BuildBudget budget)
    {
        int[] blockOf = DfaMinimiser.Blocks(alphabet.Count, next, accepts, budget);
        return Renumbered(alphabet, next, accepts, blockOf, budget);
    }

    /// <summary>Of a table as it is, for one that is only compiled.</summary>
    public static Dfa Raw(Alphabet alphabet, int[] next, bool[] accepts) => new(alphabet, next, accepts);

    /// <summary>Words that both accept.</summary>
    public static Dfa And(Dfa a, Dfa b, BuildBudget budget) => a.IsEverything ? b : b.IsEverything ? a : Product(a, b, (p, q) => p && q, needsA: true, needsB: true, budget);

    /// <summary>Words that one of them accepts.</summary>
    public static Dfa Or(Dfa a, Dfa b, BuildBudget budget) => a.IsEmpty ? b : b.IsEmpty ? a : Product(a, b, (p, q) => p || q, needsA: false, needsB: false, budget);

    /// <summary>Words that a accepts and b does not.</summary>
    public static Dfa Except(Dfa a, Dfa b, BuildBudget budget) => b.IsEmpty ? a : Product(a, b, (p, q) => p && !q, needsA: true, needsB: false, budget);

    public bool Contains(string word)
    {
        int state = 0;
        foreach (System.Text.Rune rune in word.EnumerateRunes())
        {
            state = Next(state)[Alphabet.ClassOf(rune.Value)];
            if (state == None) return false;
        }
        return _accepts[state];
    }

    /// <summary>Where a state leads, and by which characters.</summary>
    public IEnumerable<(CharSet Set, int To)> Edges(int state)
    {
        Dictionary<int, List<(int, int)>> rangesTo = [];
        foreach ((int from, int last, int inClass) in Alphabet.Intervals)
        {
            int to = Next(state)[inClass];
            if (to == None) continue;
            if (!rangesTo.TryGetValue(to, out List<(int, int)>? ranges)) rangesTo[to] = ranges = [];
            ranges.Add((from, last));
        }
        return rangesTo.Select(pair => (CharSet.Of([.. pair.Value]), pair.Key));
    }

    private static Dfa Product(Dfa a, Dfa b, Func<bool, bool, bool> accepts, bool needsA, bool needsB, BuildBudget budget)
    {
        (Alphabet alphabet, int[] inA, int[] inB) = Alphabet.Meet(a.Alphabet, b.Alphabet, budget);
        Dictionary<(int, int), int> states = new() { [(0, 0)] = 0 };
        List<(int A, int B)> pairs = [(0, 0)];
        List<int> next = [];
        List<bool> accepting = [];
        for (int s = 0; s < pairs.Count; s++)
        {
            (int p, int q) = pairs[s];
            budget.Nodes(1);
            budget.Bytes(64 + (8L * alphabet.Count));
            budget.Steps(alphabet.Count);
            accepting.Add(accepts(p != None && a._accepts[p], q != None && b._accepts[q]));
            for (int c = 0; c < alphabet.Count; c++)
            {
                (int A, int B) to = (p == None ? None : a.Next(p)[inA[c]], q == None ? None : b.Next(q)[inB[c]]);
                if ((to.A == None && (needsA || to.B == None)) || (to.B == None && needsB))
                {
                    next.Add(None);
                    continue;
                }
                if (!states.TryGetValue(to, out int state))
                {
                    states[to] = state = pairs.Count;
                    pairs.Add(to);
                }
                next.Add(state);
            }
        }
        return Of(alphabet, [.. next], [.. accepting], budget);
    }

    /// <summary>The states in the order in which a search from the start finds them, one for each block; block <see cref="None"/> is left out.</summary>
    private static Dfa Renumbered(Alphabet alphabet, int[] next, bool[] accepts, int[] blockOf, BuildBudget budget)
    {
        int k = alphabet.Count;
        if (blockOf[0] == None) return new Dfa(alphabet, [.. Enumerable.Repeat(None, k)], [false]);
        Dictionary<int, int> numbers = new() { [blockOf[0]] = 0 };
        List<int> first = [0], table = [];
        for (int s = 0; s < first.Count; s++)
        {
            budget.Steps(k);
            budget.Bytes(16 + (4L * k));
            for (int c = 0; c < k; c++)
            {
                int to = next[(first[s] * k) + c];
                if (to == None || blockOf[to] == None)
                {
                    table.Add(None);
                    continue;
                }
                if (!numbers.TryGetValue(blockOf[to], out int number))
                {
                    numbers[blockOf[to]] = number = first.Count;
                    first.Add(to);
                }
                table.Add(number);
            }
        }
        return new Dfa(alphabet, [.. table], [.. first.Select(state => accepts[state])]);
    }
}
