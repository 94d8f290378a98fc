namespace Coppice.Constraints;

/// <summary>How far one sample's output has come in its constraint. The engine's thread moves it.</summary>
internal sealed class ConstraintCursor
{
    private readonly TokenAutomaton _automaton;
    private readonly Tokenizer _tokenizer;
    private ConstraintState? _state;   // null before the first look
    private bool _begins;

    /// <param name="automaton">Of the constraint and the model's vocabulary.</param>
    /// <param name="tokenizer">The model's.</param>
    /// <param name="beginsText">No text comes before the output: its first token may lose its space.</param>
    public ConstraintCursor(TokenAutomaton automaton, Tokenizer tokenizer, bool beginsText)
    {
        _automaton = automaton;
        _tokenizer = tokenizer;
        _begins = beginsText && tokenizer.DropsLeadingSpace;
    }

    /// <summary>Another sample that has come as far.</summary>
    public ConstraintCursor(ConstraintCursor other)
    {
        _automaton = other._automaton;
        _tokenizer = other._tokenizer;
        _state = other._state;
        _begins = other._begins;
    }

    /// <summary>Whether the output may end.</summary>
    public bool Accepts => State.Accepts;

    /// <summary>Whether the output is whole and nothing may follow.</summary>
    public bool IsComplete => State.IsComplete;

    /// <summary>The tokens that may follow; end tokens are not among them.</summary>
    /// <exception cref="InvalidRequestException">The constraint leaves too much open here.</exception>
    public TokenMask Mask => _automaton.Mask(State, _begins ? LeadingSpace.Dropped : LeadingSpace.Kept);

    private ConstraintState State => _state ??= _automaton.Start();

    /// <summary>Goes past a token of <see cref="Mask"/>.</summary>
    public void Append(int token)
    {
        ConstraintState state = State;
        foreach (byte value in _tokenizer.BytesAt(token, ref _begins)) state = _automaton.Next(state, value);
        if (state.IsDead) throw new InvalidOperationException($"Token {token} does not fit the constraint.");
        _state = state;
    }
}
