namespace Coppice.Constraints;

/// <summary>All code points in classes that an automaton treats alike.</summary>
internal sealed class Alphabet
{
    private const int Surrogates = -1;

    private readonly int[] _starts;    // interval i is [_starts[i], _starts[i + 1]), the last one to CharSet.Last
    private readonly int[] _classes;   // by interval

    private Alphabet(int[] starts, int[] classes, int count)
    {
        (_starts, _classes, Count) = (starts, classes, count);
    }

    /// <summary>One class.</summary>
    public static readonly Alphabet Whole = Of([], new BuildBudget());

    public int Count { get; }

    public int IntervalCount => _starts.Length;

    /// <summary>The fewest classes such that each set is a union of some.</summary>
    public static Alphabet Of(IReadOnlyCollection<CharSet> sets, BuildBudget budget)
    {
        SortedSet<int> cuts = [0, 0xD800, 0xE000];
        foreach (CharSet set in sets)
        {
            budget.Bytes(96L * set.Ranges.Length);
            budget.Steps(16 * set.Ranges.Length);
            foreach ((int from, int to) in set.Ranges)
            {
                cuts.Add(from);
                if (to < CharSet.Last) cuts.Add(to + 1);
            }
        }
        int[] starts = [.. cuts];
        int[] classes = new int[starts.Length];
        classes[Array.BinarySearch(starts, 0xD800)] = Surrogates;
        int count = 1;
        Dictionary<int, int> inside = [];
        foreach (CharSet set in sets)
        {
            // Each class is cut into what is in the set, which gets a new number, and what is not.
            inside.Clear();
            foreach ((int from, int to) in set.Ranges)
            {
                for (int i = Array.BinarySearch(starts, from); i < starts.Length && starts[i] <= to; i++)
                {
                    budget.Step();
                    if (!inside.TryGetValue(classes[i], out int cut)) inside[classes[i]] = cut = count++;
                    classes[i] = cut;
                }
            }
        }
        return Numbered(starts, classes);
    }

    /// <summary>The classes of both, and which class of each they lie in.</summary>
    public static (Alphabet Both, int[] InA, int[] InB) Meet(Alphabet a, Alphabet b, BuildBudget budget)
    {
        List<int> starts = [], classes = [], inA = [], inB = [];
        Dictionary<(int, int), int> classOf = [];
        for (int i = 0, j = 0; i < a._starts.Length && j < b._starts.Length;)
        {
            budget.Step();
            (int p, int q) = (a._classes[i], b._classes[j]);
            int both = Surrogates;
            if (p != Surrogates && !classOf.TryGetValue((p, q), out both))
            {
                classOf[(p, q)] = both = classOf.Count;
                inA.Add(p);
                inB.Add(q);
            }
            starts.Add(Math.Max(a._starts[i], b._starts[j]));
            classes.Add(both);
            int endA = a.End(i), endB = b.End(j);
            if (endA <= endB) i++;
            if (endB <= endA) j++;
        }
        budget.Bytes(8L * starts.Count);
        return (new Alphabet([.. starts], [.. classes], inA.Count), [.. inA], [.. inB]);
    }

    public int ClassOf(int codePoint)
    {
        int i = Array.BinarySearch(_starts, codePoint);
        return _classes[i >= 0 ? i : ~i - 1];
    }

    /// <summary>The classes of a set that is a union of some.</summary>
    public int[] ClassesOf(CharSet set)
    {
        SortedSet<int> classes = [];
        foreach ((int from, int to) in set.Ranges)
            for (int i = Array.BinarySearch(_starts, from); i < _starts.Length && _starts[i] <= to; i++) classes.Add(_classes[i]);
        return [.. classes];
    }

    /// <summary>All code points in order, as ranges of one class each.</summary>
    public IEnumerable<(int From, int To, int Class)> Intervals
    {
        get
        {
            for (int i = 0; i < _starts.Length; i++)
                if (_classes[i] != Surrogates) yield return (_starts[i], End(i) - 1, _classes[i]);
        }
    }

    private int End(int interval) => interval + 1 < _starts.Length ? _starts[interval + 1] : CharSet.Last + 1;

    private static Alphabet Numbered(int[] starts, int[] classes)
    {
        Dictionary<int, int> numbers = [];
        for (int i = 0; i < classes.Length; i++)
        {
            if (classes[i] == Surrogates) continue;
            if (!numbers.TryGetValue(classes[i], out int number)) numbers[classes[i]] = number = numbers.Count;
            classes[i] = number;
        }
        return new Alphabet(starts, classes, numbers.Count);
    }
}
