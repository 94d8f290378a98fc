using System.Buffers.Binary;
using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>
/// SentencePiece's precompiled_charsmap: replaces the longest sequence that begins at each place and is in the map. The map is the number of bytes of a
/// double-array trie (u32), the trie over UTF-8 (u32 units), and the replacements, each ended by a zero.
/// </summary>
internal sealed class CharacterMap : Normalizer
{
    private readonly string _file;
    private readonly uint[] _units;
    private readonly byte[] _replacements;

    private CharacterMap(string file, uint[] units, byte[] replacements)
    {
        _file = file;
        _units = units;
        _replacements = replacements;
    }

    /// <summary>The map in base64, as tokenizer.json has it; null if it is empty.</summary>
    public static CharacterMap? FromBase64(string file, string text)
    {
        byte[] bytes = new byte[text.Length / 4 * 3 + 3];
        return Convert.TryFromBase64String(text, bytes, out int count) ? Read(file, bytes.AsSpan(0, count)) : throw new ModelFormatException(file, "precompiled_charsmap is not base64.");
    }

    /// <summary>Null if it is empty.</summary>
    public static CharacterMap? Read(string file, ReadOnlySpan<byte> bytes)
    {
        if (bytes.IsEmpty) return null;
        if (bytes.Length < sizeof(uint)) throw Wrong(file, $"has {bytes.Length} bytes");
        uint trieBytes = BinaryPrimitives.ReadUInt32LittleEndian(bytes);
        bytes = bytes[sizeof(uint)..];
        if (trieBytes == 0 || trieBytes % sizeof(uint) != 0 || trieBytes > bytes.Length) throw Wrong(file, $"says that its trie has {trieBytes} bytes; {bytes.Length} follow");
        uint[] units = new uint[trieBytes / sizeof(uint)];
        for (int i = 0; i < units.Length; i++) units[i] = BinaryPrimitives.ReadUInt32LittleEndian(bytes[(i * sizeof(uint))..]);
        return new CharacterMap(file, units, bytes[(int)trieBytes..].ToArray());
    }

    /// <summary>What <see cref="Read"/> reads.</summary>
    public byte[] ToBytes()
    {
        byte[] bytes = new byte[(_units.Length + 1) * sizeof(uint) + _replacements.Length];
        BinaryPrimitives.WriteInt32LittleEndian(bytes, _units.Length * sizeof(uint));
        for (int i = 0; i < _units.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(bytes.AsSpan((i + 1) * sizeof(uint)), _units[i]);
        _replacements.CopyTo(bytes, (_units.Length + 1) * sizeof(uint));
        return bytes;
    }

    public override string Apply(string text)
    {
        byte[] utf8 = Encoding.UTF8.GetBytes(text);
        using MemoryStream normal = new(utf8.Length);
        for (int at = 0; at < utf8.Length;)
        {
            if (TryLongest(utf8.AsSpan(at), out int matched, out ReadOnlySpan<byte> replacement))
            {
                normal.Write(replacement);
                at += matched;
                continue;
            }
            Rune.DecodeFromUtf8(utf8.AsSpan(at), out _, out int bytes);
            normal.Write(utf8.AsSpan(at, bytes));
            at += bytes;
        }
        return Encoding.UTF8.GetString(normal.GetBuffer().AsSpan(0, (int)normal.Length));
    }

    // A unit: the byte that leads to it in bits 0 to 7, whether it has a value in bit 8, the distance to its children from bit 10 on (times 256 if bit 9 is set);
    // a value is a unit with bit 31 set.
    private bool TryLongest(ReadOnlySpan<byte> text, out int matched, out ReadOnlySpan<byte> replacement)
    {
        matched = 0;
        uint value = 0, node = Children(0, _units[0]);
        for (int i = 0; i < text.Length; i++)
        {
            node ^= text[i];
            if (node >= _units.Length) break;
            uint unit = _units[node];
            if ((unit & 0x8000_00FF) != text[i]) break;
            node = Children(node, unit);
            if ((unit & 0x100) == 0) continue;
            if (node >= _units.Length) throw Wrong(_file, "has a unit beyond its trie");
            value = _units[node] & 0x7FFF_FFFF;
            matched = i + 1;
        }
        replacement = default;
        if (matched == 0) return false;
        if (value >= _replacements.Length) throw Wrong(_file, $"refers to byte {value} of its {_replacements.Length} bytes of replacements");
        replacement = _replacements.AsSpan((int)value);
        int end = replacement.IndexOf((byte)0);
        if (end < 0) throw Wrong(_file, "has a replacement without an end");
        if (end > LongestReplacement) throw Wrong(_file, $"has a replacement of {end} bytes; at most {LongestReplacement} are supported");
        replacement = replacement[..end];
        return true;
    }

    private const int LongestReplacement = 256;

    private static uint Children(uint node, uint unit) => node ^ ((unit >> 10) << (int)((unit & 0x200) >> 6));

    private static ModelFormatException Wrong(string file, string what) => new(file, $"precompiled_charsmap {what}.");
}
