namespace Coppice;

/// <summary>Where attention's reads of keys and values were shared since the engine was opened, and where not.</summary>
public sealed record SharingMetrics
{
    /// <summary>By level of the tree of running samples: level 0 is what begins at the root, level 1 what goes on where those of level 0 part. The last entry takes all deeper ones.</summary>
    public IReadOnlyList<LevelTraffic> Levels { get; init; } = [];

    /// <summary>By how many samples were served by one read.</summary>
    public IReadOnlyList<RowsTraffic> RowsPerRead { get; init; } = [];

    /// <summary>Bytes that were read for one sample only, or again for others, by why. Their sum and what was read once for several samples make up all that was read.</summary>
    public IReadOnlyDictionary<NotShared, long> NotShared { get; init; } = new Dictionary<NotShared, long>();
}

/// <summary>Reads at one level of the tree.</summary>
/// <param name="Level">Branchings above it.</param>
/// <param name="BytesRead">What attention read there.</param>
/// <param name="BytesSaved">What it would have read there in addition with every sample reading its own history.</param>
public readonly record struct LevelTraffic(int Level, long BytesRead, long BytesSaved);

/// <summary>Reads that served a number of samples.</summary>
/// <param name="FromRows">The least number.</param>
/// <param name="ToRows">The largest number; null: any.</param>
/// <param name="BytesRead">What was read for so many.</param>
public readonly record struct RowsTraffic(int FromRows, int? ToRows, long BytesRead);

/// <summary>Why keys and values were not read once for all who need them.</summary>
public enum NotShared
{
    /// <summary>One running sample needs them.</summary>
    OneRow,

    /// <summary>Samples part inside a block of 64 positions, and blocks are what is read together.</summary>
    PartOfBlock,

    /// <summary>The rows are more than one thread takes at once, or were divided so that every thread has work.</summary>
    RowGroups,

    /// <summary>The attention mode does not share there.</summary>
    Mode,

    /// <summary>The attention mode is approximate and fetches what each row wants.</summary>
    Approximate,
}
