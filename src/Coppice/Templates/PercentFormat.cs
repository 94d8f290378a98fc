using System.Globalization;
using System.Numerics;
using System.Text;

namespace Coppice.Templates;

/// <summary>"%s is %d" % values.</summary>
internal static class PercentFormat
{
    private const int WidestField = 10_000;

    public static string Apply(Rendering run, string format, object? values)
    {
        StringBuilder text = new();
        IReadOnlyList<object?> items = values is Sequence { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [values];
        int used = 0;
        for (int at = 0; at < format.Length; at++)
        {
            run.Step();
            if (format[at] != '%')
            {
                text.Append(format[at]);
                continue;
            }
            if (++at < format.Length && format[at] == '%')
            {
                text.Append('%');
                continue;
            }
            object? value = TryName(format, ref at, out string? name) ? Named(run, values, name) : Missing.Value;
            Field field = ReadField(run, format, ref at);
            if (value is Missing) value = used < items.Count ? items[used++] : throw run.Fail("The format needs more values than it gets.");
            run.Append(text, field.Show(run, value));
        }
        if (used < items.Count && values is not Map && !(used == 0 && values is Sequence { Kind: not SequenceKind.Tuple })) throw run.Fail("The format does not use all its values.");
        return text.ToString();
    }

    private static bool TryName(string format, ref int at, out string name)
    {
        name = "";
        int end = at < format.Length && format[at] == '(' ? format.IndexOf(')', at) : -1;
        if (end < 0) return false;
        name = format[(at + 1)..end];
        at = end + 1;
        return true;
    }

    private static object? Named(Rendering run, object? values, string name) =>
        values is Map map && map.TryGet(name, out object? value) ? value : throw run.Fail($"The format needs a value named '{name}'.");

    private static Field ReadField(Rendering run, string format, ref int at)
    {
        int start = at;
        while (at < format.Length && "-+ 0#".Contains(format[at], StringComparison.Ordinal)) at++;
        string flags = format[start..at];
        int width = ReadNumber(run, format, ref at) ?? 0;
        int? precision = null;
        if (at < format.Length && format[at] == '.')
        {
            at++;
            precision = ReadNumber(run, format, ref at) ?? 0;
        }
        if (at >= format.Length) throw run.Fail("The format ends inside a field.");
        return new Field(flags, width, precision, format[at]);
    }

    private static int? ReadNumber(Rendering run, string format, ref int at)
    {
        int start = at;
        while (at < format.Length && char.IsAsciiDigit(format[at])) at++;
        if (at == start) return null;
        return int.TryParse(format.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) && number <= WidestField
            ? number : throw run.Fail($"A field is at most {WidestField} wide.");
    }

    private sealed class Missing
    {
        public static readonly Missing Value = new();
    }

    private readonly record struct Field(string Flags, int Width, int? Precision, char Kind)
    {
        public string Show(Rendering run, object? value)
        {
            string text = Kind switch
            {
                's' => Cut(PythonText.Of(run, value)),
                'r' or 'a' => Cut(PythonText.Repr(run, value)),
                'd' or 'i' or 'u' => Signed(Whole(run, value).ToString(CultureInfo.InvariantCulture)),
                'x' => Signed(Hex(run, value)),
                'X' => Signed(Hex(run, value).ToUpperInvariant()),
                'f' or 'F' => Signed(Real(run, value).ToString("F" + (Precision ?? 6).ToString(CultureInfo.InvariantCulture), CultureInfo.InvariantCulture)),
                'e' or 'E' => Signed(Real(run, value).ToString("0." + new string('0', Precision ?? 6) + (Kind == 'e' ? "e+00" : "E+00"), CultureInfo.InvariantCulture)),
                'c' => value as string ?? char.ConvertFromUtf32((int)BigInteger.Max(0, BigInteger.Min(Whole(run, value), 0xD7FF))),
                _ => throw run.Fail($"The format does not know '%{Kind}'."),
            };
            int missing = Width - PythonText.Length(text);
            if (missing <= 0) return text;
            if (Flags.Contains('-', StringComparison.Ordinal)) return text + new string(' ', missing);
            if (!Flags.Contains('0', StringComparison.Ordinal) || Kind is 's' or 'r' or 'a' or 'c') return new string(' ', missing) + text;
            int sign = text[0] is '-' or '+' or ' ' ? 1 : 0;
            return text[..sign] + new string('0', missing) + text[sign..];
        }

        private string Cut(string text) => Precision is int most ? text[..PythonText.Place(text, most)] : text;

        private string Signed(string number) => number.StartsWith('-') ? number : Flags.Contains('+', StringComparison.Ordinal) ? "+" + number : Flags.Contains(' ', StringComparison.Ordinal) ? " " + number : number;

        private static string Hex(Rendering run, object? value)
        {
            BigInteger number = Whole(run, value);
            string digits = BigInteger.Abs(number).ToString("x", CultureInfo.InvariantCulture).TrimStart('0');
            return (number.Sign < 0 ? "-" : "") + (digits.Length > 0 ? digits : "0");
        }

        private static BigInteger Whole(Rendering run, object? value) => value switch
        {
            double number when double.IsFinite(number) => new BigInteger(Math.Truncate(number)),
            not double when Arithmetic.IsNumber(value) => Arithmetic.Big(value!),
            _ => throw run.Fail($"The format needs a number; it gets {TypeName.Of(value)}."),
        };

        private static double Real(Rendering run, object? value) => Arithmetic.IsNumber(value) ? Arithmetic.Double(value!) : throw run.Fail($"The format needs a number; it gets {TypeName.Of(value)}.");
    }
}
