using System.Buffers;
using System.Globalization;
using System.Text;

namespace Coppice.Tokens;

/// <summary>The classes of characters that the families' word patterns tell apart.</summary>
internal enum CharKind : byte
{
    /// <summary>Everything else: punctuation, symbols, marks, controls.</summary>
    Other,

    /// <summary>\p{L}.</summary>
    Letter,

    /// <summary>\p{N}.</summary>
    Number,

    /// <summary>\s.</summary>
    Space,
}

internal static class CharClass
{
    private static readonly CharKind[] s_kinds = MakeKinds();

    /// <summary>The kind of the character at <paramref name="at"/> and how many chars it has. Half a surrogate pair is <see cref="CharKind.Other"/>.</summary>
    public static CharKind At(ReadOnlySpan<char> text, int at, out int chars)
    {
        char c = text[at];
        chars = 1;
        if (!char.IsSurrogate(c)) return s_kinds[c];
        if (Rune.DecodeFromUtf16(text[at..], out Rune rune, out int used) != OperationStatus.Done) return CharKind.Other;
        chars = used;
        return Of(Rune.GetUnicodeCategory(rune));
    }

    /// <summary>Where the run of <paramref name="kind"/> that goes on at <paramref name="at"/> ends.</summary>
    public static int RunEnd(ReadOnlySpan<char> text, int at, CharKind kind)
    {
        while (at < text.Length)
        {
            char c = text[at];
            if (s_kinds[c] == kind && !char.IsSurrogate(c))
            {
                at++;
                continue;
            }
            if (!char.IsSurrogate(c) || At(text, at, out int chars) != kind) break;
            at += chars;
        }
        return at;
    }

    private static CharKind[] MakeKinds()
    {
        CharKind[] kinds = new CharKind[char.MaxValue + 1];
        for (int c = 0; c < kinds.Length; c++)
            kinds[c] = char.IsWhiteSpace((char)c) ? CharKind.Space : Of(char.GetUnicodeCategory((char)c));
        return kinds;
    }

    private static CharKind Of(UnicodeCategory category) => category switch
    {
        <= UnicodeCategory.OtherLetter => CharKind.Letter,
        UnicodeCategory.DecimalDigitNumber or UnicodeCategory.LetterNumber or UnicodeCategory.OtherNumber => CharKind.Number,
        _ => CharKind.Other,
    };
}
