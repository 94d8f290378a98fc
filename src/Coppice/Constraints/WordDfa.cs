using System.Text;

namespace Coppice.Constraints;

/// <summary>Automata of finite lists of words, and the words of an automaton.</summary>
internal static class WordDfa
{
    public static Dfa Make(IEnumerable<string> texts, BuildBudget budget)
    {
        List<int[]> words = [];
        foreach (string text in texts)
        {
            budget.Bytes(48 + (4L * text.Length));
            budget.Steps(text.Length);
            words.Add([.. text.EnumerateRunes().Select(rune => rune.Value)]);
        }
        Alphabet alphabet = Alphabet.Of([.. words.SelectMany(word => word).Distinct().Select(c => CharSet.Of((c, c)))], budget);
        int k = alphabet.Count;
        List<int> next = [];
        List<bool> accepts = [];
        Add();
        foreach (int[] word in words)
        {
            int state = 0;
            foreach (int c in word)
            {
                int slot = (state * k) + alphabet.ClassOf(c);
                if (next[slot] == Dfa.None) next[slot] = Add();
                state = next[slot];
            }
            accepts[state] = true;
        }
        return Dfa.Of(alphabet, [.. next], [.. accepts], budget);

        int Add()
        {
            budget.Nodes(1);
            budget.Bytes(4L * k);
            for (int c = 0; c < k; c++) next.Add(Dfa.None);
            accepts.Add(false);
            return accepts.Count - 1;
        }
    }

    /// <summary>The words of an automaton; null if they are more than <paramref name="most"/>.</summary>
    public static List<string>? Words(Dfa dfa, int most, BuildBudget budget)
    {
        List<string> words = [];
        StringBuilder word = new();
        // A path as long as there are states goes in a circle, and every state leads to a word, so that a circle makes their number infinite.
        Stack<IEnumerator<(int CodePoint, int To)>> path = new();
        if (dfa.Accepts(0)) words.Add("");
        path.Push(Steps(dfa, 0).GetEnumerator());
        while (path.TryPeek(out IEnumerator<(int CodePoint, int To)>? steps))
        {
            if (words.Count > most || path.Count > dfa.States) return null;
            budget.Step();
            if (!steps.MoveNext())
            {
                path.Pop();
                if (path.Count > 0) word.Length -= word.Length > 1 && char.IsLowSurrogate(word[^1]) ? 2 : 1;
                continue;
            }
            word.Append(new Rune(steps.Current.CodePoint).ToString());
            if (dfa.Accepts(steps.Current.To))
            {
                words.Add(word.ToString());
                budget.Bytes(40 + (2L * word.Length));
            }
            path.Push(Steps(dfa, steps.Current.To).GetEnumerator());
        }
        return words.Count <= most ? words : null;
    }

    private static IEnumerable<(int CodePoint, int To)> Steps(Dfa dfa, int state)
    {
        foreach ((CharSet set, int to) in dfa.Edges(state))
        {
            foreach ((int from, int last) in set.Ranges)
                for (int c = from; c <= last; c++) yield return (c, to);
        }
    }
}
