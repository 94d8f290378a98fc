using System.Buffers;
using System.Globalization;
using System.Text;

namespace Coppice.Constraints;

/// <summary>A pattern that is read from left to right, and where it is for messages.</summary>
/// <param name="text">The pattern.</param>
/// <param name="what">Its place, which begins messages.</param>
internal sealed class PatternText(string text, string what)
{
    public int At { get; set; }

    public bool IsAtEnd => At == text.Length;

    /// <summary>The next character; null at the end.</summary>
    public char? Next => Ahead(0);

    public char? Ahead(int count) => At + count < text.Length ? text[At + count] : null;

    public bool Take(char c)
    {
        if (Next != c) return false;
        At++;
        return true;
    }

    public bool Take(string word)
    {
        if (!text.AsSpan(At).StartsWith(word, StringComparison.Ordinal)) return false;
        At += word.Length;
        return true;
    }

    /// <summary>The text up to the next <paramref name="end"/>, which is passed too; null if there is none.</summary>
    public string? TakeUntil(char end)
    {
        int close = text.IndexOf(end, At);
        if (close < 0) return null;
        string taken = text[At..close];
        At = close + 1;
        return taken;
    }

    public int TakeCodePoint()
    {
        if (Rune.DecodeFromUtf16(text.AsSpan(At), out Rune rune, out int length) != OperationStatus.Done) throw Wrong("half a surrogate pair is no character");
        At += length;
        return rune.Value;
    }

    /// <summary>A number of so many hexadecimal digits.</summary>
    public int TakeHex(int digits)
    {
        if (At + digits > text.Length || !int.TryParse(text.AsSpan(At, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out int value))
            throw Wrong($"{digits} hexadecimal digits must follow");
        At += digits;
        return value;
    }

    public InvalidRequestException Wrong(string wrong) => new($"{what}, character {Math.Min(At, text.Length) + 1}: {wrong}.");
}
