using System.Numerics;

namespace Coppice.Templates;

/// <summary>Operators of two values, as Python has them.</summary>
internal static class Arithmetic
{
    public static bool IsNumber(object? value) => value is long or double or bool or BigInteger;

    public static double Double(object value) => value switch
    {
        double number => number,
        bool flag => flag ? 1 : 0,
        BigInteger number => WholeNumbers.Nearest(number),
        _ => (long)value,
    };

    private static double Real(Rendering run, object value) => value is BigInteger number ? WholeNumbers.Real(run, number) : Double(value);

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
            ("*", string x, long or bool or BigInteger) => Repeat(run, x, Times(b)),
            ("*", long or bool or BigInteger, string y) => Repeat(run, y, Times(a)),
            ("*", Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } x, long or bool or BigInteger) => Repeat(run, x, Times(b)),
            ("*", long or bool or BigInteger, Sequence { Kind: SequenceKind.List or SequenceKind.Tuple } y) => Repeat(run, y, Times(a)),
            ("%", string x, _) => PercentFormat.Apply(run, x, Markup.Bare(b)),
            ("+", Markup or string, Markup or string) => new Markup(Join(run, Markup.Of(run, a).Text, Markup.Of(run, b).Text)),
            ("*", Markup x, long or bool or BigInteger) => new Markup(Repeat(run, x.Text, Times(b))),
            ("*", long or bool or BigInteger, Markup y) => new Markup(Repeat(run, y.Text, Times(a))),
            ("%", Markup x, _) => new Markup(PercentFormat.Apply(run, x.Text, Markup.Safe(run, b))),
            _ => throw run.Fail((a as Undefined ?? b as Undefined)?.Why ?? $"'{symbol}' does not go with {TypeName.Of(a)} and {TypeName.Of(b)}{Remedy(symbol, a, b)}."),
        };
    }

    public static object Negated(Rendering run, object? value) => value switch
    {
        long or BigInteger => WholeNumbers.Plain(-Big(value)),
        double number => -number,
        bool flag => flag ? -1L : 0L,
        _ => throw run.Fail((value as Undefined)?.Why ?? $"'-' does not go with {TypeName.Of(value)}."),
    };

    private static long Times(object? count) => (long)BigInteger.Max(long.MinValue, BigInteger.Min(long.MaxValue, Big(count!)));

    private static string Remedy(string symbol, object? a, object? b) => symbol == "+" && (a is string or Markup || b is string or Markup) ? "; '~' joins anything as text" : "";

    private static object Numbers(Rendering run, string symbol, object a, object b)
    {
        if (symbol == "/") return Divide(run, Real(run, a), Real(run, b));
        if (a is double || b is double) return Floats(run, symbol, Real(run, a), Real(run, b));
        return WholeNumbers.Apply(run, symbol, a, b);
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

    private static double FloatModulo(double x, double y)
    {
        double rest = x % y;
        return rest != 0 && (rest < 0) != (y < 0) ? rest + y : rest;
    }

    public static double Power(Rendering run, double x, double y)
    {
        if (x == 0 && y < 0) throw run.Fail("Division by zero.");
        double power = Math.Pow(x, y);
        if (double.IsNaN(power) && !double.IsNaN(x) && !double.IsNaN(y)) throw run.Fail("A negative number to the power of a fraction is not a real number.");
        return double.IsFinite(power) || !double.IsFinite(x) || !double.IsFinite(y) ? power : throw run.Fail("A power is too large for a float.");
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
