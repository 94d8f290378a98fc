namespace Coppice.Constraints;

/// <summary>
/// Compiles rules to an <see cref="Automaton"/>, from the end of each to its beginning: a node is made when what follows it is there.
/// It recurses as deep as expressions nest, which whoever makes them bounds.
/// </summary>
internal sealed class AutomatonBuilder
{
    // A repeated item of more nodes becomes a rule that is called, instead of copies.
    private const int CopiedNodes = 4;

    // Counts beyond these are counted in blocks of blocks: a state is then at most some places, and a count of n takes few nodes.
    private const int FlatCopies = 1024, Blocks = 256;

    private readonly List<Node> _nodes = [new(NodeKind.Return, 0, 0)];
    private readonly List<Edge> _edges = [];
    private readonly List<Expr> _rules;
    private readonly List<string> _names;
    private readonly Dictionary<Expr, CallExpr> _callOfItem = new(ReferenceEqualityComparer.Instance);
    private readonly Dictionary<(Expr Item, int Min, int Max), CallExpr> _callOfBlock = [];
    private readonly Dictionary<(Func<CharSet, Expr>, CharSet), Expr> _spelled = [];
    private readonly BuildBudget _budget;
    private readonly ByteTree _tree;

    private AutomatonBuilder(IEnumerable<(string Name, Expr Body)> rules, BuildBudget budget)
    {
        _budget = budget;
        _rules = [.. rules.Select(rule => rule.Body)];
        _names = [.. rules.Select(rule => rule.Name)];
        _tree = new ByteTree(Bytes, Split, budget);
    }

    /// <summary>Rule 0 is the root.</summary>
    /// <exception cref="InvalidRequestException">It grows beyond the budget, recurs to the left, or fits no text.</exception>
    public static Automaton Build(IReadOnlyList<(string Name, Expr Body)> rules, BuildBudget budget)
    {
        AutomatonBuilder builder = new(rules, budget);
        List<int> starts = [];
        while (starts.Count < builder._rules.Count) starts.Add(builder.Emit(builder._rules[starts.Count], Automaton.Return));
        return new Automaton([.. builder._nodes], [.. builder._edges], [.. starts], builder._names, budget);
    }

    private int Emit(Expr expr, int next)
    {
        switch (expr)
        {
            case TextExpr text:
                for (int i = text.Bytes.Length; i-- > 0;) next = Bytes([new Edge(text.Bytes[i], text.Bytes[i], next)]);
                return next;
            case WordsExpr words:
                return _tree.Words(words.Words, next);
            case CharsExpr chars:
                return _tree.Characters(chars.Set, next);
            case SequenceExpr sequence:
                for (int i = sequence.Items.Count; i-- > 0;) next = Emit(sequence.Items[i], next);
                return next;
            case ChoiceExpr choice:
                if (choice.Items.Count == 0) return Bytes([]);
                int chosen = Emit(choice.Items[^1], next);
                for (int i = choice.Items.Count - 1; i-- > 0;) chosen = Split(Emit(choice.Items[i], next), chosen);
                return chosen;
            case RepeatExpr repeat:
                return Repeat(repeat, next);
            case CallExpr call:
                return Call(call.Rule, next);
            case SharedExpr shared:
                return Emit(Called(shared.Item), next);
            case ListExpr list:
                return List(list, next);
            case LanguageExpr language:
                return Language(language, next);
            default:
                throw new InvalidOperationException($"{expr.GetType().Name} is not compiled.");
        }
    }

    private int Repeat(RepeatExpr repeat, int next)
    {
        Expr item = repeat.Item;
        if ((repeat.Max ?? (repeat.Min + 1)) > 1 && !IsSmall(item)) item = Called(item);
        if (repeat.Max is int max) return Exactly(item, repeat.Min, UpTo(item, max - repeat.Min, next));
        int loop = Split(next, next);
        _nodes[loop] = new Node(NodeKind.Split, Emit(item, loop), next);
        return Exactly(item, repeat.Min, loop);
    }

    private int Exactly(Expr item, int count, int next)
    {
        int block = count <= FlatCopies ? 1 : count / Blocks, rest = block == 1 ? count : count % block;
        for (int i = 0; i < rest; i++) next = Emit(item, next);
        if (block == 1) return next;
        CallExpr full = Block(item, block, block);
        for (int i = 0; i < count / block; i++) next = Emit(full, next);
        return next;
    }

    /// <summary>Full blocks and then a part of one; or all full blocks and then what is left. So each count is reached in one way.</summary>
    private int UpTo(Expr item, int count, int next)
    {
        int block = count <= FlatCopies ? 1 : count / Blocks, at = next;
        if (block == 1)
        {
            for (int i = 0; i < count; i++) at = Split(Emit(item, at), next);
            return at;
        }
        CallExpr full = Block(item, block, block), part = Block(item, 0, block - 1);
        at = Emit(Block(item, 0, count % block), next);
        for (int i = 0; i < count / block; i++) at = Split(Emit(full, at), Emit(part, next));
        return at;
    }

    private CallExpr Block(Expr item, int min, int max)
    {
        if (_callOfBlock.TryGetValue((item, min, max), out CallExpr? call)) return call;
        return _callOfBlock[(item, min, max)] = Rule(Expr.Repeat(item, min, max));
    }

    private CallExpr Called(Expr item) => _callOfItem.TryGetValue(item, out CallExpr? call) ? call : _callOfItem[item] = Rule(item);

    private CallExpr Rule(Expr body)
    {
        _budget.Bytes(128);
        _rules.Add(body);
        _names.Add("(a part)");
        return new CallExpr(_rules.Count - 1);
    }

    /// <summary>A node for each state: its characters, each with the node of the state that it leads to.</summary>
    private int Language(LanguageExpr language, int next)
    {
        Dfa dfa = language.Dfa;
        int[] nodes = new int[dfa.States];
        for (int state = 0; state < nodes.Length; state++) nodes[state] = Split(next, next);
        for (int state = 0; state < nodes.Length; state++)
        {
            List<int> ways = [];
            List<Edge> bytes = [];
            if (language.Tails.TryGetValue(state, out Expr? tail))
            {
                ways.Add(Emit(tail, next));
            }
            else
            {
                _budget.Steps(dfa.Alphabet.IntervalCount);
                if (dfa.Accepts(state)) ways.Add(next);
                foreach ((CharSet set, int to) in dfa.Edges(state))
                {
                    _budget.Steps(8 + set.Ranges.Length);
                    Expr spelled = Spelled(language.Spell, set);
                    if (spelled is CharsExpr ascii) bytes.AddRange(ascii.Set.Ranges.Select(range => new Edge((byte)range.From, (byte)range.To, nodes[to])));
                    else ways.Add(Emit(spelled, nodes[to]));
                }
            }
            if (bytes.Count > 0 || ways.Count == 0) ways.Add(Bytes(bytes));
            int rest = ways[^1];
            for (int i = ways.Count - 1; i-- > 1;) rest = Split(ways[i], rest);
            _nodes[nodes[state]] = new Node(NodeKind.Split, ways[0], rest);
        }
        return nodes[0];
    }

    /// <summary>A set of ASCII as it is; what takes more bytes is called.</summary>
    private Expr Spelled(Func<CharSet, Expr> spell, CharSet set)
    {
        if (_spelled.TryGetValue((spell, set), out Expr? known)) return known;
        Expr spelled = spell(set);
        return _spelled[(spell, set)] = spelled is CharsExpr { Set.IsAscii: true } ? spelled : Called(spelled);
    }

    private int List(ListExpr list, int next)
    {
        // before: no item has come; after: one has.
        int beforeEnd = next, afterEnd = Emit(list.Close, next);
        int before = beforeEnd, after = afterEnd;
        for (int i = list.Items.Count; i-- > 0;)
        {
            (Expr item, ListSkip skip) = list.Items[i];
            if (skip == ListSkip.Loop)
            {
                int loop = Split(after, after);
                int body = Emit(item, loop);
                _nodes[loop] = new Node(NodeKind.Split, Emit(list.Separator, body), after);
                (before, after) = (Split(body, before), loop);
            }
            else
            {
                int body = Emit(item, after);
                int separated = Emit(list.Separator, body);
                (before, after) = skip switch
                {
                    ListSkip.Never => (body, separated),
                    ListSkip.ToNext => (Split(body, before), Split(separated, after)),
                    _ => (Split(body, beforeEnd), Split(separated, afterEnd)),
                };
            }
        }
        return before;
    }

    private int Bytes(IReadOnlyCollection<Edge> edges)
    {
        _budget.Nodes(edges.Count);
        int first = _edges.Count;
        _edges.AddRange(edges);
        return Add(new Node(NodeKind.Bytes, first, _edges.Count));
    }

    private int Split(int a, int b) => Add(new Node(NodeKind.Split, a, b));

    private int Call(int rule, int next) => Add(next == Automaton.Return ? new Node(NodeKind.TailCall, rule, 0) : new Node(NodeKind.Call, rule, next));

    private int Add(Node node)
    {
        _budget.Nodes(1);
        _nodes.Add(node);
        return _nodes.Count - 1;
    }

    private static bool IsSmall(Expr expr) => expr switch
    {
        TextExpr text => text.Bytes.Length <= CopiedNodes,
        CharsExpr chars => chars.Set.IsAscii,
        CallExpr or SharedExpr => true,
        _ => false,
    };
}
