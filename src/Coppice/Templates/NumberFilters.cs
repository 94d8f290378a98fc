using System.Globalization;
using System.Numerics;

namespace Coppice.Templates;

/// <summary>Filters that make a number.</summary>
internal static class NumberFilters
{
    public static object? Abs(object? value, Arguments given) => value switch
    {
        double number => Math.Abs(number),
        not null when Arithmetic.IsNumber(value) => WholeNumbers.Plain(BigInteger.Abs(Arithmetic.Big(value))),
        _ => throw Wrong(value, given),
    };

    public static object? Float(object? value, Arguments given)
    {
        given.As("default");
        if (value is Undefined) throw Wrong(value, given);
        if (value is BigInteger big) return WholeNumbers.Real(given.Run, big);
        if (Arithmetic.IsNumber(value)) return Arithmetic.Double(value!);
        return value is string text && TryFloat(text, out double number) ? number : given.Or(0, 0.0);
    }

    public static object? Int(object? value, Arguments given)
    {
        given.As("default", "base");
        int radix = given.Int(1, 10);
        switch (value)
        {
            case Undefined: throw Wrong(value, given);
            case long or BigInteger: return value;
            case bool flag: return flag ? 1L : 0L;
            case double number when double.IsInfinity(number): throw given.Run.Fail("An infinite number has no whole part.");
            case double number when double.IsFinite(number): return WholeNumbers.Plain(new BigInteger(number));
            case string text:
                if (ParseInt(text, radix) is { } whole) return whole;
                if (TryFloat(text, out double real) && double.IsFinite(real)) return WholeNumbers.Plain(new BigInteger(real));
                break;
        }
        return given.Or(0, 0L);
    }

    public static object? Round(object? value, Arguments given)
    {
        given.As("precision", "method");
        if (!Arithmetic.IsNumber(value)) throw Wrong(value, given);
        int precision = given.Int(0, 0);
        string method = given.OptionalText(1) ?? "common";
        if (method == "common") return value is double real ? PythonNumber.Round(real, precision) : Round(Arithmetic.Big(value!), precision);
        double number = Arithmetic.Double(value!), scale = Math.Pow(10, precision);
        return method switch
        {
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw given.Wrong(1, "'common', 'ceil' or 'floor'"),
        };
    }

    public static object? FileSize(object? value, Arguments given)
    {
        bool isBinary = given.As("binary").Flag(0, missing: false);
        if (!Arithmetic.IsNumber(value) && !(value is string text && TryFloat(text, out _))) throw Wrong(value, given);
        double bytes = (double)Float(value, new Arguments(given.Run, "filesizeformat", [], []))!;
        double factor = isBinary ? 1024 : 1000, unit = factor;
        if (bytes == 1) return "1 Byte";
        if (bytes < factor) return $"{Math.Truncate(bytes).ToString("0", CultureInfo.InvariantCulture)} Bytes";
        const string Prefixes = "kMGTPEZY";
        int prefix = 0;
        for (; prefix < Prefixes.Length - 1 && bytes >= unit * factor; prefix++) unit *= factor;
        return $"{PythonNumber.Fixed(bytes / unit, 1)} {(isBinary ? $"{char.ToUpperInvariant(Prefixes[prefix])}iB" : $"{Prefixes[prefix]}B")}";
    }

    public static object? Sum(object? value, Arguments given)
    {
        given.As("attribute", "start");
        object? sum = given.Or(1, 0L);
        foreach (object? item in Iteration.Of(given.Run, value))
            sum = Arithmetic.Apply(given.Run, "+", sum, given.Or(0, null) is { } attribute ? SelectionFilters.Path(given.Run, item, attribute) : item);
        return sum;
    }

    // A whole number stays one; halves go to the even digit.
    private static object Round(BigInteger number, int precision)
    {
        if (precision >= 0) return WholeNumbers.Plain(number);
        if (precision < -WholeNumbers.MostDigits) return 0L;
        BigInteger unit = BigInteger.Pow(10, -precision), whole = BigInteger.DivRem(BigInteger.Abs(number), unit, out BigInteger rest);
        int half = (rest * 2).CompareTo(unit);
        if (half > 0 || (half == 0 && !whole.IsEven)) whole++;
        return WholeNumbers.Plain(whole * unit * number.Sign);
    }

    private static bool TryFloat(string text, out double number)
    {
        number = 0;
        if (!TryPlain(text, out string plain)) return false;
        if (double.TryParse(plain, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number)) return plain.AsSpan().ContainsAnyInRange('0', '9') || IsWord(plain);
        if (plain.TrimStart('+', '-').ToLowerInvariant() is not ("inf" or "nan" or "infinity") || plain.Length > 9) return false;
        number = plain.EndsWith("nan", StringComparison.OrdinalIgnoreCase) ? double.NaN : plain[0] == '-' ? double.NegativeInfinity : double.PositiveInfinity;
        return true;
    }

    private static bool IsWord(string plain) => plain.TrimStart('+', '-').ToLowerInvariant() is "infinity" or "nan";

    private static object? ParseInt(string text, int radix)
    {
        if (radix is < 0 or 1 or > 36 || !TryPlain(text, out string plain)) return null;
        bool isNegative = plain.StartsWith('-');
        ReadOnlySpan<char> digits = isNegative || plain.StartsWith('+') ? plain.AsSpan(1) : plain;
        int prefixed = digits is ['0', var mark, ..] ? char.ToLowerInvariant(mark) switch { 'x' => 16, 'o' => 8, 'b' => 2, _ => 0 } : 0;
        if (prefixed != 0 && (radix == 0 || radix == prefixed))
        {
            digits = digits[2..];
            radix = prefixed;
        }
        else if (radix == 0) radix = digits is ['0', _, ..] && digits.ContainsAnyExcept('0') ? 37 : 10;   // 0-led digits are no number in Python
        if (radix > 36) return null;
        object? number = WholeNumbers.Parse(digits, radix);
        return number is null || !isNegative ? number : WholeNumbers.Plain(-Arithmetic.Big(number));
    }

    // Without the space around it and the underscores, which may stand only between digits.
    private static bool TryPlain(string text, out string plain)
    {
        plain = TextMethods.Stripped(text, null, left: true, right: true);
        if (!plain.Contains('_', StringComparison.Ordinal)) return plain.Length > 0;
        for (int at = 0; at < plain.Length; at++)
            if (plain[at] == '_' && (at == 0 || at == plain.Length - 1 || !char.IsAsciiLetterOrDigit(plain[at - 1]) || !char.IsAsciiLetterOrDigit(plain[at + 1]))) return false;
        plain = plain.Replace("_", "", StringComparison.Ordinal);
        return true;
    }

    /// <summary>The attributes and methods of numbers.</summary>
    public static bool TryMember(object value, string name, out object? member)
    {
        member = (name, value) switch
        {
            ("real", double) => value,
            ("real" or "numerator", not double) => WholeNumbers.Plain(Arithmetic.Big(value)),
            ("imag", double) => 0.0,
            ("imag", _) => 0L,
            ("denominator", not double) => 1L,
            ("is_integer", double number) => new Callable(name, _ => double.IsFinite(number) && Math.Floor(number) == number),
            ("is_integer", _) => new Callable(name, _ => true),
            ("bit_length", not double) => new Callable(name, _ => (long)(BigInteger.Abs(Arithmetic.Big(value)).GetBitLength())),
            ("bit_count", not double) => new Callable(name, _ => (long)BigInteger.PopCount(BigInteger.Abs(Arithmetic.Big(value)))),
            ("conjugate", _) => new Callable(name, _ => value),
            _ => null,
        };
        return member is not null;
    }

    private static ChatTemplateException Wrong(object? value, Arguments given) => given.Run.Fail((value as Undefined)?.Why ?? $"A number is needed; here is {TypeName.Of(value)}.");
}
