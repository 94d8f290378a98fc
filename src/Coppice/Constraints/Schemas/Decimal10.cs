using System.Globalization;
using System.Numerics;

namespace Coppice.Constraints.Schemas;

/// <summary>A decimal number of any size, exactly: ±0.Digits · 10^Exponent, where the digits neither begin nor end with zero; zero has none.</summary>
internal readonly record struct Decimal10(bool IsNegative, string Digits, long Exponent) : IComparable<Decimal10>
{
    public bool IsZero => Digits.Length == 0;

    public bool IsWhole => Digits.Length <= Exponent || IsZero;

    /// <summary>Digits before the point, 0 for numbers below 1.</summary>
    public long WholeDigits => IsZero ? 0 : Math.Max(0, Exponent);

    /// <summary>Digits after the point.</summary>
    public long Decimals => IsZero ? 0 : Math.Max(0, Digits.Length - Exponent);

    /// <summary>A number as JSON writes it.</summary>
    public static Decimal10 Parse(string json)
    {
        int e = json.AsSpan().IndexOfAny('e', 'E');
        ReadOnlySpan<char> mantissa = e < 0 ? json : json.AsSpan(0, e);
        // What no long holds is beyond all that is compared with it, on its side.
        BigInteger power = e < 0 ? 0 : json.Length - e > 20 ? (json[e + 1] == '-' ? -1_000_000_000 : 1_000_000_000) : BigInteger.Parse(json.AsSpan(e + 1), NumberStyles.AllowLeadingSign, CultureInfo.InvariantCulture);
        bool negative = mantissa[0] == '-';
        if (negative) mantissa = mantissa[1..];
        int point = mantissa.IndexOf('.');
        string all = point < 0 ? mantissa.ToString() : string.Concat(mantissa[..point], mantissa[(point + 1)..]);
        long whole = point < 0 ? all.Length : point;
        string digits = all.TrimStart('0');
        whole -= all.Length - digits.Length;
        digits = digits.TrimEnd('0');
        return digits.Length == 0 ? default(Decimal10) with { Digits = "" } : new(negative, digits, whole + (long)BigInteger.Clamp(power, -1_000_000_000, 1_000_000_000));
    }

    /// <summary>The digits before the point, "0" if there are none. Of numbers that are not too long.</summary>
    public string Whole => Exponent <= 0 || IsZero ? "0" : Digits.Length >= Exponent ? Digits[..(int)Exponent] : Digits.PadRight((int)Exponent, '0');

    /// <summary>The digits after the point. Of numbers that are not too long.</summary>
    public string Fraction => Decimals == 0 ? "" : Exponent >= 0 ? Digits[(int)Exponent..] : new string('0', (int)-Exponent) + Digits;

    /// <summary>Without exponent, superfluous zeros and point; an exponent where it would be long.</summary>
    public string Plain => (IsNegative ? "-" : "") + (WholeDigits > 40 || Decimals > 40 ? $"0.{Digits}e{Exponent}" : Decimals == 0 ? Whole : $"{Whole}.{Fraction}");

    public int CompareTo(Decimal10 other)
    {
        if (IsZero || other.IsZero || IsNegative != other.IsNegative) return Sign - other.Sign;
        int magnitude = Exponent != other.Exponent ? Exponent.CompareTo(other.Exponent) : string.CompareOrdinal(Digits, other.Digits);
        return IsNegative ? -magnitude : magnitude;
    }

    private int Sign => IsZero ? 0 : IsNegative ? -1 : 1;
}
