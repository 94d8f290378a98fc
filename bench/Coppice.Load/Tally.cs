namespace Coppice.Load;

/// <summary>What happened to all requests.</summary>
internal sealed class Tally
{
    public int Right, Wrong, Left, Refused, Failed;

    public Milliseconds First { get; } = new();

    public Milliseconds Between { get; } = new();

    public void Print(TimeSpan time)
    {
        Console.WriteLine($"answers as alone           {Right:N0}");
        Console.WriteLine($"other answers              {Wrong:N0}");
        Console.WriteLine($"clients that left          {Left:N0}");
        Console.WriteLine($"bad requests refused       {Refused:N0}");
        Console.WriteLine($"failed                     {Failed:N0}");
        Console.WriteLine($"tokens/s                   {(First.Count + Between.Count) / time.TotalSeconds:N0}");
        Console.WriteLine($"ms to the first token      {First}");
        Console.WriteLine($"ms between tokens          {Between}");
    }
}

/// <summary>Times, counted in classes each 2% wider than the one before: the memory stays the same however long a load runs.</summary>
internal sealed class Milliseconds
{
    private const double Shortest = 0.001, Step = 1.02;

    private readonly long[] _classes = new long[1100];      // up to 2.9e6 ms
    private long _count;

    public long Count => Interlocked.Read(ref _count);

    public void Add(double milliseconds)
    {
        int at = (int)Math.Ceiling(Math.Log(Math.Max(milliseconds, Shortest) / Shortest, Step));
        Interlocked.Increment(ref _classes[Math.Min(at, _classes.Length - 1)]);
        Interlocked.Increment(ref _count);
    }

    /// <summary>The time that a share of all do not exceed, to 2%.</summary>
    public double At(double share)
    {
        long wanted = (long)Math.Ceiling(share * Count), below = 0;
        for (int i = 0; i < _classes.Length; i++)
        {
            below += _classes[i];
            if (below >= wanted && below > 0) return Shortest * Math.Pow(Step, i);
        }

        return 0;
    }

    public override string ToString() => $"p50 {At(0.5):0.0}  p95 {At(0.95):0.0}  p99 {At(0.99):0.0}  max {At(1):0.0}";
}
