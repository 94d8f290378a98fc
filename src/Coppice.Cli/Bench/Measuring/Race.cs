using System.Diagnostics;

namespace Coppice.Cli.Bench.Measuring;

/// <summary>One of the things that are timed against each other.</summary>
/// <param name="Name">Unique in its race.</param>
/// <param name="Run">One time through. Should allocate nothing.</param>
internal sealed record Contender(string Name, Action Run);

/// <summary>How long races may take.</summary>
/// <param name="Repeat">Most repetitions.</param>
/// <param name="Time">For all races of the verb together: later ones get what earlier ones left.</param>
/// <param name="Races">How many there will be.</param>
internal sealed class RaceBudget(int repeat, TimeSpan time, int races)
{
    /// <summary>Repetitions made even if the time is used up, so that there is a median.</summary>
    public const int LeastRepeat = 3;

    private readonly long _start = Stopwatch.GetTimestamp();
    private int _left = races;

    public int Repeat { get; } = repeat;

    /// <summary>What the next race may take.</summary>
    public TimeSpan NextShare()
    {
        TimeSpan left = time - Stopwatch.GetElapsedTime(_start);
        return left <= TimeSpan.Zero ? TimeSpan.Zero : left / Math.Max(1, _left--);
    }
}

/// <summary>
/// Times contenders in turn, again and again, so that a machine that slows down or is shared slows all of them down alike. Each repetition
/// runs a contender as often as fills a few milliseconds, and the order moves on by one.
/// </summary>
internal static class Race
{
    private const double LeastSeconds = 0.004;
    private const int MostLoops = 1 << 20;

    // The JIT compiles what it has seen often a second time, some 100 ms after it has seen new code last.
    private static readonly TimeSpan FirstWarmUp = TimeSpan.FromSeconds(0.7), WarmUp = TimeSpan.FromSeconds(0.15);
    private static bool _warm;

    /// <exception cref="OperationCanceledException">Cancelled between two runs.</exception>
    public static RaceTimes Run(IReadOnlyList<Contender> contenders, RaceBudget budget, CancellationToken cancellation)
    {
        TimeSpan share = budget.NextShare();
        int[] loops = Warm(contenders, share, cancellation);
        var times = new RaceTimes(contenders.Select(contender => contender.Name));
        double[] round = new double[contenders.Count];
        long start = Stopwatch.GetTimestamp();
        for (int repetition = 0; repetition < budget.Repeat; repetition++)
        {
            TimeSpan spent = Stopwatch.GetElapsedTime(start);
            bool enough = spent > share && (repetition >= RaceBudget.LeastRepeat || spent > 4 * share + TimeSpan.FromSeconds(4));
            if (enough && repetition > 0) break;
            for (int i = 0; i < contenders.Count; i++)
            {
                int turn = (i + repetition) % contenders.Count;
                round[turn] = Time(contenders[turn].Run, loops[turn], cancellation);
            }
            times.Add(round);
        }
        return times;
    }

    /// <summary>Runs everything until the JIT should be done, and counts the loops of a repetition.</summary>
    private static int[] Warm(IReadOnlyList<Contender> contenders, TimeSpan share, CancellationToken cancellation)
    {
        TimeSpan time = _warm ? WarmUp : FirstWarmUp;
        if (time > share / 4) time = share / 4;
        _warm = true;
        int[] loops = new int[contenders.Count];
        Array.Fill(loops, 1);
        long start = Stopwatch.GetTimestamp();
        do
        {
            for (int i = 0; i < loops.Length; i++)
            {
                double seconds = Time(contenders[i].Run, loops[i], cancellation);
                loops[i] = (int)Math.Clamp(Math.Ceiling(LeastSeconds / Math.Max(seconds, 1e-9)), 1, MostLoops);
            }
        }
        while (Stopwatch.GetElapsedTime(start) < time);
        return loops;
    }

    /// <summary>Seconds of one time through.</summary>
    private static double Time(Action run, int loops, CancellationToken cancellation)
    {
        cancellation.ThrowIfCancellationRequested();
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < loops; i++) run();
        return Stopwatch.GetElapsedTime(start).TotalSeconds / loops;
    }
}
