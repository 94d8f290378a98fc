namespace Coppice.Constraints;

/// <summary>Reads what stands for one character in a pattern: escapes and classes, with the meaning that they have in ECMAScript under its u flag.</summary>
internal sealed class PatternCharacters(PatternText text, BuildBudget budget)
{
    private static readonly CharSet s_digits = CharSet.Of(('0', '9'));
    private static readonly CharSet s_notDigits = s_digits.Complement();
    private static readonly CharSet s_notWord = CharSet.Word.Complement();
    private static readonly CharSet s_space = CharSet.Of(('\t', '\r'), (' ', ' '), (0xA0, 0xA0), (0x1680, 0x1680), (0x2000, 0x200A), (0x2028, 0x2029), (0x202F, 0x202F), (0x205F, 0x205F), (0x3000, 0x3000), (0xFEFF, 0xFEFF));
    private static readonly CharSet s_notSpace = s_space.Complement();

    /// <summary>What a dot stands for: all but line ends.</summary>
    public static readonly CharSet Dot = CharSet.Of(('\n', '\n'), ('\r', '\r'), (0x2028, 0x2029)).Complement();

    /// <summary>Reads [...].</summary>
    public CharSet Class()
    {
        int open = text.At++;
        bool negated = text.Take('^');
        List<(int, int)> ranges = [];
        while (!text.Take(']'))
        {
            if (text.IsAtEnd)
            {
                text.At = open;
                throw text.Wrong("this [ is not closed; write \\[ for the character");
            }
            (int? from, CharSet? set) = ClassItem();
            bool isRange = text.Next == '-' && text.Ahead(1) is not (null or ']');
            if (isRange)
            {
                text.At++;
                (int? to, CharSet? others) = ClassItem();
                if (from is int low && to is int high)
                {
                    Add(low, high <= CharSet.Last && high >= low ? high : throw text.Wrong("the range runs backwards"));
                    continue;
                }
                // Beside a class, a dash is a dash.
                Add('-', '-');
                AddAll(to, others);
            }
            AddAll(from, set);
        }
        CharSet union = CharSet.Of([.. ranges]);
        return negated ? union.Complement() : union;

        void Add(int low, int high)
        {
            budget.Bytes(32);
            budget.Step();
            ranges.Add((low, high));
        }

        void AddAll(int? codePoint, CharSet? others)
        {
            if (codePoint is int one) Add(one, one);
            foreach ((int low, int high) in others?.Ranges ?? []) Add(low, high);
        }
    }

    /// <summary>Reads \ and what it escapes.</summary>
    /// <returns>A code point, which may be half a surrogate pair, or a set.</returns>
    public (int? CodePoint, CharSet? Set) Escape()
    {
        text.At++;
        if (text.Next is not char c) throw text.Wrong("a \\ ends the pattern; write \\\\ for the character");
        text.At++;
        switch (c)
        {
            case 'd': return (null, s_digits);
            case 'D': return (null, s_notDigits);
            case 'w': return (null, CharSet.Word);
            case 'W': return (null, s_notWord);
            case 's': return (null, s_space);
            case 'S': return (null, s_notSpace);
            case 'n': return ('\n', null);
            case 'r': return ('\r', null);
            case 't': return ('\t', null);
            case 'f': return ('\f', null);
            case 'v': return ('\v', null);
            case 'c' when text.Next is char letter && char.IsAsciiLetter(letter):
                text.At++;
                return (letter % 32, null);
            case 'c': throw text.Wrong("a letter must follow \\c");
            case '0' when text.Next is not char digit || !char.IsAsciiDigit(digit): return (0, null);
            case '0': throw text.Wrong("octal escapes are not supported; write \\xHH");
            case 'x': return (text.TakeHex(2), null);
            case 'u' when text.Take('{'): return (Braced(), null);
            case 'u': return (HexPair(), null);
            case 'p' or 'P' when text.Take('{'):
                string property = text.TakeUntil('}') ?? throw text.Wrong("the { of \\p is not closed");
                CharSet set = UnicodeClasses.Find(property) ?? throw text.Wrong($"\\{c}{{{(property.Length > 60 ? property[..57] + "..." : property)}}} is unknown; known are general categories (L, Lu, Letter), scripts (Script=Greek) and binary properties (Alphabetic, Emoji)");
                return (null, c == 'p' ? set : set.Complement());
            case 'p' or 'P': throw text.Wrong($"a name in braces must follow \\{c}, as in \\{c}{{L}}");
            case (>= '1' and <= '9') or 'k': throw text.Wrong("back-references are not supported: they match no regular language");
            case 'G' or 'K' or 'Q' or 'E' or 'R' or 'X' or 'h' or 'H': throw text.Wrong($"\\{c} is not of ECMAScript's patterns, and not supported");
            default:
                if (char.IsAsciiLetter(c)) throw text.Wrong($"\\{c} is unknown; letters that mean nothing are not escaped");
                text.At--;
                return (text.TakeCodePoint(), null);
        }
    }

    private (int? CodePoint, CharSet? Set) ClassItem()
    {
        if (text.Next != '\\') return (text.TakeCodePoint(), null);
        if (!text.Take("\\b")) return Escape();
        return ('\b', null);
    }

    private int Braced()
    {
        string digits = text.TakeUntil('}') ?? throw text.Wrong("the { of \\u is not closed");
        if (digits.Length > 0 && digits.All(char.IsAsciiHexDigit) && digits.TrimStart('0') is { Length: <= 6 } significant)
        {
            int value = significant.Length == 0 ? 0 : Convert.ToInt32(significant, 16);
            if (value <= CharSet.Last) return value;
        }
        throw text.Wrong("\\u{...} takes the hexadecimal digits of a code point up to 10FFFF");
    }

    /// <summary>\uHHHH, or two of them that are one character.</summary>
    private int HexPair()
    {
        int high = text.TakeHex(4);
        int at = text.At;
        if (char.IsHighSurrogate((char)high) && text.Take("\\u") && text.Next != '{')
        {
            int low = text.TakeHex(4);
            if (char.IsLowSurrogate((char)low)) return char.ConvertToUtf32((char)high, (char)low);
        }
        text.At = at;
        return high;
    }
}
