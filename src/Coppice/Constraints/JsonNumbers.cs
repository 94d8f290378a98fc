namespace Coppice.Constraints;

/// <summary>Numbers between bounds, digit by digit.</summary>
internal static class JsonNumbers
{
    public const long Most = 999_999_999_999_999_999;   // of JsonRules.IntegerDigits digits

    public static readonly Expr Digit = Expr.Chars(('0', '9'));

    /// <summary>A whole number from 0 of up to so many digits, without leading zeros.</summary>
    public static Expr Whole(int digits) => Expr.Choice([Expr.Text("0"), Expr.Sequence([Expr.Chars(('1', '9')), Expr.Repeat(Digit, 0, digits - 1)])]);

    /// <summary>Whole numbers in [low, high], both within ±<see cref="Most"/>.</summary>
    public static Expr Integers(long low, long high)
    {
        List<Expr> ways = [];
        if (low < 0) ways.Add(Expr.Sequence([Expr.Text("-"), Magnitudes(Math.Max(1, -high), -low)]));
        ways.Add(Magnitudes(Math.Max(0, low), high));
        return Expr.Choice(ways);
    }

    /// <summary>Decimal numbers between whole bounds, each of which may itself be left out.</summary>
    public static Expr Reals(long low, bool lowExcluded, long high, bool highExcluded)
    {
        List<Expr> ways = [];
        if (low < 0) ways.Add(Expr.Sequence([Expr.Text("-"), Decimals(Math.Max(0, -high), highExcluded && high <= 0, -low, lowExcluded)]));
        if (high >= 0) ways.Add(Decimals(Math.Max(0, low), lowExcluded && low >= 0, high, highExcluded));
        return Expr.Choice(ways);
    }

    private static Expr Decimals(long low, bool lowExcluded, long high, bool highExcluded)
    {
        List<Expr> ways = [];
        // A whole part below high may have any fraction; low itself only one above zero where low is left out.
        long free = lowExcluded ? low + 1 : low;
        if (free < high) ways.Add(Expr.Sequence([Magnitudes(free, high - 1), JsonRules.Fraction]));
        if (lowExcluded && low < high) ways.Add(Expr.Sequence([Magnitudes(low, low), Expr.Text("."), Expr.Repeat(Digit, 0, 14), Expr.Chars(('1', '9'))]));
        if (!highExcluded && (high > low || !lowExcluded)) ways.Add(Expr.Sequence([Magnitudes(high, high), Expr.Optional(Expr.Sequence([Expr.Text("."), Expr.Repeat(Expr.Text("0"), 1, 14)]))]));
        return Expr.Choice(ways);
    }

    /// <summary>Whole numbers in [low, high], 0 ≤ low; none if low is above high.</summary>
    private static Expr Magnitudes(long low, long high)
    {
        List<Expr> ways = [];
        for (long from = low; from <= high;)
        {
            string first = from.ToString(System.Globalization.CultureInfo.InvariantCulture);
            long longest = first.Length > JsonRules.IntegerDigits - 1 ? Most : (long)Math.Pow(10, first.Length) - 1;
            long to = Math.Min(longest, high);
            ways.Add(OfLength(first, to.ToString(System.Globalization.CultureInfo.InvariantCulture)));
            if (to == high) break;
            from = to + 1;
        }
        return Expr.Choice(ways);
    }

    /// <summary>Digits between two numbers of the same length.</summary>
    private static Expr OfLength(string low, string high)
    {
        if (low.Length == 0) return Expr.Empty;
        if (low.All(digit => digit == '0') && high.All(digit => digit == '9')) return Expr.Repeat(Digit, low.Length, low.Length);
        if (low[0] == high[0]) return Expr.Sequence([Expr.Text(low[..1]), OfLength(low[1..], high[1..])]);
        int rest = low.Length - 1;
        List<Expr> ways = [Expr.Sequence([Expr.Text(low[..1]), OfLength(low[1..], new string('9', rest))])];
        if (high[0] - low[0] > 1) ways.Add(Expr.Sequence([Expr.Chars((low[0] + 1, high[0] - 1)), Expr.Repeat(Digit, rest, rest)]));
        ways.Add(Expr.Sequence([Expr.Text(high[..1]), OfLength(new string('0', rest), high[1..])]));
        return Expr.Choice(ways);
    }
}
