namespace Coppice.Constraints.Schemas;

/// <summary>Writes the shapes of arrays as expressions.</summary>
internal sealed class ArrayWriter(SchemaTable table, GoalProbe probe, JsonRules rules, Func<Goal, Expr> write, Func<Goal, IReadOnlyList<string>?> list)
{
    // Different values of which all sets that may have come are states; more come in the order in which they are listed.
    private const int FreelyUnique = 6;

    public Expr Write(ArrayShape shape)
    {
        int max = shape.Max;
        for (int i = 0; i <= shape.First.Count && i < max; i++)
            if (probe.IsVoid(shape[i])) max = i;
        if (max < shape.Min) return Expr.Nothing;
        if (shape.Unique is SchemaPart unique && max > 1 && Unique(shape, max, unique) is Expr all) return all;
        return shape.Tallies.Count == 0 ? Plain(shape, max) : Tallied(shape, max);
    }

    private Expr Plain(ArrayShape shape, int max)
    {
        List<ListItem> items = [];
        for (int i = 0; i < shape.First.Count && i < max; i++) items.Add(new ListItem(write(shape.First[i]), Skip(i)));
        if (max <= shape.First.Count) return rules.Array(items);

        Expr rest = write(shape.Rest);
        bool isEndless = max > ConstraintLimits.Repetitions;
        int counted = isEndless ? shape.Min : max;
        if (counted - shape.First.Count > 1 && rest is not (CallExpr or SharedExpr)) rest = new SharedExpr(rest);
        table.Budget.Nodes(Math.Max(0, counted - shape.First.Count));
        for (int i = shape.First.Count; i < counted; i++) items.Add(new ListItem(rest, Skip(i)));
        if (isEndless) items.Add(new ListItem(rest, ListSkip.Loop));
        return rules.Array(items);

        ListSkip Skip(int index) => index < shape.Min ? ListSkip.Never : ListSkip.ToEnd;
    }

    /// <summary>States are the index, as far as it matters, and the counts, as far as they matter.</summary>
    private Expr Tallied(ArrayShape shape, int max)
    {
        IReadOnlyList<Tally> tallies = shape.Tallies;
        int last = Math.Max(Math.Max(shape.First.Count, max <= ConstraintLimits.Repetitions ? max : shape.Min), tallies.Max(tally => tally.From));
        return ListMachine.Make(rules, "counted items", ("[", "]"), new Counts(0, new int[tallies.Count]), Steps, Accepts, table.Budget);

        bool Accepts(Counts at) => at.Index >= shape.Min && tallies.Select((tally, t) => at.Of[t] >= tally.Min).All(holds => holds);

        IEnumerable<(Expr?, Counts)> Steps(Counts at)
        {
            if (at.Index >= max) yield break;
            List<(Goal Goal, int[] Of)> ways = [(shape[at.Index], at.Of)];
            for (int t = 0; t < tallies.Count; t++)
            {
                Tally tally = tallies[t];
                bool isEndless = tally.Max == int.MaxValue;
                if (at.Index < tally.From || (isEndless && at.Of[t] >= tally.Min)) continue;
                List<(Goal, int[])> split = [];
                foreach ((Goal goal, int[] counts) in ways)
                {
                    table.Budget.Steps(20 + counts.Length);
                    table.Budget.Bytes(40 + (4L * counts.Length));
                    int[] more = [.. counts];
                    more[t]++;
                    if (counts[t] < tally.Max) Add(split, table.And(goal, tally.Goal), more);
                    // Where more of them do no harm, an item may be one that is not counted.
                    Add(split, isEndless ? goal : table.And(goal, table.Not(tally.Goal)), counts);
                }
                ways = split;
            }
            foreach ((Goal goal, int[] counts) in ways) yield return (write(goal), new Counts(Math.Min(at.Index + 1, last), counts));
        }

        void Add(List<(Goal, int[])> ways, Goal goal, int[] counts)
        {
            if (!probe.IsVoid(goal)) ways.Add((goal, counts));
        }
    }

    /// <summary>Items of a small list, each at most once. Null: it is left out that they are unique.</summary>
    private Expr? Unique(ArrayShape shape, int max, SchemaPart place)
    {
        IReadOnlyList<string>?[] lists = [.. Enumerable.Range(0, Math.Min(max, shape.First.Count + 1)).Select(i => list(shape[i]))];
        string[] values = lists.Contains(null) || shape.Tallies.Count > 0 ? [] : [.. lists.SelectMany(values => values!).Distinct()];
        if (values.Length == 0 || (values.Length > FreelyUnique && shape.First.Count > 0))
        {
            table.LeaveOut(place, "uniqueItems is supported where items are from a list (enum, const, true, false, null), without contains, and where they are at most one; leave it out, or list the items");
            return null;
        }
        HashSet<string>[] allowed = [.. lists.Select(of => new HashSet<string>(of!, StringComparer.Ordinal))];
        if (values.Length > FreelyUnique)
        {
            // The state is the first value that may still come, and how many came, as far as that matters.
            int counted = Math.Min(max, values.Length);
            return ListMachine.Make(rules, "unique items", ("[", "]"), (Next: 0, Count: 0), at => Rising(at.Next, at.Count), at => at.Count >= shape.Min, table.Budget);

            IEnumerable<(Expr?, (int, int))> Rising(int next, int count)
            {
                if (next == values.Length || count == counted) yield break;
                int after = max < values.Length || count < shape.Min ? count + 1 : count;
                yield return (Expr.Text(values[next]), (next + 1, after));
                yield return (null, (next + 1, count));
            }
        }
        return ListMachine.Make(rules, "unique items", ("[", "]"), 0, Unused, used => int.PopCount(used) >= shape.Min, table.Budget);

        IEnumerable<(Expr?, int)> Unused(int used)
        {
            int index = int.PopCount(used);
            if (index >= max) yield break;
            for (int v = 0; v < values.Length; v++)
                if ((used >> v & 1) == 0 && allowed[Math.Min(index, allowed.Length - 1)].Contains(values[v])) yield return (Expr.Text(values[v]), used | (1 << v));
        }
    }

    private readonly record struct Counts(int Index, int[] Of)
    {
        public bool Equals(Counts other) => Index == other.Index && Of.AsSpan().SequenceEqual(other.Of);

        public override int GetHashCode()
        {
            HashCode hash = default;
            hash.Add(Index);
            foreach (int count in Of) hash.Add(count);
            return hash.ToHashCode();
        }
    }
}
