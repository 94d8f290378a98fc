using System.Globalization;
using System.Numerics;

namespace Coppice.Templates;

/// <summary>Filters that make a number.</summary>
internal static class NumberFilters
{
    public static object? Abs(object? value, Arguments given) => value switch
    {
        long number when number != long.MinValue => Math.Abs(number),
        double number => Math.Abs(number),
        bool flag => flag ? 1L : 0L,
        BigInteger number => BigInteger.Abs(number),
        _ => throw Wrong(value, given),
    };

    public static object? Float(object? value, Arguments given)
    {
        given.As("default");
        if (value is Undefined) throw Wrong(value, given);
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
            case double number when Math.Abs(number) < long.MaxValue: return (long)number;
            case string text:
                if (TryInt(text, radix, out long whole)) return whole;
                if (TryFloat(text, out double real) && Math.Abs(real) < long.MaxValue) return (long)real;
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
        double number = Arithmetic.Double(value!), scale = Math.Pow(10, precision);
        return method switch
        {
            // A whole number stays one.
            "common" => value is double ? PythonNumber.Round(number, precision) : precision >= 0 ? value is bool ? (long)number : value : (long)PythonNumber.Round(number, precision),
            "ceil" => Math.Ceiling(number * scale) / scale,
            "floor" => Math.Floor(number * scale) / scale,
            _ => throw given.Wrong(1, "'common', 'ceil' or 'floor'"),
        };
    }

    public static object? Sum(object? value, Arguments given)
    {
        given.As("attribute", "start");
        object? sum = given.Or(1, 0L);
        foreach (object? item in Iteration.Of(given.Run, value))
            sum = Arithmetic.Apply(given.Run, "+", sum, given.Or(0, null) is { } attribute ? SelectionFilters.Path(given.Run, item, attribute) : item);
        return sum;
    }

    private static bool TryFloat(string text, out double number)
    {
        string trimmed = TextMethods.Stripped(text, null, left: true, right: true).Replace("_", "", StringComparison.Ordinal);
        return double.TryParse(trimmed, NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint | NumberStyles.AllowExponent, CultureInfo.InvariantCulture, out number);
    }

    private static bool TryInt(string text, int radix, out long number)
    {
        string digits = TextMethods.Stripped(text, null, left: true, right: true).Replace("_", "", StringComparison.Ordinal);
        bool isNegative = digits.StartsWith('-');
        if (isNegative || digits.StartsWith('+')) digits = digits[1..];
        string prefix = radix switch { 16 => "0x", 8 => "0o", 2 => "0b", _ => "" };
        if (prefix.Length > 0 && digits.StartsWith(prefix, StringComparison.OrdinalIgnoreCase)) digits = digits[2..];
        number = 0;
        if (digits.Length is 0 or > 64) return false;
        foreach (char c in digits)
        {
            int digit = char.IsAsciiDigit(c) ? c - '0' : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
            if (digit >= radix || number > (long.MaxValue - digit) / Math.Max(radix, 1)) return false;
            number = number * radix + digit;
        }
        if (isNegative) number = -number;
        return true;
    }

    private static ChatTemplateException Wrong(object? value, Arguments given) => given.Run.Fail((value as Undefined)?.Why ?? $"A number is needed; here is {TypeName.Of(value)}.");
}
