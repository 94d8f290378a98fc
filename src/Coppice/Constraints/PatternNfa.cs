namespace Coppice.Constraints;

/// <summary>A pattern as a nondeterministic automaton over characters (Thompson 1968), with assertions on the way; built from its end to its beginning.</summary>
internal sealed class PatternNfa
{
    private readonly List<NfaNode> _nodes = [];
    private readonly List<CharSet> _sets = [];
    private readonly Dictionary<CharSet, int> _indexOfSet = [];
    private readonly List<LookExpr> _behinds = [];
    private readonly BuildBudget _budget;

    /// <param name="pattern">As <see cref="PatternReader"/> gives it.</param>
    /// <param name="reach">Where it must fit.</param>
    /// <param name="budget">Pays.</param>
    public PatternNfa(Expr pattern, PatternReach reach, BuildBudget budget)
    {
        _budget = budget;
        Match = Add(new NfaNode(NfaKind.Match, 0, 0));
        Rest = Loop(new CharsExpr(CharSet.All), Match);
        int end = reach is PatternReach.Anywhere ? Rest : Match;
        int start = Emit(pattern, end);
        Start = reach is PatternReach.Whole ? start : Loop(new CharsExpr(CharSet.All), start);
    }

    public IReadOnlyList<NfaNode> Nodes => _nodes;

    public IReadOnlyList<CharSet> Sets => _sets;

    /// <summary>The look-behinds, by the number that their nodes have.</summary>
    public IReadOnlyList<LookExpr> Behinds => _behinds;

    public int Start { get; }

    /// <summary>The node from which any text is taken.</summary>
    public int Rest { get; }

    public int Match { get; }

    /// <summary>Whether it asks where the text begins.</summary>
    public bool LooksAtStart { get; private set; }

    /// <summary>Whether it asks where the text ends.</summary>
    public bool LooksAtEnd { get; private set; }

    /// <summary>Whether it asks where words begin and end.</summary>
    public bool LooksAtWords { get; private set; }

    private int Emit(Expr expr, int next)
    {
        _budget.Step();
        switch (expr)
        {
            case CharsExpr chars:
                return Add(new NfaNode(NfaKind.Chars, SetIndex(chars.Set), next));
            case SequenceExpr sequence:
                for (int i = sequence.Items.Count; i-- > 0;) next = Emit(sequence.Items[i], next);
                return next;
            case ChoiceExpr { Items.Count: > 0 } choice:
                int chosen = Emit(choice.Items[^1], next);
                for (int i = choice.Items.Count - 1; i-- > 0;) chosen = Add(new NfaNode(NfaKind.Split, Emit(choice.Items[i], next), chosen));
                return chosen;
            case RepeatExpr repeat:
                int at = repeat.Max is null ? Loop(repeat.Item, next) : next;
                for (int i = repeat.Min; i < repeat.Max; i++) at = Add(new NfaNode(NfaKind.Split, Emit(repeat.Item, at), next));
                for (int i = 0; i < repeat.Min; i++) at = Emit(repeat.Item, at);
                return at;
            case AnchorExpr anchor:
                LooksAtStart |= anchor.Anchor == Anchor.Start;
                LooksAtEnd |= anchor.Anchor == Anchor.End;
                LooksAtWords |= anchor.Anchor is Anchor.WordEdge or Anchor.NoWordEdge;
                return Add(new NfaNode(NfaKind.Anchor, (int)anchor.Anchor, next));
            case LookExpr { Where: LookWhere.Ahead } ahead:
                return Add(new NfaNode(ahead.Wanted ? NfaKind.Ahead : NfaKind.NotAhead, Emit(ahead.Body, Rest), next));
            case LookExpr behind:
                _behinds.Add(behind);
                return Add(new NfaNode(behind.Wanted ? NfaKind.Behind : NfaKind.NotBehind, _behinds.Count - 1, next));
            default:
                throw new InvalidOperationException($"{expr.GetType().Name} is not in patterns.");
        }
    }

    private int Loop(Expr item, int next)
    {
        int loop = Add(new NfaNode(NfaKind.Split, next, next));
        _nodes[loop] = new NfaNode(NfaKind.Split, Emit(item, loop), next);
        return loop;
    }

    private int SetIndex(CharSet set)
    {
        if (_indexOfSet.TryGetValue(set, out int index)) return index;
        _sets.Add(set);
        return _indexOfSet[set] = _sets.Count - 1;
    }

    private int Add(NfaNode node)
    {
        _budget.Nodes(1);
        _budget.Bytes(24);
        _nodes.Add(node);
        return _nodes.Count - 1;
    }
}

/// <summary>Where a pattern must fit a text.</summary>
internal enum PatternReach
{
    /// <summary>From end to end.</summary>
    Whole,

    /// <summary>In some part.</summary>
    Anywhere,

    /// <summary>In some part that is last.</summary>
    AtEnd,
}

internal enum NfaKind : byte
{
    /// <summary>A character of set A, then B.</summary>
    Chars,

    /// <summary>A or B.</summary>
    Split,

    /// <summary>B where <see cref="Constraints.Anchor"/> A holds.</summary>
    Anchor,

    /// <summary>B where the rest of the text fits from A on.</summary>
    Ahead,

    /// <summary>B where it does not.</summary>
    NotAhead,

    /// <summary>B where look-behind A fits the text before.</summary>
    Behind,

    /// <summary>B where it does not.</summary>
    NotBehind,

    /// <summary>The text fits if it ends here.</summary>
    Match,
}

internal readonly record struct NfaNode(NfaKind Kind, int A, int B);
