using System.Text;

namespace Coppice.Constraints;

/// <summary>
/// The UTF-8 of a range of code points as sequences of byte ranges: U+0800 to U+FFFF is [E0][A0-BF][80-BF], [E1-EF][80-BF][80-BF].
/// At each place, two sequences of one set have equal or disjoint ranges, since a range wider than a byte has every tail.
/// </summary>
internal static class Utf8Ranges
{
    private static readonly int[] s_lastOfLength = [0x7F, 0x7FF, 0xFFFF, CharSet.Last];

    /// <summary>The sequences of all code points in the set, in order.</summary>
    public static List<(byte Low, byte High)[]> Of(CharSet set)
    {
        List<(byte, byte)[]> sequences = [];
        foreach ((int from, int to) in set.Ranges) Add(from, to, sequences);
        return sequences;
    }

    private static void Add(int from, int to, List<(byte, byte)[]> sequences)
    {
        foreach (int last in s_lastOfLength)
        {
            if (from > last || to <= last) continue;
            Add(from, last, sequences);
            Add(last + 1, to, sequences);
            return;
        }

        // Cut where only a part of the tails is in the range.
        for (int bits = 6; bits <= 18 && to > 0x7F; bits += 6)
        {
            int tail = (1 << bits) - 1;
            if ((from & ~tail) == (to & ~tail)) continue;
            if ((from & tail) != 0)
            {
                Add(from, from | tail, sequences);
                Add((from | tail) + 1, to, sequences);
                return;
            }
            if ((to & tail) != tail)
            {
                Add(from, (to & ~tail) - 1, sequences);
                Add(to & ~tail, to, sequences);
                return;
            }
        }

        Span<byte> low = stackalloc byte[4], high = stackalloc byte[4];
        int length = new Rune(from).EncodeToUtf8(low);
        new Rune(to).EncodeToUtf8(high);
        (byte, byte)[] sequence = new (byte, byte)[length];
        for (int i = 0; i < length; i++) sequence[i] = (low[i], high[i]);
        sequences.Add(sequence);
    }
}
