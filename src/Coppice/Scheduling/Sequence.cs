using Coppice.KvCache;
using Coppice.Sampling;
using Coppice.Tokens;

namespace Coppice.Scheduling;

/// <summary>
/// One sample of a request: prompt and answer as one run of tokens.
/// positions [0, Computed) have keys and values in the table's pages; [Computed, Length) are to be computed next.
/// pages [0, Table.Trimmed) lie before the window and are held no more. Pages [0, Published) were put into the prefix tree, which loses
/// them only if one before the window was evicted; [Published, Table.Count) belong to this sequence alone.
/// </summary>
internal sealed class Sequence
{
    private int[] _tokens;
    private ChosenLogProb[]? _logProbs;
    private long _visible;              // tokens a reader may read, times 8, plus 1 + the reason if there is one: both change at once

    public Sequence(Request request, int index, SamplingState sampling, bool beginsText)
    {
        Request = request;
        Index = index;
        Sampling = sampling;
        Stop = request.StopTexts.Texts.Length == 0 ? null : new StopMatcher(request.StopTexts);
        BeginsText = beginsText;
        _tokens = request.Prompt;
        Length = request.Prompt.Length;
    }

    public Request Request { get; }

    public int Index { get; }

    public SamplingState Sampling { get; }

    public StopMatcher? Stop { get; }

    /// <summary>No text came before the next token.</summary>
    public bool BeginsText;

    /// <summary>The sequence's pages; made when it is admitted.</summary>
    public PageTable Table { get; private set; } = Nothing;

    /// <summary>Tokens there are, prompt and answer.</summary>
    public int Length { get; private set; }

    public int Computed { get; set; }

    public int Published { get; set; }

    /// <summary>The first position whose logits, or hidden state, are still wanted: it is computed even where its keys and values could be found.</summary>
    public int LogitsFrom => Request.Scores?.LogitsFrom ?? Request.Pooling?.RowsFrom ?? Length - 1;

    /// <summary>Its turn in the <see cref="WaitingLine"/>.</summary>
    public double Turn { get; set; }

    /// <summary>Where the logits of its rows, or their hidden states, begin in the step.</summary>
    public int LogitRow { get; set; }

    /// <summary>Rows of the step that give them, the sequence's last ones there.</summary>
    public int LogitRows { get; set; }

    /// <summary>The first position that was generated, or is read as if it were: from here on rows may be approximated.</summary>
    public int DecodeFrom => Request.Scores?.DecodeFrom ?? Request.Options.DecodeFrom ?? Request.Prompt.Length;

    public bool IsPrefilling => Length - Computed > 1;

    /// <summary>Tokens of the answer.</summary>
    public int Generated => Progress.Generated;

    public bool IsFinished => Progress.Finish is not null;

    /// <summary>What a reader may read, and whether more will come.</summary>
    public (int Generated, FinishReason? Finish) Progress
    {
        get
        {
            long visible = Volatile.Read(ref _visible);
            return ((int)(visible >> 3), (visible & 7) == 0 ? null : (FinishReason)((visible & 7) - 1));
        }
    }

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

    /// <summary>Engine: one more token of the answer, the last one if there is a reason.</summary>
    public void Append(int token, ChosenLogProb? logProb, FinishReason? finish)
    {
        if (Length == _tokens.Length) Grow();
        _tokens[Length++] = token;
        int generated = Generated;
        if (logProb is not null)
        {
            if (_logProbs is null || generated == _logProbs.Length)
            {
                ChosenLogProb[] larger = new ChosenLogProb[Math.Max(16, generated * 2)];
                _logProbs?.CopyTo(larger, 0);
                Volatile.Write(ref _logProbs, larger);
            }

            _logProbs[generated] = logProb;
        }

        Show(generated + 1, finish);
    }

    /// <summary>Engine: the answer ends as it is.</summary>
    public void End(FinishReason reason) => Show(Generated, reason);

    private void Show(int generated, FinishReason? finish) =>
        Volatile.Write(ref _visible, ((long)generated << 3) | (finish is { } reason ? 1L + (int)reason : 0));

    /// <summary>Room for up to 1,024 more tokens at a time: most answers never grow again.</summary>
    private void Grow()
    {
        int[] larger = new int[Math.Min(Request.MaxTokens, Length + Math.Max(Math.Min(1024, Request.MaxTokens - Length), Length / 2))];
        _tokens.AsSpan(0, Length).CopyTo(larger);
        Volatile.Write(ref _tokens, larger);
    }
}
