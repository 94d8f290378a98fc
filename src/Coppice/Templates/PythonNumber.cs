using System.Globalization;
using System.Numerics;
using System.Text;

namespace Coppice.Templates;

/// <summary>Numbers as Python writes and rounds them.</summary>
internal static class PythonNumber
{
    /// <summary>The shortest text that reads back as the same number, always with a point or an exponent.</summary>
    public static string Shown(double number)
    {
        if (double.IsNaN(number)) return "nan";
        if (double.IsInfinity(number)) return number > 0 ? "inf" : "-inf";
        // 1.2345E+017: digits and exponent, whichever way they are to be written.
        string shown = number.ToString("E16", CultureInfo.InvariantCulture);
        string shortest = number.ToString("R", CultureInfo.InvariantCulture);
        int exponent = number == 0 ? 0 : DecimalExponent(shortest, shown);
        string digits = Digits(shortest);
        StringBuilder text = new();
        if (double.IsNegative(number)) text.Append('-');
        if (exponent is < -4 or >= 16)
        {
            text.Append(digits[0]);
            if (digits.Length > 1) text.Append('.').Append(digits, 1, digits.Length - 1);
            return text.Append('e').Append(exponent < 0 ? '-' : '+').Append(Math.Abs(exponent).ToString("00", CultureInfo.InvariantCulture)).ToString();
        }
        if (exponent < 0) return text.Append("0.").Append('0', -exponent - 1).Append(digits).ToString();
        if (digits.Length <= exponent + 1) return text.Append(digits).Append('0', exponent + 1 - digits.Length).Append(".0").ToString();
        return text.Append(digits, 0, exponent + 1).Append('.').Append(digits, exponent + 1, digits.Length - exponent - 1).ToString();
    }

    /// <summary>Rounds the exact value to decimals; halves go to the even digit.</summary>
    public static double Round(double number, int decimals)
    {
        if (!double.IsFinite(number) || decimals > 323) return number;
        if (decimals < -308) return 0;
        double rounded = double.Parse($"{Scaled(number, decimals)}E{-decimals}", NumberStyles.Float, CultureInfo.InvariantCulture);
        return number < 0 ? -rounded : rounded;
    }

    /// <summary>The magnitude with so many decimals: 2.50.</summary>
    public static string Fixed(double number, int decimals)
    {
        string digits = Scaled(number, decimals).ToString(CultureInfo.InvariantCulture).PadLeft(decimals + 1, '0');
        return decimals == 0 ? digits : $"{digits[..^decimals]}.{digits[^decimals..]}";
    }

    /// <summary>The magnitude's digits, one before the point and so many after it, and its power of ten.</summary>
    public static (string Digits, int Exponent) Exponential(double number, int decimals)
    {
        if (number == 0) return (new string('0', decimals + 1), 0);
        string shown = number.ToString("E16", CultureInfo.InvariantCulture);
        int exponent = int.Parse(shown.AsSpan(shown.IndexOf('E', StringComparison.Ordinal) + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture) - 1;
        // The estimate may be one too low or too high, and rounding may carry into one more digit.
        while (true)
        {
            string digits = Scaled(number, decimals - exponent).ToString(CultureInfo.InvariantCulture);
            if (digits.Length <= decimals + 1) return (digits.PadRight(decimals + 1, '0'), exponent);
            exponent++;
        }
    }

    // The magnitude times ten to the power of decimals, as the nearest whole number; of two, the even one.
    private static BigInteger Scaled(double number, int decimals)
    {
        long bits = BitConverter.DoubleToInt64Bits(number);
        int exponent = (int)((bits >> 52) & 0x7FF);
        BigInteger numerator = (bits & 0xFFFFFFFFFFFFF) | (exponent == 0 ? 0 : 1L << 52);
        BigInteger denominator = 1;
        exponent = Math.Max(exponent, 1) - 1075;
        if (exponent >= 0) numerator <<= exponent;
        else denominator <<= -exponent;
        if (decimals >= 0) numerator *= BigInteger.Pow(10, decimals);
        else denominator *= BigInteger.Pow(10, -decimals);
        BigInteger whole = BigInteger.DivRem(numerator, denominator, out BigInteger rest);
        int half = (rest * 2).CompareTo(denominator);
        return half > 0 || (half == 0 && !whole.IsEven) ? whole + 1 : whole;
    }

    private static int DecimalExponent(string shortest, string scientific)
    {
        int e = shortest.IndexOf('E', StringComparison.Ordinal);
        if (e >= 0) return int.Parse(shortest.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        ReadOnlySpan<char> plain = shortest.AsSpan().TrimStart('-');
        int point = plain.IndexOf('.');
        if (plain[0] != '0') return (point < 0 ? plain.Length : point) - 1;
        return int.Parse(scientific.AsSpan(scientific.IndexOf('E', StringComparison.Ordinal) + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
    }

    private static string Digits(string shortest)
    {
        int e = shortest.IndexOf('E', StringComparison.Ordinal);
        string digits = (e >= 0 ? shortest[..e] : shortest).Replace(".", "", StringComparison.Ordinal).Trim('-').TrimStart('0');
        digits = digits.TrimEnd('0');
        return digits.Length == 0 ? "0" : digits;
    }
}
