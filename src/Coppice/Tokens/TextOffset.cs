using System.Text;

namespace Coppice.Tokens;

/// <summary>Counts the characters of a text, as Unicode code points, whose tokens may be parts of characters: what a client in Python indexes by.</summary>
internal sealed class TextOffset
{
    private const int PartBytes = 32;

    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private int _codePoints;

    /// <summary>Where this token begins.</summary>
    /// <param name="token">Its bytes in the text.</param>
    public int Next(ReadOnlySpan<byte> token)
    {
        int start = _codePoints;
        Span<char> text = stackalloc char[2 * PartBytes];
        while (!token.IsEmpty)
        {
            int part = Math.Min(token.Length, PartBytes);
            int chars = _decoder.GetChars(token[..part], text, flush: false);
            foreach (char c in text[..chars])
                if (!char.IsLowSurrogate(c)) _codePoints++;
            token = token[part..];
        }

        return start;
    }
}
