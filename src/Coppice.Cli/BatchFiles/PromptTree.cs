namespace Coppice.Cli.BatchFiles;

/// <summary>
/// The tree of what prompts have in common: a node is a run of tokens, its children differ in their first token and stand in the
/// order in which the prompts came. Prompts of different salts share nothing.
/// </summary>
internal sealed class PromptTree
{
    private readonly Dictionary<string, Node> _roots = new(StringComparer.Ordinal);
    private readonly List<Node> _rootsInOrder = [];

    /// <summary>One root per salt. Roots have no tokens.</summary>
    public IReadOnlyList<Node> Roots => _rootsInOrder;

    /// <summary>Adds a prompt under a number of the caller's.</summary>
    public void Add(int prompt, int[] tokens, string? salt)
    {
        // A missing salt and an empty one are not the same.
        string key = salt is null ? "" : "=" + salt;
        if (!_roots.TryGetValue(key, out Node? node))
        {
            _roots[key] = node = new Node([], 0, 0);
            _rootsInOrder.Add(node);
        }
        int at = 0;
        while (at < tokens.Length)
        {
            if (!node.TryChild(tokens[at], out Node? child))
            {
                child = new Node(tokens, at, tokens.Length);
                node.AddChild(child);
            }
            int common = child.Tokens.CommonPrefixLength(tokens.AsSpan(at));
            if (common < child.Tokens.Length) child.SplitAt(common);
            at += common;
            node = child;
        }
        node.Ending.Add(prompt);
    }

    /// <summary>Prompts depth first: those with a common prefix are neighbours.</summary>
    public List<int> Order()
    {
        List<int> order = [];
        Stack<Node> open = new(Enumerable.Reverse(_rootsInOrder));
        while (open.TryPop(out Node? node))
        {
            order.AddRange(node.Ending);
            for (int i = node.Children.Count - 1; i >= 0; i--) open.Push(node.Children[i]);
        }
        return order;
    }

    /// <summary>Tokens [from, to) of a prompt that came through here.</summary>
    internal sealed class Node(int[] source, int from, int to)
    {
        private int[] _source = source;
        private int _from = from, _to = to;
        private List<Node> _children = [];
        private Dictionary<int, Node>? _byFirst;   // made when there are enough children to be worth it

        public ReadOnlySpan<int> Tokens => _source.AsSpan(_from, _to - _from);

        public IReadOnlyList<Node> Children => _children;

        /// <summary>Prompts that end with this node's last token.</summary>
        public List<int> Ending { get; private set; } = [];

        public bool TryChild(int token, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out Node? child)
        {
            if (_byFirst is not null) return _byFirst.TryGetValue(token, out child);
            child = _children.Find(c => c.Tokens[0] == token);
            return child is not null;
        }

        public void AddChild(Node child)
        {
            _children.Add(child);
            if (_byFirst is null && _children.Count > 8) _byFirst = _children.ToDictionary(c => c.Tokens[0]);
            else _byFirst?.Add(child.Tokens[0], child);
        }

        /// <summary>Keeps the first tokens; the others become the only child, with all that followed.</summary>
        public void SplitAt(int tokens)
        {
            Node rest = new(_source, _from + tokens, _to) { _children = _children, _byFirst = _byFirst, Ending = Ending };
            (_to, _children, _byFirst, Ending) = (_from + tokens, [], null, []);
            AddChild(rest);
        }
    }
}
