using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>One token of an expression: name, number, text or operator.</summary>
internal static class ExpressionLexer
{
    private static readonly string[] s_operators =
        ["**", "//", "==", "!=", ">=", "<=", "+", "-", "/", "*", "%", "~", "[", "]", "(", ")", "{", "}", ">", "<", "=", ".", ":", "|", ",", ";"];

    public static TemplateToken Read(string source, ref int at, int line)
    {
        char c = source[at];
        int start = at;
        if (c is '"' or '\'') return new TemplateToken(TokenKind.Text, ReadText(source, ref at, line), line);
        if (char.IsAsciiDigit(c)) return ReadNumber(source, ref at, line);
        if (c == '_' || char.IsLetter(c))
        {
            while (at < source.Length && (source[at] == '_' || char.IsLetterOrDigit(source[at]))) at++;
            return new TemplateToken(TokenKind.Name, source[start..at], line);
        }
        foreach (string symbol in s_operators)
        {
            if (string.CompareOrdinal(source, at, symbol, 0, symbol.Length) != 0) continue;
            at += symbol.Length;
            return new TemplateToken(TokenKind.Operator, symbol, line);
        }
        throw new ChatTemplateException(line, $"'{c}' does not belong in an expression.");
    }

    private static TemplateToken ReadNumber(string source, ref int at, int line)
    {
        int start = at;
        if (source[at] == '0' && at + 1 < source.Length && char.ToLowerInvariant(source[at + 1]) is 'x' or 'b' or 'o')
        {
            at += 2;
            while (at < source.Length && (char.IsAsciiHexDigit(source[at]) || source[at] == '_')) at++;
            return new TemplateToken(TokenKind.Integer, source[start..at].Replace("_", "", StringComparison.Ordinal), line);
        }
        bool isFloat = false;
        SkipDigits(source, ref at);
        // "a.0.1" are two subscripts, not a float.
        bool afterDot = start > 0 && source[start - 1] == '.';
        if (!afterDot && at + 1 < source.Length && source[at] == '.' && char.IsAsciiDigit(source[at + 1]))
        {
            isFloat = true;
            at++;
            SkipDigits(source, ref at);
        }
        if (!afterDot && at < source.Length && source[at] is 'e' or 'E')
        {
            int exponent = at + 1;
            if (exponent < source.Length && source[exponent] is '+' or '-') exponent++;
            if (exponent < source.Length && char.IsAsciiDigit(source[exponent]))
            {
                isFloat = true;
                at = exponent;
                SkipDigits(source, ref at);
            }
        }
        ReadOnlySpan<char> digits = source.AsSpan(start, at - start);
        if (digits.Contains("__", StringComparison.Ordinal) || digits[^1] == '_') throw new ChatTemplateException(line, "A '_' in a number stands between two digits.");
        if (!isFloat && !afterDot && digits[0] == '0' && digits.ContainsAnyExcept('0', '_')) throw new ChatTemplateException(line, "A whole number does not begin with 0.");
        return new TemplateToken(isFloat ? TokenKind.Float : TokenKind.Integer, source[start..at].Replace("_", "", StringComparison.Ordinal), line);
    }

    private static void SkipDigits(string source, ref int at)
    {
        while (at < source.Length && (char.IsAsciiDigit(source[at]) || source[at] == '_')) at++;
    }

    private static string ReadText(string source, ref int at, int line)
    {
        char quote = source[at++];
        StringBuilder text = new();
        while (at < source.Length && source[at] != quote)
        {
            if (source[at] != '\\')
            {
                text.Append(source[at++]);
                continue;
            }
            if (++at == source.Length) break;
            Unescape(source, ref at, line, text);
        }
        if (at >= source.Length) throw new ChatTemplateException(line, $"A text is not closed with {quote}.");
        at++;
        return text.ToString();
    }

    // As Python reads a text; an escape that it does not know stands for itself, backslash and all.
    private static void Unescape(string source, ref int at, int line, StringBuilder text)
    {
        char escape = source[at++];
        switch (escape)
        {
            case '\n': break;
            case '\\' or '\'' or '"': text.Append(escape); break;
            case 'a': text.Append('\a'); break;
            case 'b': text.Append('\b'); break;
            case 'f': text.Append('\f'); break;
            case 'n': text.Append('\n'); break;
            case 'r': text.Append('\r'); break;
            case 't': text.Append('\t'); break;
            case 'v': text.Append('\v'); break;
            case 'x': AppendHex(source, ref at, 2, line, text); break;
            case 'u': AppendHex(source, ref at, 4, line, text); break;
            case 'U': AppendHex(source, ref at, 8, line, text); break;
            case >= '0' and <= '7':
                int value = escape - '0';
                for (int digits = 1; digits < 3 && at < source.Length && source[at] is >= '0' and <= '7'; digits++) value = value * 8 + (source[at++] - '0');
                text.Append((char)value);
                break;
            case 'N': throw new ChatTemplateException(line, "A character by name (\\N) is not supported; write \\u and its code.");
            default: text.Append('\\').Append(escape); break;
        }
    }

    private static void AppendHex(string source, ref int at, int digits, int line, StringBuilder text)
    {
        if (at + digits > source.Length || !uint.TryParse(source.AsSpan(at, digits), NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture, out uint code) || code > 0x10FFFF)
            throw new ChatTemplateException(line, $"An escape needs {digits} hexadecimal digits of a Unicode character.");
        at += digits;
        if (code > 0xFFFF) text.Append(new Rune(code));
        else text.Append((char)code);
    }
}
