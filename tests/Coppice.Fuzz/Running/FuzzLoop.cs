using System.Diagnostics;
using Coppice.Fuzz.Mutation;

namespace Coppice.Fuzz.Running;

/// <summary>What a run has done.</summary>
/// <param name="Inputs">Run.</param>
/// <param name="Accepted">Of them read and not refused.</param>
/// <param name="Corpus">Inputs that took new branches, seeds among them.</param>
/// <param name="Edges">Pairs of branches seen.</param>
internal sealed record FuzzTally(long Inputs, long Accepted, int Corpus, int Edges);

/// <summary>
/// Changes inputs at random and keeps those that take new branches. The same seed and corpus give the same inputs, as far as the readers
/// themselves take the same branches each time.
/// </summary>
internal sealed class FuzzLoop(FuzzTarget target, int seed, Action<byte[]> before, Action<byte[], Finding> found)
{
    private const int MostKeptBytes = 1 << 14;

    private readonly Random _random = new(seed);
    private readonly List<byte[]> _corpus = [];

    /// <summary>Runs until so many inputs or so much time have passed.</summary>
    /// <param name="folder">An empty one, for the reader.</param>
    /// <param name="inputs">Most inputs, seeds among them.</param>
    /// <param name="time">Longest time.</param>
    public FuzzTally Run(string folder, long inputs, TimeSpan time)
    {
        long start = Stopwatch.GetTimestamp();
        Judge judge = new(target, target.Open(folder));
        Mutator mutator = new(target, _random);
        using IEnumerator<byte[]> seeds = target.Seeds().GetEnumerator();
        long done = 0;
        for (; done < inputs && Stopwatch.GetElapsedTime(start) < time; done++)
        {
            bool isSeed = seeds.MoveNext();
            byte[] input = isSeed ? seeds.Current : mutator.Next(Pick(), Pick());
            before(input);
            Coverage.Clear();
            if (judge.Run(input) is { } finding) found(input, finding);
            if ((Coverage.Grew() && input.Length <= MostKeptBytes) || isSeed) _corpus.Add(input);
        }
        return new FuzzTally(done, judge.Accepted, _corpus.Count, Coverage.Edges);
    }

    // Half of the time one of the latest: what is new there has been tried least.
    private byte[] Pick() => _corpus[_random.Next(2) == 0 ? _random.Next(_corpus.Count) : _corpus.Count - 1 - _random.Next((_corpus.Count / 8) + 1)];
}
