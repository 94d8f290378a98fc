using Coppice.KvCache;

namespace Coppice.Scheduling;

/// <summary>
/// One sequence's part of a step: rows [FirstRow, FirstRow + Rows) at positions [Start, Start + Rows), whose keys and
/// values go into, and whose history lies in, <paramref name="Table"/>. Positions from <paramref name="DecodeFrom"/> on were
/// generated: only their rows may be approximated, now or when they are computed again.
/// </summary>
internal readonly record struct BatchSegment(PageTable Table, int Start, int Rows, int FirstRow, int DecodeFrom = int.MaxValue)
{
    /// <summary>Positions of the sequence once the step is done.</summary>
    public int Length => Start + Rows;

    /// <summary>Rows of generated tokens, the last ones.</summary>
    public int DecodeRows => Math.Clamp(Length - DecodeFrom, 0, Rows);

    /// <summary>Rows [first, first + count) of it.</summary>
    public BatchSegment Slice(int first, int count) => this with { Start = Start + first, Rows = count, FirstRow = FirstRow + first };
}

/// <summary>
/// The rows of one step: one token each. Segments stand in the order of their page tables, so that sequences that share
/// pages are neighbours. Arrays are reused from step to step.
/// </summary>
internal sealed class Batch(int maxRows, int maxSegments)
{
    private readonly BatchSegment[] _segments = new BatchSegment[maxSegments];
    private readonly int[] _tokens = new int[maxRows];
    private readonly int[] _positions = new int[maxRows];
    private readonly int[] _pages = new int[maxRows];
    private readonly int[] _logitRows = new int[maxRows];
    private readonly int[] _hiddenRows = new int[maxRows];
    private int _segmentCount, _logitCount, _hiddenCount;

    public bool IsEmpty => Rows == 0;

    public int Rows { get; private set; }

    public ReadOnlySpan<BatchSegment> Segments => _segments.AsSpan(0, _segmentCount);

    /// <summary>Token of each row.</summary>
    public ReadOnlySpan<int> Tokens => _tokens.AsSpan(0, Rows);

    /// <summary>Position of each row in its sequence.</summary>
    public ReadOnlySpan<int> Positions => _positions.AsSpan(0, Rows);

    /// <summary>The page that takes each row's key and value.</summary>
    public ReadOnlySpan<int> Pages => _pages.AsSpan(0, Rows);

    /// <summary>Rows whose next token is wanted, ascending.</summary>
    public ReadOnlySpan<int> LogitRows => _logitRows.AsSpan(0, _logitCount);

    /// <summary>Rows whose hidden state after the last norm is wanted, ascending.</summary>
    public ReadOnlySpan<int> HiddenRows => _hiddenRows.AsSpan(0, _hiddenCount);

    public void Clear() => Rows = _segmentCount = _logitCount = _hiddenCount = 0;

    /// <summary>Adds the tokens that follow the first <paramref name="start"/> of a sequence.</summary>
    public void Add(PageTable table, int start, ReadOnlySpan<int> tokens, int decodeFrom = int.MaxValue)
    {
        _segments[_segmentCount++] = new BatchSegment(table, start, tokens.Length, Rows, decodeFrom);
        tokens.CopyTo(_tokens.AsSpan(Rows));
        for (int i = 0; i < tokens.Length; i++)
        {
            _positions[Rows + i] = start + i;
            _pages[Rows + i] = table[(start + i) / KvLayout.PageTokens];
        }

        Rows += tokens.Length;
    }

    /// <summary>The last rows added, [Rows - rows, Rows), are to give logits; the place of the first among the logits is the result.</summary>
    public int WantLogits(int rows = 1)
    {
        int first = _logitCount;
        for (int row = Rows - rows; row < Rows; row++) _logitRows[_logitCount++] = row;
        return first;
    }

    /// <summary>The last rows added are to give their hidden states; the place of the first among them is the result.</summary>
    public int WantHidden(int rows)
    {
        int first = _hiddenCount;
        for (int row = Rows - rows; row < Rows; row++) _hiddenRows[_hiddenCount++] = row;
        return first;
    }
}
