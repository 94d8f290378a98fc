using Coppice.Constraints;

namespace Coppice.Tests.Constraints;

/// <summary>Whether a grammar takes a text, by following its expressions from every place to every end. Knows no automaton, and takes its time.</summary>
internal sealed class SlowRecogniser(IReadOnlyList<(string Name, Expr Body)> rules, byte[] text)
{
    private readonly Dictionary<(Expr, int), HashSet<int>> _known = [];

    public bool Accepts() => Ends(rules[0].Body, 0).Contains(text.Length);

    private HashSet<int> Ends(Expr expr, int from)
    {
        if (_known.TryGetValue((expr, from), out HashSet<int>? known)) return known;
        return _known[(expr, from)] = Find(expr, from);
    }

    private HashSet<int> Find(Expr expr, int from)
    {
        switch (expr)
        {
            case TextExpr literal:
                return text.AsSpan(from).StartsWith(literal.Bytes) ? [from + literal.Bytes.Length] : [];
            case WordsExpr words:
                return [.. words.Words.Where(word => text.AsSpan(from).StartsWith(word)).Select(word => from + word.Length)];
            case CharsExpr chars:
                return System.Text.Rune.DecodeFromUtf8(text.AsSpan(from), out System.Text.Rune rune, out int length) == System.Buffers.OperationStatus.Done && chars.Set.Contains(rune.Value) ? [from + length] : [];
            case SequenceExpr sequence:
                return sequence.Items.Aggregate(new HashSet<int> { from }, (at, item) => [.. at.SelectMany(start => Ends(item, start))]);
            case ChoiceExpr choice:
                return [.. choice.Items.SelectMany(item => Ends(item, from))];
            case CallExpr call:
                return Ends(rules[call.Rule].Body, from);
            case RepeatExpr repeat:
                HashSet<int> at = [from], all = repeat.Min == 0 ? [from] : [];
                for (int count = 1; count <= (repeat.Max ?? (repeat.Min + text.Length + 1)) && at.Count > 0; count++)
                {
                    at = [.. at.SelectMany(start => Ends(repeat.Item, start))];
                    if (count >= repeat.Min) all.UnionWith(at);
                }
                return all;
            default:
                throw new InvalidOperationException($"{expr.GetType().Name} is not in grammars.");
        }
    }
}
