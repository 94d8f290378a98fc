using System.Numerics;

namespace Coppice.Templates;

/// <summary>Operators of two values, as Python has them. Whole numbers have 64 bits.</summary>
internal static class Arithmetic
{
    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    public static double Double(object value) => value switch
    {
        double number => number,
        bool flag => flag ? 1 : 0,
        BigInteger number => (double)number,
        _ => (long)value,
    };

    public static BigInteger Big(object value) => value switch
    {
        bool flag => flag ? 1 : 0,
        BigInteger number => number,
        _ => (long)value,
    };

    public static object? Apply(Rendering run, string symbol, object? a, object? b)
    {
        run.Step();
        if (IsNumber(a) && IsNumber(b)) return Numbers(run, symbol, a!, b!);
        return (symbol, a, b) switch
        {
            ("+", string x, string y) => Join(run, x, y),
            ("+", Sequence x, Sequence y) when x.Kind == y.Kind && x.Kind is SequenceKind.List or SequenceKind.Tuple => Join(run, x, y),
            ("*", string x, long y) => Repeat(run, x, y),
            ("*", long x, string y) => Repeat(run, y, x),
            ("*", Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } x, long y) => Repeat(run, x, y),
            ("*", long x, Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } y) => Repeat(run, y, x),
            ("%", string x, _) => PercentFormat.Apply(run, x, b),
            _ => throw run.Fail((a as Undefined ?? b as Undefined)?.Why ?? $"'{symbol}' does not go with {TypeName.Of(a)} and {TypeName.Of(b)}{Remedy(symbol, a, b)}."),
        };
    }

    public static object Negated(Rendering run, object? value) => value switch
    {
        long number when number != long.MinValue => -number,
        double number => -number,
        bool flag => flag ? -1L : 0L,
        BigInteger number => -number,
        _ => throw run.Fail((value as Undefined)?.Why ?? $"'-' does not go with {TypeName.Of(value)}."),
    };

    private static string Remedy(string symbol, object? a, object? b) => symbol == "+" && (a is string || b is string) ? "; '~' joins anything as text" : "";

    private static object Numbers(Rendering run, string symbol, object a, object b)
    {
        if (symbol == "/") return Divide(run, Double(a), Double(b));
        if (a is double || b is double) return Floats(run, symbol, Double(a), Double(b));
        if (a is BigInteger || b is BigInteger) throw run.Fail($"'{symbol}' needs whole numbers of at most 64 bits.");
        long x = a is long left ? left : (bool)a ? 1 : 0, y = b is long right ? right : (bool)b ? 1 : 0;
        try
        {
            return symbol switch
            {
                "+" => (object)checked(x + y),
                "-" => checked(x - y),
                "*" => checked(x * y),
                "//" => FloorDivide(run, x, y),
                "%" => Modulo(run, x, y),
                _ => y < 0 ? Power(run, (double)x, y) : (object)Power(x, y),
            };
        }
        catch (OverflowException)
        {
            throw run.Fail($"{x} {symbol} {y} does not fit into 64 bits.");
        }
    }

    private static object Floats(Rendering run, string symbol, double x, double y) => symbol switch
    {
        "+" => x + y,
        "-" => x - y,
        "*" => x * y,
        "//" => Math.Floor(Divide(run, x, y)),
        "%" => y != 0 ? FloatModulo(x, y) : throw run.Fail("Division by zero."),
        _ => Power(run, x, y),
    };

    private static double Divide(Rendering run, double x, double y) => y != 0 ? x / y : throw run.Fail("Division by zero.");

    private static long FloorDivide(Rendering run, long x, long y)
    {
        if (y == 0) throw run.Fail("Division by zero.");
        if (y == -1) return checked(-x);
        (long quotient, long rest) = Math.DivRem(x, y);
        return rest != 0 && (rest < 0) != (y < 0) ? quotient - 1 : quotient;
    }

    private static long Modulo(Rendering run, long x, long y)
    {
        if (y == 0) throw run.Fail("Division by zero.");
        if (y == -1) return 0;
        long rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static double FloatModulo(double x, double y)
    {
        double rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    private static long Power(long x, long y)
    {
        long power = 1;
        for (; y > 0; y >>= 1)
        {
            if ((y & 1) != 0) power = checked(power * x);
            if (y > 1) x = checked(x * x);
        }
        return power;
    }

    private static double Power(Rendering run, double x, double y)
    {
        if (x == 0 && y < 0) throw run.Fail("Division by zero.");
        return Math.Pow(x, y);
    }

    private static string Join(Rendering run, string x, string y)
    {
        run.Characters((long)x.Length + y.Length);
        return x + y;
    }

    private static Sequence Join(Rendering run, Sequence x, Sequence y)
    {
        run.Items((long)x.Items.Count + y.Items.Count);
        return new Sequence(x.Kind, [.. x.Items, .. y.Items]);
    }

    private static string Repeat(Rendering run, string text, long times)
    {
        if (times <= 0 || text.Length == 0) return "";
        run.Characters(times > int.MaxValue ? long.MaxValue / 2 : text.Length * times);
        return new System.Text.StringBuilder().Insert(0, text, (int)times).ToString();
    }

    private static Sequence Repeat(Rendering run, Sequence sequence, long times)
    {
        if (times <= 0 || sequence.Items.Count == 0) return new Sequence(sequence.Kind, []);
        run.Items(times > int.MaxValue ? long.MaxValue / 2 : sequence.Items.Count * times);
        List<object?> items = new(sequence.Items.Count * (int)times);
        for (long i = 0; i < times; i++) items.AddRange(sequence.Items);
        return new Sequence(sequence.Kind, items);
    }
}
