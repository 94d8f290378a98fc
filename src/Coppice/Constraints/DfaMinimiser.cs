namespace Coppice.Constraints;

/// <summary>Which states of an automaton accept the same words: Hopcroft's partition refinement (1971), in O(k n log n) for n states and k classes.</summary>
internal sealed class DfaMinimiser
{
    private readonly int _n, _k;
    private readonly int[] _elements, _at, _block;   // the states in the order of their blocks; where each stands; its block
    private readonly List<int> _first = [], _end = [], _marked = [];   // by block: [first, end) of _elements, the first marked of which are marked
    private readonly int[] _into, _from;   // state q is led to by class c from _from[_into[q * k + c].._into[q * k + c + 1]]

    private DfaMinimiser(int classes, int[] next, bool[] accepts, BuildBudget budget)
    {
        (_n, _k) = (accepts.Length + 1, classes);   // the last state is the one from which nothing is accepted
        budget.Bytes((12L * _n) + (8L * _n * _k));
        budget.Steps(2 * _n * _k);
        _elements = [.. Enumerable.Range(0, _n)];
        _at = [.. _elements];
        _block = new int[_n];
        _into = new int[(_n * _k) + 2];
        _from = new int[_n * _k];
        for (int state = 0; state < _n; state++)
            for (int c = 0; c < _k; c++) _into[(To(next, state, c) * _k) + c + 2]++;
        for (int i = 2; i < _into.Length; i++) _into[i] += _into[i - 1];
        for (int state = 0; state < _n; state++)
            for (int c = 0; c < _k; c++) _from[_into[(To(next, state, c) * _k) + c + 1]++] = state;
    }

    /// <summary>By state: the number of its block, or <see cref="Dfa.None"/> if it accepts nothing.</summary>
    public static int[] Blocks(int classes, int[] next, bool[] accepts, BuildBudget budget)
    {
        DfaMinimiser minimiser = new(classes, next, accepts, budget);
        minimiser.Refine(accepts, budget);
        int dead = minimiser._block[^1];
        return [.. minimiser._block.Take(accepts.Length).Select(block => block == dead ? Dfa.None : block)];
    }

    private int To(int[] next, int state, int c) => state < _n - 1 && next[(state * _k) + c] is var to && to != Dfa.None ? to : _n - 1;

    private void Refine(bool[] accepts, BuildBudget budget)
    {
        _first.Add(0);
        _end.Add(_n);
        _marked.Add(0);
        List<int> touched = [];
        Stack<(int Block, int Class)> open = new();
        for (int state = 0; state < accepts.Length; state++)
            if (accepts[state]) Mark(state, touched);
        Split(touched, open);

        List<int> states = [];
        while (open.TryPop(out (int Block, int Class) splitter))
        {
            states.Clear();
            for (int i = _first[splitter.Block]; i < _end[splitter.Block]; i++)
            {
                int slot = (_elements[i] * _k) + splitter.Class;
                for (int f = _into[slot]; f < _into[slot + 1]; f++) states.Add(_from[f]);
            }
            budget.Steps(1 + _end[splitter.Block] - _first[splitter.Block] + (4 * states.Count));
            foreach (int state in states) Mark(state, touched);
            Split(touched, open);
        }
    }

    /// <summary>Moves a state to the front of its block.</summary>
    private void Mark(int state, List<int> touched)
    {
        int block = _block[state], i = _at[state], j = _first[block] + _marked[block];
        if (i < j) return;
        if (_marked[block]++ == 0) touched.Add(block);
        (_elements[i], _elements[j]) = (_elements[j], state);
        _at[_elements[i]] = i;
        _at[state] = j;
    }

    /// <summary>
    /// The smaller of the marked and the others of each block becomes a block. A new block is always put into the queue: if the old one waits there, both
    /// halves are to be done, and if it was done, the smaller half suffices.
    /// </summary>
    private void Split(List<int> touched, Stack<(int Block, int Class)> open)
    {
        foreach (int block in touched)
        {
            int marked = _marked[block], all = _end[block] - _first[block];
            _marked[block] = 0;
            if (marked == all) continue;
            int middle = _first[block] + marked;
            int made = _first.Count;
            if (marked <= all - marked)
            {
                _first.Add(_first[block]);
                _end.Add(middle);
                _first[block] = middle;
            }
            else
            {
                _first.Add(middle);
                _end.Add(_end[block]);
                _end[block] = middle;
            }
            _marked.Add(0);
            for (int i = _first[made]; i < _end[made]; i++) _block[_elements[i]] = made;
            for (int c = 0; c < _k; c++) open.Push((made, c));
        }
        touched.Clear();
    }
}
