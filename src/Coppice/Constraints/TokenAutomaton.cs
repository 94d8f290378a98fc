namespace Coppice.Constraints;

/// <summary>
/// A constraint over a vocabulary. States are made when an output first comes to them and kept with what is known of them, so that
/// common places cost a look-up; beyond <see cref="ConstraintLimits.StateBytes"/> all are forgotten and made again when needed.
/// A state is a function of the bytes before it, and every refusal counts what does not depend on what is kept: an output never depends
/// on other requests. For one thread at a time, the engine's; the grammar is compiled elsewhere.
/// </summary>
internal sealed class TokenAutomaton(Automaton automaton, TokenTrie trie)
{
    // Edges that are passed over in the time of a look.
    private const int EdgesPerLook = 8;

    private readonly ConstraintState?[] _path = new ConstraintState?[trie.Longest + 1];
    private readonly HashSet<long> _seen = [];
    private readonly Stack<long> _open = new();
    private readonly List<long> _places = [];
    private FrameTable _frames = new();
    private Dictionary<long[], ConstraintState> _states = new(ArrayComparer<long>.Instance);
    private long _bytes;
    private int _framesCounted, _walk;

    /// <summary>States kept. For tests.</summary>
    public int StateCount => _states.Count;

    /// <summary>Masks made so far. For tests.</summary>
    public int MasksMade { get; private set; }

    /// <summary>Memory of the states kept, about.</summary>
    public long StateBytes => _bytes;

    /// <summary>What the states may take. For tests: less makes them be forgotten often.</summary>
    public long MaxStateBytes { get; init; } = ConstraintLimits.StateBytes;

    /// <summary>What a mask may take. For tests.</summary>
    public int MaxMaskWork { get; set; } = ConstraintLimits.MaskWork;

    public TokenTrie Trie => trie;

    /// <summary>Before the first byte.</summary>
    public ConstraintState Start()
    {
        _places.Clear();
        _seen.Clear();
        Enter(automaton.Starts[0], 0);
        return Close(out _);
    }

    /// <summary>After one more byte; a dead state if it does not fit.</summary>
    public ConstraintState Next(ConstraintState state, byte value)
    {
        if (_bytes > MaxStateBytes) Forget();
        return Step(state, value).To!;
    }

    /// <summary>The tokens that may follow.</summary>
    /// <param name="state">Where the output is.</param>
    /// <param name="leadingSpace">What the first token of a text does with the space that begins it.</param>
    /// <exception cref="InvalidRequestException">The grammar leaves too much open here.</exception>
    public TokenMask Mask(ConstraintState state, LeadingSpace leadingSpace)
    {
        if (leadingSpace == LeadingSpace.Kept) return state.Mask ??= MakeMask(state, leadingSpace);
        return state.FirstMask ??= MakeMask(state, leadingSpace);
    }

    private TokenMask MakeMask(ConstraintState state, LeadingSpace leadingSpace)
    {
        // Nothing is forgotten in a walk, so that it counts each step once, whatever was known before.
        if (_bytes > MaxStateBytes) Forget();
        if (state.Frames != _frames) state = Renew(state);
        TokenMask mask = new(trie.VocabularySize);
        _bytes += mask.Bytes;
        MasksMade++;
        _walk++;
        int work = 0;
        for (int n = 0; n < trie.Count; n = leadingSpace == LeadingSpace.Kept ? trie.Count : trie.Ends[n])
        {
            if (leadingSpace == LeadingSpace.Dropped && trie.Values[n] == (byte)' ') Walk(state, n + 1, trie.Ends[n], 1, mask, ref work);
            else Walk(state, n, leadingSpace == LeadingSpace.Kept ? trie.Count : trie.Ends[n], 0, mask, ref work);
        }
        return mask;
    }

    /// <summary>Allows the tokens of nodes [from, to) that fit, the state being that before a byte at <paramref name="depth"/>.</summary>
    private void Walk(ConstraintState state, int from, int to, int depth, TokenMask mask, ref int work)
    {
        ReadOnlySpan<byte> values = trie.Values;
        ReadOnlySpan<int> depths = trie.Depths, ends = trie.Ends;
        int stateWork = 4 + (automaton.ClassCount / 4);   // the memory of a state and its steps, in looks of some 64 bytes
        _path[depth] = state;
        for (int n = from; n < to;)
        {
            ConstraintState before = _path[depths[n]]!;
            ref ConstraintStep step = ref Step(before, values[n]);
            if (step.Walk != _walk)
            {
                step.Walk = _walk;
                work += step.Work;
                if (before.Walk != _walk)
                {
                    before.Walk = _walk;
                    work += stateWork;
                }
                if (work > MaxMaskWork) throw TooOpen($"telling which tokens may come next takes more than {MaxMaskWork} looks at places of the grammar");
            }
            if (step.To!.IsDead)
            {
                n = ends[n];
                continue;
            }
            foreach (int token in trie.Tokens(n)) mask.Allow(token);
            _path[depths[n] + 1] = step.To;
            n++;
        }
    }

    private ref ConstraintStep Step(ConstraintState state, byte value)
    {
        byte byteClass = automaton.ClassOfByte[value];
        if (state.Steps is { } steps && steps[byteClass].To is not null) return ref steps[byteClass];
        if (state.Frames != _frames) state = Renew(state);
        _places.Clear();
        _seen.Clear();
        int scanned = 0;
        foreach (long place in state.Places)
        {
            if (place == ConstraintState.End) continue;
            Node node = automaton.Nodes[(int)place];
            scanned += 1 + ((node.B - node.A) / EdgesPerLook);
            foreach (Edge edge in automaton.Edges.AsSpan(node.A..node.B))
                if (edge.Low <= value && value <= edge.High) Enter(edge.Next, (int)(place >> 32));
        }
        ConstraintState next = Close(out int work);
        if (state.Steps is null)
        {
            state.Steps = new ConstraintStep[automaton.ClassCount];
            _bytes += 16 * automaton.ClassCount;
        }
        state.Steps[byteClass] = new ConstraintStep { To = next, Work = work + scanned };
        return ref state.Steps[byteClass];
    }

    /// <summary>Follows a place to all places where a byte is taken.</summary>
    private void Enter(int node, int stack)
    {
        Look(node, stack);
        while (_open.TryPop(out long place))
        {
            (node, stack) = ((int)place, (int)(place >> 32));
            Node at = automaton.Nodes[node];
            switch (at.Kind)
            {
                case NodeKind.Bytes:
                    _places.Add(place);
                    break;
                case NodeKind.Split:
                    Look(at.A, stack);
                    Look(at.B, stack);
                    break;
                case NodeKind.Call:
                    Look(automaton.Starts[at.A], _frames.Push(at.B, stack));
                    break;
                case NodeKind.TailCall:
                    Look(automaton.Starts[at.A], stack);
                    break;
                case NodeKind.Return when stack == 0:
                    _places.Add(ConstraintState.End);
                    break;
                case NodeKind.Return:
                    (int back, int below) = _frames.Pop(stack);
                    Look(back, below);
                    break;
            }
        }
    }

    private void Look(int node, int stack)
    {
        // Never is more than any depth leaves.
        if (_frames.Depth(stack) + automaton.Needs[node] > ConstraintLimits.Depth) return;
        long place = ((long)stack << 32) | (uint)node;
        if (!_seen.Add(place)) return;
        if (_seen.Count > ConstraintLimits.Places) throw TooOpen($"one byte leads to more than {ConstraintLimits.Places} places of the grammar");
        _open.Push(place);
    }

    /// <summary>The state of the places entered.</summary>
    private ConstraintState Close(out int work)
    {
        work = _seen.Count;
        _places.Sort();
        long[] places = [.. _places];
        if (_states.TryGetValue(places, out ConstraintState? state)) return state;
        _states[places] = state = new ConstraintState(_frames, places);
        _bytes += 160 + (8 * places.Length) + (64 * (_frames.Count - _framesCounted));
        _framesCounted = _frames.Count;
        return state;
    }

    // States that an output or a walk still holds live on with the table they are of.
    private void Forget()
    {
        _frames = new FrameTable();
        _states = new Dictionary<long[], ConstraintState>(ArrayComparer<long>.Instance);
        _bytes = _framesCounted = 0;
    }

    private ConstraintState Renew(ConstraintState old)
    {
        _places.Clear();
        foreach (long place in old.Places)
            _places.Add(place == ConstraintState.End ? place : ((long)old.Frames.CopyTo(_frames, (int)(place >> 32)) << 32) | (uint)place);
        return Close(out _);
    }

    private InvalidRequestException TooOpen(string what)
    {
        _open.Clear();
        return new($"The constraint is too ambiguous: {what}. Write alternatives that begin differently, and do not repeat what may be empty.");
    }
}

/// <summary>What becomes of the space that begins a token.</summary>
internal enum LeadingSpace
{
    Kept,

    /// <summary>The token begins a text whose first space the tokenizer takes away.</summary>
    Dropped,
}
