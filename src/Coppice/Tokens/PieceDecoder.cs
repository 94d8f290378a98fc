using System.Globalization;
using System.Text;

namespace Coppice.Tokens;

/// <summary>From a token's spelling to the bytes it stands for. Every decoder this engine reads works token by token,
/// but for one leading space of the whole text: <see cref="DropsLeadingSpace"/>.</summary>
internal sealed record PieceDecoder
{
    /// <summary>Pieces are spelled in <see cref="ByteAlphabet"/>.</summary>
    public bool ByteLevel { get; init; }

    /// <summary>Replaced in every piece, in order.</summary>
    public IReadOnlyList<(string From, string To)> Replacements { get; init; } = [];

    /// <summary>&lt;0xNN&gt; is a byte.</summary>
    public bool ByteFallback { get; init; }

    /// <summary>The encoder put a space before the text, so decoding a whole text drops one.</summary>
    public bool DropsLeadingSpace { get; init; }

    public byte[] Bytes(string piece)
    {
        if (ByteLevel) return ByteAlphabet.TrySpell(piece, out byte[] spelled) ? spelled : Encoding.UTF8.GetBytes(piece);
        foreach ((string from, string to) in Replacements) piece = piece.Replace(from, to, StringComparison.Ordinal);
        return ByteFallback && TryByteToken(piece, out byte value) ? [value] : Encoding.UTF8.GetBytes(piece);
    }

    /// <summary>Reads &lt;0xNN&gt;.</summary>
    public static bool TryByteToken(string piece, out byte value)
    {
        value = 0;
        return piece.Length == 6 && piece.StartsWith("<0x", StringComparison.Ordinal) && piece[5] == '>'
            && byte.TryParse(piece.AsSpan(3, 2), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out value);
    }
}
