using System.Runtime.InteropServices;

namespace Coppice.Tokens;

/// <summary>Tokens of words met before. Bounded: when its room is used up it starts over; a word is found in one of four slots or not at all,
/// so that chosen words cannot make it slow.</summary>
internal sealed class WordCache
{
    public const int LongestWord = 64;   // chars
    private const int Slots = 1 << 15, Probes = 4;
    private const int CharRoom = Slots * 8, IdRoom = Slots * 4;

    private readonly Entry[] _entries = new Entry[Slots];
    private readonly char[] _chars = new char[CharRoom];
    private readonly int[] _ids = new int[IdRoom];
    private int _charsUsed, _idsUsed;

    public bool TryFind(ReadOnlySpan<char> word, out ReadOnlySpan<int> ids)
    {
        uint hash = Hash(word);
        for (uint probe = 0; probe < Probes; probe++)
        {
            ref readonly Entry entry = ref _entries[(hash + probe) & (Slots - 1)];
            if (entry.Chars == 0) break;
            if (entry.Hash != hash || entry.Chars != word.Length || !word.SequenceEqual(_chars.AsSpan(entry.CharStart, entry.Chars))) continue;
            ids = _ids.AsSpan(entry.IdStart, entry.Ids);
            return true;
        }
        ids = default;
        return false;
    }

    public void Add(ReadOnlySpan<char> word, ReadOnlySpan<int> ids)
    {
        if (_charsUsed + word.Length > CharRoom || _idsUsed + ids.Length > IdRoom)
        {
            Array.Clear(_entries);
            _charsUsed = _idsUsed = 0;
        }
        uint hash = Hash(word);
        uint slot = hash & (Slots - 1);
        for (uint probe = 0; probe < Probes; probe++)
        {
            if (_entries[(hash + probe) & (Slots - 1)].Chars != 0) continue;
            slot = (hash + probe) & (Slots - 1);
            break;
        }
        word.CopyTo(_chars.AsSpan(_charsUsed));
        ids.CopyTo(_ids.AsSpan(_idsUsed));
        _entries[slot] = new Entry(hash, _charsUsed, (short)word.Length, _idsUsed, (short)ids.Length);
        _charsUsed += word.Length;
        _idsUsed += ids.Length;
    }

    private static uint Hash(ReadOnlySpan<char> word)
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(word);
        ulong hash = (ulong)word.Length;
        for (; bytes.Length >= 8; bytes = bytes[8..]) hash = Mix(hash ^ MemoryMarshal.Read<ulong>(bytes));
        if (bytes.Length >= 4)
        {
            hash = Mix(hash ^ MemoryMarshal.Read<uint>(bytes));
            bytes = bytes[4..];
        }
        if (bytes.Length >= 2) hash = Mix(hash ^ MemoryMarshal.Read<ushort>(bytes));
        return (uint)(hash >> 32);
    }

    private static ulong Mix(ulong value)
    {
        value *= 0x9E3779B97F4A7C15;
        return value ^ (value >> 32);
    }

    private readonly record struct Entry(uint Hash, int CharStart, short Chars, int IdStart, short Ids);
}
