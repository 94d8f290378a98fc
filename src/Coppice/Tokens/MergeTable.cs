namespace Coppice.Tokens;

/// <summary>What two neighbouring symbols become, and how early: (left, right) -> (rank, merged). Open addressing, at most half full.</summary>
internal sealed class MergeTable
{
    private const ulong Free = ulong.MaxValue;
    private readonly ulong[] _pairs;
    private readonly ulong[] _merges;
    private readonly int _shift;

    public MergeTable(int capacity)
    {
        int slots = (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)Math.Max(16, capacity) * 2);
        _shift = 64 - System.Numerics.BitOperations.Log2((uint)slots);
        _pairs = new ulong[slots];
        _merges = new ulong[slots];
        Array.Fill(_pairs, Free);
    }

    /// <summary>Adds a merge unless the pair has one: a list's first mention of a pair is its rank.</summary>
    public bool TryAdd(int left, int right, int rank, int merged)
    {
        ulong pair = Pair(left, right);
        int slot = Slot(pair);
        for (; _pairs[slot] != Free; slot = (slot + 1) & (_pairs.Length - 1))
            if (_pairs[slot] == pair) return false;
        _pairs[slot] = pair;
        _merges[slot] = Pair(rank, merged);
        return true;
    }

    public bool TryFind(int left, int right, out int rank, out int merged)
    {
        ulong pair = Pair(left, right);
        for (int slot = Slot(pair); _pairs[slot] != Free; slot = (slot + 1) & (_pairs.Length - 1))
        {
            if (_pairs[slot] != pair) continue;
            rank = (int)(_merges[slot] >> 32);
            merged = (int)_merges[slot];
            return true;
        }
        rank = merged = 0;
        return false;
    }

    private static ulong Pair(int high, int low) => ((ulong)(uint)high << 32) | (uint)low;

    private int Slot(ulong pair) => (int)((pair * 0x9E3779B97F4A7C15) >> _shift);
}
