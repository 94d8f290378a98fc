namespace Coppice.Constraints;

/// <summary>A set of Unicode code points: ranges [From, To], rising and apart. Surrogates are never in it: UTF-8 cannot say them.</summary>
internal sealed class CharSet : IEquatable<CharSet>
{
    public const int Last = 0x10FFFF;

    private static readonly (int From, int To)[] s_surrogates = [(0xD800, 0xDFFF)];

    public static readonly CharSet All = Of((0, Last));

    /// <summary>What ECMAScript takes for parts of words: \w.</summary>
    public static readonly CharSet Word = Of(('0', '9'), ('A', 'Z'), ('_', '_'), ('a', 'z'));

    private CharSet((int From, int To)[] ranges) => Ranges = ranges;

    public (int From, int To)[] Ranges { get; }

    public bool IsEmpty => Ranges.Length == 0;

    /// <summary>Whether each character is one byte.</summary>
    public bool IsAscii => Ranges is [] or [.., (_, < 0x80)];

    public static CharSet Of(params ReadOnlySpan<(int From, int To)> ranges) => new(Subtract(Normal([.. ranges]), s_surrogates));

    public static CharSet Of(char value) => Of((value, value));

    public static CharSet Union(params IEnumerable<CharSet> sets) => new(Normal([.. sets.SelectMany(set => set.Ranges)]));

    public CharSet Except(CharSet other) => new(Subtract(Ranges, other.Ranges));

    public CharSet Complement() => All.Except(this);

    public CharSet And(CharSet other) => Except(other.Complement());

    public bool Equals(CharSet? other) => other is not null && Ranges.AsSpan().SequenceEqual(other.Ranges);

    public override bool Equals(object? obj) => Equals(obj as CharSet);

    public override int GetHashCode()
    {
        HashCode hash = default;
        foreach ((int from, int to) in Ranges)
        {
            hash.Add(from);
            hash.Add(to);
        }
        return hash.ToHashCode();
    }

    public bool Contains(int codePoint)
    {
        int low = 0, high = Ranges.Length;
        while (low < high)
        {
            int middle = (low + high) / 2;
            if (Ranges[middle].To < codePoint) low = middle + 1;
            else high = middle;
        }
        return low < Ranges.Length && Ranges[low].From <= codePoint;
    }

    private static (int From, int To)[] Normal((int From, int To)[] ranges)
    {
        Array.Sort(ranges);
        List<(int From, int To)> merged = [];
        foreach ((int from, int to) in ranges)
        {
            if (merged.Count > 0 && from <= merged[^1].To + 1) merged[^1] = (merged[^1].From, Math.Max(merged[^1].To, to));
            else merged.Add((from, to));
        }
        return [.. merged];
    }

    private static (int From, int To)[] Subtract((int From, int To)[] ranges, (int From, int To)[] taken)
    {
        List<(int From, int To)> left = [];
        int next = 0;
        foreach ((int first, int to) in ranges)
        {
            int from = first;
            while (next < taken.Length && taken[next].To < from) next++;
            for (int i = next; i < taken.Length && taken[i].From <= to; i++)
            {
                if (taken[i].From > from) left.Add((from, taken[i].From - 1));
                from = taken[i].To + 1;
            }
            if (from <= to) left.Add((from, to));
        }
        return [.. left];
    }
}
