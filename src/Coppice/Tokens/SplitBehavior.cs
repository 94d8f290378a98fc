namespace Coppice.Tokens;

/// <summary>What becomes of the places where a pattern matches.</summary>
internal enum SplitBehavior
{
    /// <summary>They are dropped.</summary>
    Removed,

    /// <summary>Each is a word.</summary>
    Isolated,

    /// <summary>Each ends the word before it.</summary>
    MergedWithPrevious,

    /// <summary>Each begins the word after it.</summary>
    MergedWithNext,

    /// <summary>Neighbours of them are one word.</summary>
    Contiguous,
}

/// <summary>Turns the matches in one word into words.</summary>
internal sealed class SplitParts
{
    private readonly List<(int Start, int End, bool Match)> _parts = [];
    private int _covered;

    public void Begin()
    {
        _parts.Clear();
        _covered = 0;
    }

    /// <summary>A match at [start, end); matches come in order.</summary>
    public void AddMatch(int start, int end)
    {
        if (end == start) return;
        if (start > _covered) _parts.Add((_covered, start, false));
        _parts.Add((start, end, true));
        _covered = end;
    }

    /// <param name="length">Of the word.</param>
    /// <param name="behavior">What becomes of the matches.</param>
    /// <param name="matched">Which parts count as matches: those that matched, or with false those between.</param>
    /// <param name="start">Where the word begins in the text.</param>
    /// <param name="words">Takes the parts.</param>
    public void End(int length, SplitBehavior behavior, bool matched, int start, WordList words)
    {
        if (length > _covered) _parts.Add((_covered, length, false));
        for (int i = 0; i < _parts.Count;)
        {
            bool match = _parts[i].Match == matched;
            int last = i;
            switch (behavior)
            {
                case SplitBehavior.Removed when match:
                    i++;
                    continue;
                case SplitBehavior.MergedWithPrevious when !match && i + 1 < _parts.Count && _parts[i + 1].Match == matched:
                    last = i + 1;
                    break;
                case SplitBehavior.MergedWithNext when match && i + 1 < _parts.Count && _parts[i + 1].Match != matched:
                    last = i + 1;
                    break;
                case SplitBehavior.Contiguous:
                    while (last + 1 < _parts.Count && _parts[last + 1].Match == _parts[i].Match) last++;
                    break;
            }
            words.Add(start + _parts[i].Start, start + _parts[last].End);
            i = last + 1;
        }
    }
}
