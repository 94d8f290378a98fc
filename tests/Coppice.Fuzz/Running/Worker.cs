namespace Coppice.Fuzz.Running;

/// <summary>The process that runs inputs, and may die of one: a stack that overflows cannot be caught.</summary>
internal static class Worker
{
    /// <summary>Exit code where an input does not end.</summary>
    public const int Hangs = 70;

    // What .NET gives a thread where the system's own default is small.
    private const int StackBytes = 1536 << 10;

    private static readonly TimeSpan s_mostTime = TimeSpan.FromSeconds(20);

    /// <summary>Runs a target on the stack that a server's thread has; an input that takes for ever ends the process.</summary>
    /// <param name="target">Reads.</param>
    /// <param name="seed">Of what is drawn.</param>
    /// <param name="inputs">Most inputs.</param>
    /// <param name="time">Longest time.</param>
    /// <param name="current">The file for the input that runs.</param>
    /// <param name="findings">Where findings go.</param>
    public static FuzzTally Run(FuzzTarget target, int seed, long inputs, TimeSpan time, string current, FindingFolder findings)
    {
        using CurrentInput input = new(current);
        long begun = 0;
        TimeSpan since = default;
        DirectoryInfo folder = Directory.CreateTempSubdirectory("coppice-fuzz-");
        try
        {
            FuzzTally? tally = null;
            using Timer watch = new(_ => EndIfStuck(), null, TimeSpan.FromSeconds(1), TimeSpan.FromSeconds(1));
            OnSmallStack(() => tally = new FuzzLoop(target, seed, input.Begin, findings.Add).Run(folder.FullName, inputs, time));
            return tally!;
        }
        finally
        {
            folder.Delete(recursive: true);
        }

        void EndIfStuck()
        {
            TimeSpan now = Environment.CpuUsage.TotalTime;
            if (Interlocked.Exchange(ref begun, input.Begun) != input.Begun) since = now;
            else if (now - since > s_mostTime) Environment.Exit(Hangs);
        }
    }

    /// <summary>Does something on a thread with a small stack.</summary>
    public static void OnSmallStack(Action work)
    {
        Exception? thrown = null;
        Thread thread = new(() =>
        {
            try
            {
                work();
            }
            catch (Exception e)
            {
                thrown = e;
            }
        }, StackBytes);
        thread.Start();
        thread.Join();
        if (thrown is not null) throw new InvalidOperationException("The run itself failed.", thrown);
    }
}
