namespace Coppice.Constraints;

/// <summary>The constraints an engine has met lately, over its vocabulary: requests that ask for the same share states and masks.</summary>
internal sealed class ConstraintCache(Tokenizer tokenizer)
{
    private readonly Lazy<TokenTrie> _trie = new(() => new TokenTrie(tokenizer));
    private readonly Lock _lock = new();
    private readonly LinkedList<(OutputConstraint Constraint, TokenAutomaton Automaton)> _recent = new();   // latest first

    /// <summary>A cursor before the first token. Any thread.</summary>
    public ConstraintCursor Begin(OutputConstraint constraint, bool beginsText) => new(Get(constraint), tokenizer, beginsText);

    public TokenAutomaton Get(OutputConstraint constraint)
    {
        TokenTrie trie = _trie.Value;   // made on the first caller's thread, not in a step
        lock (_lock)
        {
            for (LinkedListNode<(OutputConstraint Constraint, TokenAutomaton Automaton)>? node = _recent.First; node is not null; node = node.Next)
            {
                if (!node.Value.Constraint.Equals(constraint)) continue;
                _recent.Remove(node);
                _recent.AddFirst(node);
                return node.Value.Automaton;
            }
            TokenAutomaton made = new(constraint.Automaton, trie);
            _recent.AddFirst((constraint, made));
            if (_recent.Count > ConstraintLimits.Cached) _recent.RemoveLast();
            return made;
        }
    }
}
