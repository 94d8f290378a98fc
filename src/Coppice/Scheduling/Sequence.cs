using Coppice.KvCache;
using Coppice.Sampling;
using Coppice.Tokens;

namespace Coppice.Scheduling;

/// <summary>
/// One sample of a request: prompt and answer as one run of tokens.
/// positions [0, Computed) have keys and values in the table's pages; [Computed, Length) are to be computed next.
/// pages [0, Published) are in the prefix tree; [Published, Table.Count) belong to this sequence alone.
/// </summary>
internal sealed class Sequence
{
    private int[] _tokens;
    private ChosenLogProb[]? _logProbs;
    private int _generated;
    private int _finish = -1;

    public Sequence(Request request, int index, SamplingState sampling, StopMatcher? stop)
    {
        Request = request;
        Index = index;
        Sampling = sampling;
        Stop = stop;
        _tokens = request.Prompt;
        Length = request.Prompt.Length;
    }

    public Request Request { get; }

    public int Index { get; }

    public SamplingState Sampling { get; }

    public StopMatcher? Stop { get; }

    /// <summary>The sequence's pages; made when it is admitted.</summary>
    public PageTable Table { get; private set; } = Nothing;

    /// <summary>Tokens there are, prompt and answer.</summary>
    public int Length { get; private set; }

    public int Computed { get; set; }

    public int Published { get; set; }

    /// <summary>Where the row's logits are in the step, or -1.</summary>
    public int LogitRow { get; set; } = -1;

    public bool IsPrefilling => Length - Computed > 1;

    /// <summary>Tokens of the answer that a reader may read.</summary>
    public int Generated => Volatile.Read(ref _generated);

    public bool IsFinished => Volatile.Read(ref _finish) >= 0;

    public FinishReason? Finish => Volatile.Read(ref _finish) is >= 0 and int reason ? (FinishReason)reason : null;

    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Length);

    private static PageTable Nothing { get; } = new(0);

    /// <summary>The answer's token at <paramref name="index"/>, below <see cref="Generated"/>.</summary>
    public int GeneratedToken(int index) => Volatile.Read(ref _tokens)[Request.Prompt.Length + index];

    public ChosenLogProb? LogProb(int index) => _logProbs is null ? null : Volatile.Read(ref _logProbs!)[index];

    /// <summary>Engine: the sequence gets its place in a batch.</summary>
    public void Admit()
    {
        if (Table == Nothing) Table = new PageTable(Request.MaxTokens);
        if (_tokens == Request.Prompt) Grow();
    }

    /// <summary>Engine: one more token of the answer.</summary>
    public void Append(int token, ChosenLogProb? logProb)
    {
        if (Length == _tokens.Length) Grow();
        _tokens[Length++] = token;
        if (logProb is not null)
        {
            if (_logProbs is null || _generated == _logProbs.Length)
            {
                ChosenLogProb[] larger = new ChosenLogProb[Math.Max(16, _generated * 2)];
                _logProbs?.CopyTo(larger, 0);
                Volatile.Write(ref _logProbs, larger);
            }

            _logProbs[_generated] = logProb;
        }

        Volatile.Write(ref _generated, _generated + 1);
    }

    public void End(FinishReason reason) => Volatile.Write(ref _finish, (int)reason);

    /// <summary>Room for up to 1,024 more tokens at a time: most answers never grow again.</summary>
    private void Grow()
    {
        int[] larger = new int[Math.Min(Request.MaxTokens, Length + Math.Max(Math.Min(1024, Request.MaxTokens - Length), Length / 2))];
        _tokens.AsSpan(0, Length).CopyTo(larger);
        Volatile.Write(ref _tokens, larger);
    }
}
