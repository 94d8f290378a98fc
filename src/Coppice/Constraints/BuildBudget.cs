namespace Coppice.Constraints;

/// <summary>
/// What building one constraint may still cost. All that grows is counted while it grows: nodes of expressions, states and edges of automata, and bytes.
/// The counts refuse the same input on every machine; the clock stands behind them, for work that they do not see. For one thread.
/// </summary>
/// <param name="cancellation">Ends the building, as when the client has left.</param>
internal sealed class BuildBudget(CancellationToken cancellation = default)
{
    // Between two looks at the clock; some 10 µs of work.
    private const int StepsBetweenLooks = 1024;

    private readonly TimeSpan _started = ThreadTime.Now;
    private long _nodes, _bytes, _steps, _nextLook = StepsBetweenLooks;

    public int MaxNodes { get; init; } = ConstraintLimits.Nodes;

    public long MaxBytes { get; init; } = ConstraintLimits.BuildBytes;

    public long MaxSteps { get; init; } = ConstraintLimits.BuildSteps;

    public TimeSpan MaxTime { get; init; } = ConstraintLimits.BuildTime;

    /// <summary>Nodes counted so far.</summary>
    public long NodesUsed => _nodes;

    /// <summary>Counts nodes of expressions, or states and edges of an automaton, before they are made.</summary>
    /// <exception cref="InvalidRequestException">They are too many.</exception>
    public void Nodes(int count)
    {
        if ((_nodes += count) > MaxNodes) throw new InvalidRequestException($"The constraint takes more than {MaxNodes} nodes to build. Repeat less often, list fewer alternatives, or ask for less.");
        Steps(count);
    }

    /// <summary>Counts memory, about, before it is taken.</summary>
    /// <exception cref="InvalidRequestException">It is too much.</exception>
    public void Bytes(long count)
    {
        if ((_bytes += count) > MaxBytes) throw new InvalidRequestException($"The constraint takes more than {MaxBytes >> 20} MiB to build. Repeat less often, list fewer alternatives, or ask for less.");
    }

    /// <summary>Counts a step of work that makes nothing.</summary>
    public void Step() => Steps(1);

    /// <summary>Counts steps of work, each some nanoseconds.</summary>
    /// <exception cref="InvalidRequestException">They are too many, or too much time has gone.</exception>
    /// <exception cref="OperationCanceledException">The building is cancelled.</exception>
    public void Steps(int count)
    {
        _steps += count;
        if (_steps < _nextLook) return;
        _nextLook = _steps + StepsBetweenLooks;
        cancellation.ThrowIfCancellationRequested();
        if (_steps > MaxSteps) throw new InvalidRequestException($"The constraint takes more than {MaxSteps} steps to build. Write what is simpler: fewer look-arounds, alternatives that begin differently, shorter counts.");
        if (MaxTime != Timeout.InfiniteTimeSpan && ThreadTime.Now - _started > MaxTime)
            throw new InvalidRequestException($"The constraint takes more than {MaxTime.TotalSeconds:0.#} s of processor time to build. Repeat less often, list fewer alternatives, or ask for less.");
    }
}
