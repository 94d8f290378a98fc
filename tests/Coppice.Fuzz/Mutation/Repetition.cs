namespace Coppice.Fuzz.Mutation;

/// <summary>How often constructs are repeated or nested: a few times, and in some inputs as often as fits, several constructs together.</summary>
internal sealed class Repetition(Random random)
{
    /// <summary>Longest input.</summary>
    public const int MostBytes = 1 << 19;

    private bool _isBomb;

    /// <summary>Another input.</summary>
    public void Begin() => _isBomb = random.Next(64) == 0;

    /// <param name="bytes">What is repeated takes so many.</param>
    public int Times(int bytes) => _isBomb && random.Next(2) == 0 ? Math.Max(1, MostBytes / random.Next(1, 8) / Math.Max(1, bytes)) : 1 << random.Next(7);
}
