namespace Coppice.Cli.BatchFiles;

/// <summary>How a run stands. One thread writes; the progress display reads.</summary>
internal sealed class RunTally
{
    private int _done, _failed, _right, _judged, _resumed;

    public required int Total { get; init; }

    /// <summary>Lines with a result, those of an earlier run among them.</summary>
    public int Done => Volatile.Read(ref _done);

    /// <summary>Of these, lines that failed.</summary>
    public int Failed => _failed;

    /// <summary>Of these, lines that an earlier run had finished.</summary>
    public int Resumed => _resumed;

    /// <summary>Answers whose line knows the right one, and how many of them are right.</summary>
    public int Judged => _judged;

    public int Right => _right;

    public void Answered(IReadOnlyList<string> expected, IEnumerable<string> texts)
    {
        if (expected.Count > 0)
        {
            foreach (string text in texts)
            {
                _judged++;
                if (Answers.IsRight(text, expected)) _right++;
            }
        }
        Volatile.Write(ref _done, _done + 1);
    }

    public void Fail()
    {
        _failed++;
        Volatile.Write(ref _done, _done + 1);
    }

    /// <summary>A line that an earlier run finished.</summary>
    public void Resume(FinishedResult result, IReadOnlyList<string> expected)
    {
        _resumed++;
        if (result.Status == 200) Answered(expected, result.Texts);
        else Fail();
    }
}
