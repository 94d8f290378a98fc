using System.Globalization;
using System.Numerics;

namespace Coppice.Templates;

/// <summary>Whole numbers as Python has them, of any size: long while they fit, then BigInteger. A template comes from a stranger, so their size has a bound.</summary>
internal static class WholeNumbers
{
    private const long LargestBits = 1 << 16;

    /// <summary>Longest text of one that is written or read, as in Python: both take quadratic time.</summary>
    public const int MostDigits = 4300;

    public static object Plain(BigInteger number) => number >= long.MinValue && number <= long.MaxValue ? (object)(long)number : number;

    public static string Shown(Rendering run, BigInteger number) =>
        number.GetBitLength() <= MostDigits * 3.3219 ? number.ToString(CultureInfo.InvariantCulture) : throw run.Fail($"A whole number has more than {MostDigits} digits, which is the most that are written.");

    /// <summary>The number of a text of digits, maybe with a sign. Null: it is none, or too long.</summary>
    public static object? Parse(ReadOnlySpan<char> digits, int radix)
    {
        if (digits.Length is 0 or > MostDigits) return null;
        BigInteger number = 0;
        // Eleven digits of any base up to 36 fit into 64 bits.
        for (int at = 0; at < digits.Length;)
        {
            long chunk = 0, scale = 1;
            for (int end = Math.Min(at + 11, digits.Length); at < end; at++)
            {
                int digit = Digit(digits[at]);
                if (digit >= radix) return null;
                chunk = chunk * radix + digit;
                scale *= radix;
            }
            number = number * scale + chunk;
        }
        return Plain(number);
    }

    public static object Apply(Rendering run, string symbol, object a, object b)
    {
        if (a is BigInteger || b is BigInteger) return Apply(run, symbol, Arithmetic.Big(a), Arithmetic.Big(b));
        long x = a is long left ? left : (bool)a ? 1 : 0, y = b is long right ? right : (bool)b ? 1 : 0;
        long result = symbol switch
        {
            "+" => x + y,
            "-" => x - y,
            _ => 0,
        };
        bool fits = symbol switch
        {
            "+" => ((x ^ result) & (y ^ result)) >= 0,
            "-" => ((x ^ y) & (x ^ result)) >= 0,
            _ => false,
        };
        if (fits) return result;
        if (symbol == "*" && Math.BigMul(x, y, out result) is var high && high == result >> 63) return result;
        if (symbol is "//" or "%" && y is not (0 or -1))
        {
            long rest = x % y, fix = rest != 0 && (rest < 0) != (y < 0) ? 1 : 0;
            return symbol == "%" ? rest + fix * y : x / y - fix;
        }
        return Apply(run, symbol, (BigInteger)x, y);
    }

    private static object Apply(Rendering run, string symbol, BigInteger x, BigInteger y)
    {
        long words = (x.GetBitLength() / 64 + 1) * (y.GetBitLength() / 64 + 1);
        run.Work(words);
        if (symbol is "//" or "%" && y.IsZero) throw run.Fail("Division by zero.");
        return symbol switch
        {
            "+" => Bounded(run, x + y),
            "-" => Bounded(run, x - y),
            "*" => Bounded(run, x * y),
            "//" => Plain(BigInteger.DivRem(x - Modulo(x, y), y, out _)),
            "%" => Plain(Modulo(x, y)),
            _ => y.Sign < 0 ? Arithmetic.Power(run, Real(run, x), Real(run, y)) : Power(run, x, y),
        };
    }

    /// <summary>The number as a float.</summary>
    public static double Real(Rendering run, BigInteger number) =>
        Nearest(number) is var real && double.IsFinite(real) ? real : throw run.Fail("A whole number is too large for a float.");

    /// <summary>The nearest float, as Python rounds; a cast cuts off. Infinite where there is none.</summary>
    public static double Nearest(BigInteger number) =>
        number.GetBitLength() > 1024 ? (double)number : double.Parse(number.ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture);

    private static object Bounded(Rendering run, BigInteger number) => number.GetBitLength() <= LargestBits ? Plain(number) : throw TooLarge(run);

    private static object Power(Rendering run, BigInteger x, BigInteger y)
    {
        if (y.IsZero || x.IsOne) return 1L;
        if (x.IsZero) return 0L;
        if (x == BigInteger.MinusOne) return y.IsEven ? 1L : -1L;
        if (y > LargestBits || x.GetBitLength() * (long)y > 2 * LargestBits) throw TooLarge(run);
        run.Work((long)y * x.GetBitLength() / 16);
        return Bounded(run, BigInteger.Pow(x, (int)y));
    }

    private static BigInteger Modulo(BigInteger x, BigInteger y)
    {
        BigInteger rest = BigInteger.Remainder(x, y);
        return !rest.IsZero && rest.Sign != y.Sign ? rest + y : rest;
    }

    private static ChatTemplateException TooLarge(Rendering run) => run.OverLimit($"A whole number gets longer than {LargestBits} bits, which is the most that is computed with.");

    private static int Digit(char c) => char.IsDigit(c) ? (int)char.GetNumericValue(c) : char.IsAsciiLetter(c) ? char.ToLowerInvariant(c) - 'a' + 10 : 99;
}
