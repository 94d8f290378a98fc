namespace Coppice.Tokens;

/// <summary>GPT-2's spelling of bytes: each of the 256 bytes has a visible character, so that a vocabulary is plain text.
/// Printable Latin-1 stands for itself, the other 68 bytes for U+0100 and up in order. (Radford et al. 2019)</summary>
internal static class ByteAlphabet
{
    private const int Absent = -1;
    private static readonly char[] s_chars = MakeChars();
    private static readonly short[] s_bytes = MakeBytes();

    public static char CharOf(byte value) => s_chars[value];

    public static bool TryByteOf(char spelled, out byte value)
    {
        int found = spelled < s_bytes.Length ? s_bytes[spelled] : Absent;
        value = (byte)found;
        return found >= 0;
    }

    /// <summary>The bytes a piece spells, or false where a character is not of the alphabet.</summary>
    public static bool TrySpell(string piece, out byte[] bytes)
    {
        bytes = new byte[piece.Length];
        for (int i = 0; i < piece.Length; i++)
            if (!TryByteOf(piece[i], out bytes[i])) return false;
        return true;
    }

    private static char[] MakeChars()
    {
        char[] chars = new char[256];
        int next = 256;
        for (int b = 0; b < 256; b++)
            chars[b] = b is (>= '!' and <= '~') or (>= 0xA1 and <= 0xAC) or (>= 0xAE and <= 0xFF) ? (char)b : (char)next++;
        return chars;
    }

    private static short[] MakeBytes()
    {
        short[] bytes = new short[s_chars.Max() + 1];
        Array.Fill(bytes, (short)Absent);
        for (int b = 0; b < 256; b++) bytes[s_chars[b]] = (short)b;
        return bytes;
    }
}
