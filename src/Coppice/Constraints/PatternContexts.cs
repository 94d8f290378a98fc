namespace Coppice.Constraints;

/// <summary>What a pattern's assertions ask of the text before a place: whether there is any, whether a word character is last, and which look-behinds fit.</summary>
internal sealed class PatternContexts
{
    private const int AtStart = 0, AfterWord = 1, AfterOther = 2;

    private readonly PatternNfa _nfa;
    private readonly Dfa[] _behinds;
    private readonly bool[] _isWord;
    private readonly List<int[]> _contexts = [];   // [where, state of each look-behind]
    private readonly Dictionary<int[], int> _ids = new(ArrayComparer<int>.Instance);
    private readonly BuildBudget _budget;
    private readonly int _afterWord, _afterOther;   // without look-behinds

    public PatternContexts(PatternNfa nfa, Alphabet alphabet, BuildBudget budget)
    {
        (_nfa, _budget) = (nfa, budget);
        _behinds = [.. nfa.Behinds.Select(behind => PatternDeterminiser.Make(new PatternNfa(behind.Body, PatternReach.AtEnd, budget), alphabet, budget))];
        _isWord = new bool[alphabet.Count];
        if (nfa.LooksAtWords)
            foreach (int c in alphabet.ClassesOf(CharSet.Word)) _isWord[c] = true;
        int[] starts = [.. _behinds.Select(_ => 0)];
        Start = Id([nfa.LooksAtStart ? AtStart : AfterOther, .. starts]);
        _afterWord = Id([AfterWord, .. starts]);
        _afterOther = Id([AfterOther, .. starts]);
    }

    /// <summary>Before any character.</summary>
    public int Start { get; }

    public int After(int context, int c)
    {
        if (_behinds.Length == 0) return _isWord[c] ? _afterWord : _afterOther;
        int[] after = [_isWord[c] ? AfterWord : AfterOther, .. _contexts[context].AsSpan(1)];
        for (int i = 0; i < _behinds.Length; i++)
            if (after[i + 1] != Dfa.None) after[i + 1] = _behinds[i].Next(after[i + 1])[c];
        return Id(after);
    }

    public bool IsStart(int context) => _contexts[context][0] == AtStart;

    public bool IsAfterWord(int context) => _contexts[context][0] == AfterWord;

    /// <summary>Whether look-behind number <paramref name="behind"/> fits.</summary>
    public bool Fits(int context, int behind) => _contexts[context][behind + 1] is var state && state != Dfa.None && _behinds[behind].Accepts(state);

    private int Id(int[] context)
    {
        if (_ids.TryGetValue(context, out int id)) return id;
        _budget.Nodes(1);
        _budget.Bytes(96 + (8L * context.Length));
        _contexts.Add(context);
        return _ids[context] = _contexts.Count - 1;
    }
}
