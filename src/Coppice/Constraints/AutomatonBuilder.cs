namespace Coppice.Constraints;

/// <summary>Compiles rules to an <see cref="Automaton"/>, from the end of each to its beginning: a node is made when what follows it is there.</summary>
internal sealed class AutomatonBuilder
{
    // A repeated item of more nodes becomes a rule that is called, instead of copies.
    private const int CopiedNodes = 4;

    // A repetition that counts far counts blocks of so many.
    private const int Block = 256;

    private readonly List<Node> _nodes = [new(NodeKind.Return, 0, 0)];
    private readonly List<Edge> _edges = [];
    private readonly List<Expr> _rules;
    private readonly List<string> _names;
    private readonly Dictionary<Expr, int> _ruleOfItem = new(ReferenceEqualityComparer.Instance);

    private readonly Dictionary<(Func<CharSet, Expr>, CharSet), Expr> _spelled = [];
    private readonly BuildBudget _budget;

    private AutomatonBuilder(IEnumerable<(string Name, Expr Body)> rules, BuildBudget budget)
    {
        _budget = budget;
        _rules = [.. rules.Select(rule => rule.Body)];
        _names = [.. rules.Select(rule => rule.Name)];
    }

    /// <summary>Rule 0 is the root.</summary>
    /// <exception cref="InvalidRequestException">It grows beyond the limits, recurs to the left, or fits no text.</exception>
    public static Automaton Build(IReadOnlyList<(string Name, Expr Body)> rules, BuildBudget budget)
    {
        AutomatonBuilder builder = new(rules, budget);
        List<int> starts = [];
        while (starts.Count < builder._rules.Count) starts.Add(builder.Emit(builder._rules[starts.Count], Automaton.Return));
        return new Automaton([.. builder._nodes], [.. builder._edges], [.. starts], [.. builder._names], budget);
    }

    private int Emit(Expr expr, int next)
    {
        switch (expr)
        {
            case TextExpr text:
                for (int i = text.Bytes.Length; i-- > 0;) next = Bytes([new Edge(text.Bytes[i], text.Bytes[i], next)]);
                return next;
            case WordsExpr words:
                return Words(words.Words, 0, next);
            case CharsExpr chars:
                return Sequences(Utf8Ranges.Of(chars.Set), 0, next, []);
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
            case ListExpr list:
                return List(list, next);
            case SharedExpr shared:
                return Call(RuleOf(shared.Item), next);
            case LanguageExpr language:
                return Language(language, next);
            default:
                throw new InvalidOperationException($"{expr.GetType().Name} is not compiled.");
        }
    }

    private int Repeat(RepeatExpr repeat, int next)
    {
        int copies = repeat.Max ?? (repeat.Min + 1);
        Expr item = repeat.Item;
        if (copies > 2 * Block) return Emit(InBlocks(item, repeat.Min, repeat.Max), next);
        if (copies > 1 && !IsSmall(item, CopiedNodes))
        {
            item = new CallExpr(RuleOf(item));
        }

        int at = next;
        if (repeat.Max is int max)
        {
            for (int i = repeat.Min; i < max; i++) at = Split(Emit(item, at), next);
        }
        else
        {
            int loop = at = Split(next, next);
            _nodes[loop] = new Node(NodeKind.Split, Emit(item, loop), next);
        }
        for (int i = 0; i < repeat.Min; i++) at = Emit(item, at);
        return at;
    }

    /// <summary>The same texts with few nodes: whole blocks, each a call, then a part of one.</summary>
    private static Expr InBlocks(Expr item, int min, int? max)
    {
        Expr one = new SharedExpr(item), block = new SharedExpr(Expr.Repeat(one, Block, Block));
        List<Expr> parts = [Expr.Repeat(block, min / Block, min / Block), Expr.Repeat(one, min % Block, min % Block)];
        if (max is not int most)
        {
            parts.Add(Expr.Repeat(one, 0, null));
        }
        else
        {
            int blocks = (most - min) / Block;
            Expr last = Expr.Sequence([Expr.Repeat(block, blocks, blocks), Expr.Repeat(one, 0, (most - min) % Block)]);
            parts.Add(blocks == 0 ? last : Expr.Choice([Expr.Sequence([Expr.Repeat(block, 0, blocks - 1), Expr.Repeat(one, 0, Block - 1)]), last]));
        }
        return Expr.Sequence(parts);
    }

    private int RuleOf(Expr item)
    {
        if (_ruleOfItem.TryGetValue(item, out int rule)) return rule;
        _rules.Add(item);
        _names.Add("(a part)");
        return _ruleOfItem[item] = _rules.Count - 1;
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
        return _spelled[(spell, set)] = spelled is CharsExpr && IsSmall(spelled, CopiedNodes) ? spelled : new SharedExpr(spelled);
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

    /// <summary>A tree of the words' bytes from <paramref name="depth"/> on.</summary>
    private int Words(IReadOnlyList<byte[]> words, int depth, int next)
    {
        int shared = depth;
        while (words.Count > 0 && words.All(word => word.Length > shared && word[shared] == words[0][shared])) shared++;
        if (shared > depth) return Emit(new TextExpr(words[0][depth..shared]), Words(words, shared, next));

        List<Edge> edges = [];
        foreach (IGrouping<byte, byte[]> group in words.Where(word => word.Length > depth).GroupBy(word => word[depth]).OrderBy(group => group.Key))
        {
            byte[][] rest = [.. group];
            int to = rest.Length > 1 ? Words(rest, depth + 1, next) : Emit(new TextExpr(rest[0][(depth + 1)..]), next);
            edges.Add(new Edge(group.Key, group.Key, to));
        }
        bool ends = words.Any(word => word.Length == depth);
        if (edges.Count == 0 && ends) return next;
        int node = Bytes(edges);
        return ends ? Split(node, next) : node;
    }

    /// <summary>The sequences from their byte <paramref name="depth"/> on; those left with one tail share it.</summary>
    private int Sequences(IReadOnlyList<(byte Low, byte High)[]> sequences, int depth, int next, Dictionary<string, int> tails)
    {
        if (sequences.Count > 0 && sequences[0].Length == depth) return next;
        string? key = sequences.Count == 1 ? string.Join(' ', sequences[0][depth..]) : null;
        if (key is not null && tails.TryGetValue(key, out int tail)) return tail;

        List<Edge> edges = [];
        foreach (IGrouping<(byte Low, byte High), (byte Low, byte High)[]> group in sequences.GroupBy(sequence => sequence[depth]))
            edges.Add(new Edge(group.Key.Low, group.Key.High, Sequences([.. group], depth + 1, next, tails)));
        int node = Bytes(edges);
        if (key is not null) tails[key] = node;
        return node;
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

    private static bool IsSmall(Expr expr, int nodes) => expr switch
    {
        TextExpr text => text.Bytes.Length <= nodes,
        CharsExpr chars => chars.Set.Ranges is [] or [.., (_, < 0x80)],
        CallExpr or SharedExpr => true,
        _ => false,
    };
}
