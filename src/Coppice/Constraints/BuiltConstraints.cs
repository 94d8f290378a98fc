namespace Coppice.Constraints;

/// <summary>The constraints made lately, by kind and text: requests that ask for the same share one automaton. Any thread.</summary>
internal sealed class BuiltConstraints(int maxNodes)
{
    /// <summary>Of this process. The largest constraint takes its half, so that two large ones do not displace each other.</summary>
    public static readonly BuiltConstraints Lately = new(2 * ConstraintLimits.Nodes);

    private readonly Lock _lock = new();
    private readonly LinkedList<OutputConstraint> _recent = new();   // latest first
    private readonly Dictionary<(string Kind, string Text), LinkedListNode<OutputConstraint>> _known = [];
    private long _nodes;

    /// <summary>The constraint of a text.</summary>
    /// <param name="kind">How the text is read.</param>
    /// <param name="text">Schema, pattern or grammar.</param>
    /// <param name="make">Makes it where it is not kept; not under the lock, so that what takes long delays only itself.</param>
    public OutputConstraint Get(string kind, string text, Func<OutputConstraint> make)
    {
        if (Find((kind, text)) is OutputConstraint known) return known;
        OutputConstraint made = make();
        lock (_lock)
        {
            if (Find((kind, text)) is OutputConstraint meanwhile) return meanwhile;
            _known[(kind, text)] = _recent.AddFirst(made);
            _nodes += Weight(made);
            while (_nodes > maxNodes && _recent.Last is { } last && last != _recent.First)
            {
                _recent.RemoveLast();
                _known.Remove((last.Value.Kind, last.Value.Text));
                _nodes -= Weight(last.Value);
            }
            return made;
        }
    }

    private OutputConstraint? Find((string Kind, string Text) key)
    {
        lock (_lock)
        {
            if (!_known.TryGetValue(key, out LinkedListNode<OutputConstraint>? node)) return null;
            _recent.Remove(node);
            _recent.AddFirst(node);
            return node.Value;
        }
    }

    // A text counts as nodes of some 20 bytes, for a small constraint of a long text.
    private static long Weight(OutputConstraint constraint) => 100L + constraint.Automaton.Nodes.Length + constraint.Automaton.Edges.Length + (constraint.Text.Length / 10);
}
