namespace Coppice.Kernels;

/// <summary>Which experts a row goes through, and the order of rows in which experts compute. Scalar: it is nothing beside the products.</summary>
internal static class Routing
{
    /// <summary>The experts of the largest outputs, the lower one of equals, and their shares of the softmax.</summary>
    /// <param name="outputs">The router's, [X].</param>
    /// <param name="normalized">The weights sum to 1: a softmax over the chosen ones. Else over all.</param>
    /// <param name="chosen">Ascending. [k]</param>
    /// <param name="weights">[k]</param>
    public static void Choose(ReadOnlySpan<float> outputs, bool normalized, Span<int> chosen, Span<float> weights)
    {
        // Insertion into the k best so far, best first. A NaN is never larger than what is there.
        int count = 0;
        for (int expert = 0; expert < outputs.Length; expert++)
        {
            int at = count;
            while (at > 0 && outputs[expert] > outputs[chosen[at - 1]]) at--;
            if (at == chosen.Length) continue;
            if (count < chosen.Length) count++;
            chosen[at..(count - 1)].CopyTo(chosen[(at + 1)..]);
            chosen[at] = expert;
        }

        float max = outputs[chosen[0]], sum = 0;
        chosen.Sort();
        for (int i = 0; i < chosen.Length; i++) weights[i] = Exp2.Of((outputs[chosen[i]] - max) * Exp2.Log2E);
        if (normalized)
            for (int i = 0; i < weights.Length; i++) sum += weights[i];
        else
            for (int expert = 0; expert < outputs.Length; expert++) sum += Exp2.Of((outputs[expert] - max) * Exp2.Log2E);
        for (int i = 0; i < weights.Length; i++) weights[i] /= sum;
    }

    /// <summary>Sorts (row, expert) pairs by expert, then by row.</summary>
    /// <param name="chosen">The rows' experts, [T][k].</param>
    /// <param name="perRow">k.</param>
    /// <param name="expertFirst">Pairs [expertFirst[x], expertFirst[x + 1]) are expert x's.  [X + 1]</param>
    /// <param name="rows">The row of each pair in the new order, [T·k].</param>
    /// <param name="places">Where each pair of <paramref name="chosen"/> is in the new order, [T][k].</param>
    public static void Group(ReadOnlySpan<int> chosen, int perRow, Span<int> expertFirst, Span<int> rows, Span<int> places)
    {
        expertFirst.Clear();
        foreach (int expert in chosen) expertFirst[expert + 1]++;
        for (int expert = 1; expert < expertFirst.Length; expert++) expertFirst[expert] += expertFirst[expert - 1];
        for (int i = 0; i < chosen.Length; i++)
        {
            int place = expertFirst[chosen[i]]++;
            places[i] = place;
            rows[place] = i / perRow;
        }
        // Each has moved on to where the next began.
        for (int expert = expertFirst.Length - 1; expert > 0; expert--) expertFirst[expert] = expertFirst[expert - 1];
        expertFirst[0] = 0;
    }
}
