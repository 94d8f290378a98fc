namespace Coppice.Constraints;

/// <summary>
/// Makes the deterministic automaton of a pattern by subsets. A state is what matters of the text before (<see cref="PatternContexts"/>) and a set of threads,
/// each a node and what its look-aheads still ask of the rest of the text: that the rest fit, or not fit, from a state of this same table on. So looks
/// become intersections and complements, and cost what those cost.
/// </summary>
internal sealed class PatternDeterminiser
{
    // The states from which no rest of a text fits, and every one does.
    private const int Dead = 0, Satisfied = 1;

    private enum Right
    {
        End,
        Word,
        Other,
    }

    private readonly PatternNfa _nfa;
    private readonly Alphabet _alphabet;
    private readonly BuildBudget _budget;
    private readonly PatternContexts _contexts;
    private readonly int[][] _classesOfSet;
    private readonly Right[] _rightOfClass, _rights;
    private readonly List<(int Context, long[] Threads)> _states = [];
    private readonly List<int[]?> _rows = [];
    private readonly Dictionary<long[], int> _ids = new(ArrayComparer<long>.Instance);
    private readonly List<int[]> _demands = [];   // sets of state * 2, + 1 where the rest must not fit
    private readonly Dictionary<int[], int> _demandIds = new(ArrayComparer<int>.Instance);
    private readonly Stack<List<long>[]> _spare = new();

    // Of one closure: the threads without demands that it has seen by the node's stamp, and the others.
    private readonly int[] _stamps;
    private readonly HashSet<long> _seen = [];
    private readonly Stack<long> _open = new();
    private readonly List<long> _found = [];
    private int _stamp;

    private PatternDeterminiser(PatternNfa nfa, Alphabet alphabet, BuildBudget budget)
    {
        (_nfa, _alphabet, _budget) = (nfa, alphabet, budget);
        _contexts = new PatternContexts(nfa, alphabet, budget);
        _classesOfSet = [.. nfa.Sets.Select(alphabet.ClassesOf)];
        foreach (int[] classes in _classesOfSet) budget.Bytes(4L * classes.Length);
        _rightOfClass = new Right[alphabet.Count];
        Array.Fill(_rightOfClass, nfa.LooksAtEnd || nfa.LooksAtWords ? Right.Other : Right.End);
        if (nfa.LooksAtWords)
            foreach (int c in alphabet.ClassesOf(CharSet.Word)) _rightOfClass[c] = Right.Word;
        _rights = [.. _rightOfClass.Distinct()];
        budget.Bytes(4L * nfa.Nodes.Count);
        _stamps = new int[nfa.Nodes.Count];
        Demands([]);
        Add(0, []);
        Add(0, [Thread(nfa.Rest, 0)]);
        (_rows[Dead], _rows[Satisfied]) = (new int[alphabet.Count], [.. Enumerable.Repeat(Satisfied, alphabet.Count)]);
    }

    public static Dfa Make(Expr pattern, PatternReach reach, BuildBudget budget)
    {
        PatternNfa nfa = new(pattern, reach, budget);
        List<CharSet> sets = [.. nfa.Sets];
        if (nfa.LooksAtWords) sets.Add(CharSet.Word);
        // A look-behind reads the same classes.
        foreach (LookExpr behind in nfa.Behinds) sets.AddRange(new PatternNfa(behind.Body, PatternReach.AtEnd, budget).Sets);
        return Make(nfa, Alphabet.Of(sets, budget), budget);
    }

    /// <summary>The automaton over given classes, of which each set of the pattern is a union.</summary>
    public static Dfa Make(PatternNfa nfa, Alphabet alphabet, BuildBudget budget)
    {
        PatternDeterminiser determiniser = new(nfa, alphabet, budget);
        List<int> found = [determiniser.State(determiniser._contexts.Start, [Thread(nfa.Start, 0)])], next = [];
        List<bool> accepts = [];
        Dictionary<int, int> numbers = new() { [found[0]] = 0 };
        for (int s = 0; s < found.Count; s++)
        {
            accepts.Add(determiniser.Accepts(found[s]));
            foreach (int to in determiniser.Row(found[s]))
            {
                if (to == Dead)
                {
                    next.Add(Dfa.None);
                    continue;
                }
                if (!numbers.TryGetValue(to, out int number))
                {
                    numbers[to] = number = found.Count;
                    found.Add(to);
                }
                next.Add(number);
            }
        }
        return Dfa.Of(alphabet, [.. next], [.. accepts], budget);
    }

    private static long Thread(int node, int demands) => ((long)demands << 32) | (uint)node;

    /// <summary>The state of these threads, which it sorts.</summary>
    private int State(int context, List<long> threads)
    {
        if (threads.Count == 0) return Dead;
        threads.Sort();
        // A thread without demands makes one of the same node that has some needless.
        int free = threads.FindIndex(thread => thread >> 32 != 0);
        if (free < 0) free = threads.Count;
        if (threads.BinarySearch(0, free, Thread(_nfa.Rest, 0), null) >= 0) return Satisfied;
        long[] key = new long[threads.Count + 1];
        key[0] = context;
        int count = 1;
        for (int i = 0; i < threads.Count; i++)
        {
            bool isNeedless = (i > 0 && threads[i] == threads[i - 1]) || (i >= free && threads.BinarySearch(0, free, (uint)threads[i], null) >= 0);
            if (!isNeedless) key[count++] = threads[i];
        }
        Array.Resize(ref key, count);
        return _ids.TryGetValue(key, out int id) ? id : _ids[key] = Add(context, key[1..]);
    }

    private int Add(int context, long[] threads)
    {
        _budget.Nodes(1);
        _budget.Bytes(120 + (16L * threads.Length) + (8L * _alphabet.Count));
        _states.Add((context, threads));
        _rows.Add(null);
        return _states.Count - 1;
    }

    /// <summary>By class: the state that follows.</summary>
    private int[] Row(int state)
    {
        if (_rows[state] is { } known) return known;
        (int context, long[] threads) = _states[state];
        // Rows of look-aheads are made in the middle of this one, so that each has its own lists.
        List<long>[] following = _spare.TryPop(out List<long>[]? spare) ? spare : [.. Enumerable.Range(0, _alphabet.Count).Select(_ => new List<long>())];
        foreach (Right right in _rights)
        {
            foreach (long thread in Closure(context, threads, right))
            {
                NfaNode node = _nfa.Nodes[(int)thread];
                if (node.Kind != NfaKind.Chars) continue;
                _budget.Steps(_classesOfSet[node.A].Length);
                foreach (int c in _classesOfSet[node.A])
                    if (_rightOfClass[c] == right && After((int)(thread >> 32), c) is int demands) following[c].Add(Thread(node.B, demands));
            }
        }
        int[] row = new int[_alphabet.Count];
        for (int c = 0; c < row.Length; c++)
        {
            _budget.Steps(1 + (4 * following[c].Count));
            row[c] = State(_contexts.After(context, c), following[c]);
            following[c].Clear();
        }
        _spare.Push(following);
        return _rows[state] = row;
    }

    private bool Accepts(int state)
    {
        (int context, long[] threads) = _states[state];
        return state == Satisfied || Array.Exists(Closure(context, threads, Right.End), thread => (int)thread == _nfa.Match && AreMetAtEnd((int)(thread >> 32)));
    }

    private bool AreMetAtEnd(int demands) => Array.TrueForAll(_demands[demands], demand => Accepts(demand >> 1) == ((demand & 1) == 0));

    /// <summary>The threads at characters and at the end that these lead to without a character, before a character of a kind or the end.</summary>
    private long[] Closure(int context, long[] threads, Right right)
    {
        _stamp++;
        if (_seen.Count > 0) _seen.Clear();
        _found.Clear();
        foreach (long thread in threads) Look(thread);
        while (_open.TryPop(out long thread))
        {
            _budget.Steps(1 + _demands[(int)(thread >> 32)].Length);
            (NfaNode node, int demands) = (_nfa.Nodes[(int)thread], (int)(thread >> 32));
            switch (node.Kind)
            {
                case NfaKind.Chars or NfaKind.Match:
                    _found.Add(thread);
                    break;
                case NfaKind.Split:
                    Look(Thread(node.A, demands));
                    Look(Thread(node.B, demands));
                    break;
                case NfaKind.Anchor when Holds((Anchor)node.A, context, right):
                case NfaKind.Behind when _contexts.Fits(context, node.A):
                case NfaKind.NotBehind when !_contexts.Fits(context, node.A):
                    Look(Thread(node.B, demands));
                    break;
                case NfaKind.Ahead or NfaKind.NotAhead:
                    int demand = (State(context, [Thread(node.A, 0)]) * 2) + (node.Kind == NfaKind.NotAhead ? 1 : 0);
                    if (Simplified(demand) is bool holds)
                    {
                        if (holds) Look(Thread(node.B, demands));
                    }
                    else
                    {
                        Look(Thread(node.B, Demands([.. _demands[demands], demand])));
                    }
                    break;
            }
        }
        return [.. _found];

        void Look(long thread)
        {
            if (thread >> 32 == 0 ? _stamps[thread] == _stamp : !_seen.Add(thread)) return;
            if (thread >> 32 == 0) _stamps[thread] = _stamp;
            _open.Push(thread);
        }
    }

    private bool Holds(Anchor anchor, int context, Right right) => anchor switch
    {
        Anchor.Start => _contexts.IsStart(context),
        Anchor.End => right == Right.End,
        Anchor.WordEdge => _contexts.IsAfterWord(context) != (right == Right.Word),
        _ => _contexts.IsAfterWord(context) == (right == Right.Word),
    };

    /// <summary>What the demands are after a character; null: they cannot be met.</summary>
    private int? After(int demands, int c)
    {
        if (demands == 0) return 0;
        List<int> left = [];
        foreach (int demand in _demands[demands])
        {
            int after = (Row(demand >> 1)[c] * 2) + (demand & 1);
            bool? holds = Simplified(after);
            if (holds == false) return null;
            if (holds is null) left.Add(after);
        }
        return Demands(left);
    }

    /// <summary>Whether a demand is met or missed whatever comes; null: it depends.</summary>
    private static bool? Simplified(int demand) => (demand >> 1) switch
    {
        Dead => (demand & 1) != 0,
        Satisfied => (demand & 1) == 0,
        _ => null,
    };

    private int Demands(List<int> demands)
    {
        demands.Sort();
        int[] key = [.. demands.Where((demand, i) => i == 0 || demand != demands[i - 1])];
        if (_demandIds.TryGetValue(key, out int id)) return id;
        _budget.Nodes(1);
        _budget.Bytes(96 + (8L * key.Length));
        _demands.Add(key);
        return _demandIds[key] = _demands.Count - 1;
    }
}
