using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Scoring;

/// <summary>
/// Scores some lines of a run once more, one continuation after the other, each alone and with nothing in the cache, and compares every
/// log probability bit by bit: a run's sharing must not show in its results.
/// </summary>
/// <param name="model">That the run asked.</param>
/// <param name="lines">Of the run; those checked lie evenly among them.</param>
/// <param name="count">How many lines, at most.</param>
/// <param name="topLogProbs">As in the run.</param>
internal sealed class ScoreCheck(ITextModel model, IReadOnlyList<BatchLine> lines, int count, int? topLogProbs)
{
    private readonly HashSet<int> _chosen = [.. Enumerable.Range(0, Math.Min(count, lines.Count)).Select(i => lines[(int)((long)i * lines.Count / Math.Min(count, lines.Count))].Number)];
    private readonly List<(ScoreLine Line, IReadOnlyList<Scored> Scored)> _kept = [];
    private readonly List<string> _different = [];

    /// <summary>Lines to compare.</summary>
    public int Chosen => _kept.Count;

    /// <summary>Lines compared.</summary>
    public int Lines { get; private set; }

    public long Continuations { get; private set; }

    public long LogProbs { get; private set; }

    /// <summary>Tokens computed for it.</summary>
    public long Tokens { get; private set; }

    /// <summary>Ids of lines that came out otherwise.</summary>
    public IReadOnlyList<string> Different => _different;

    /// <summary>Told of each line that the run has scored.</summary>
    public void Add(ScoreLine line, IReadOnlyList<Scored> scored)
    {
        if (_chosen.Contains(line.Number)) _kept.Add((line, scored));
    }

    /// <param name="tally">Counts lines.</param>
    /// <param name="cancellation">Ends it between two continuations.</param>
    public async Task RunAsync(RunTally tally, CancellationToken cancellation)
    {
        // What is done when it is interrupted lies all over the file.
        (ScoreLine, IReadOnlyList<Scored>)[] shuffled = [.. _kept];
        new Random(1).Shuffle(shuffled);
        foreach ((ScoreLine line, IReadOnlyList<Scored> scored) in shuffled)
        {
            bool same = true;
            foreach (Scored one in scored)
            {
                // A salt that nobody else has is an empty cache.
                ScoreOptions options = new() { CacheSalt = Guid.NewGuid().ToString(), TopLogProbs = topLogProbs ?? 0, AsDecode = true };
                ScoreResult alone = await model.ScoreAsync(one.Text.Tokens, one.Text.ScoredFrom, options, cancellation);
                same &= Same(one.Result.Tokens, alone.Tokens);
                Continuations++;
                LogProbs += alone.Tokens.Count;
                Tokens += one.Text.Tokens.Length - 1;
            }
            if (!same) _different.Add(line.CustomId);
            Lines++;
            tally.Answered([], []);
        }
    }

    private static bool Same(IReadOnlyList<ScoredToken> shared, IReadOnlyList<ScoredToken> alone)
    {
        if (shared.Count != alone.Count) return false;
        for (int i = 0; i < shared.Count; i++)
        {
            if (shared[i].Rank != alone[i].Rank || BitConverter.SingleToInt32Bits(shared[i].LogProb.LogProb) != BitConverter.SingleToInt32Bits(alone[i].LogProb.LogProb)) return false;
        }
        return true;
    }
}
