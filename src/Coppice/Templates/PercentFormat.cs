using System.Globalization;
using System.Numerics;
using System.Text;

namespace Coppice.Templates;

/// <summary>"%s is %d" % values.</summary>
internal sealed class PercentFormat
{
    private const int MostDecimals = 10_000;

    private readonly Rendering _run;
    private readonly string _format;
    private readonly object? _values;
    private readonly IReadOnlyList<object?> _items;
    private int _at, _used;
    private bool _isNamed;

    private PercentFormat(Rendering run, string format, object? values)
    {
        (_run, _format, _values) = (run, format, values);
        _items = values is Sequence { Kind: SequenceKind.Tuple } tuple ? tuple.Items : [values];
    }

    public static string Apply(Rendering run, string format, object? values) => new PercentFormat(run, format, values).Fill();

    public static string Octal(BigInteger magnitude)
    {
        string bits = magnitude.ToString("b", CultureInfo.InvariantCulture).TrimStart('0');
        bits = bits.PadLeft((bits.Length + 2) / 3 * 3, '0');
        StringBuilder digits = new();
        for (int at = 0; at < bits.Length; at += 3) digits.Append((char)('0' + (bits[at] - '0') * 4 + (bits[at + 1] - '0') * 2 + bits[at + 2] - '0'));
        return digits.Length > 0 ? digits.ToString() : "0";
    }

    public static string Character(Rendering run, BigInteger code) =>
        code >= 0 && code <= 0x10FFFF ? code > 0xFFFF ? char.ConvertFromUtf32((int)code) : ((char)(int)code).ToString() : throw run.Fail($"There is no character {WholeNumbers.Shown(run, code)}.");

    private string Fill()
    {
        StringBuilder text = new();
        for (; _at < _format.Length; _at++)
        {
            _run.Step();
            if (_format[_at] != '%') text.Append(_format[_at]);
            else _run.Append(text, Field());
        }
        bool mayBeUnused = _isNamed || _values is Map or Undefined || (_used == 0 && _values is Sequence { Kind: not SequenceKind.Tuple });
        if (_used < _items.Count && !mayBeUnused) throw _run.Fail("The format does not use all its values.");
        return text.ToString();
    }

    private string Field()
    {
        _at++;
        bool isNamed = TryName(out object? named);
        int start = _at;
        while (_at < _format.Length && "-+ 0#".Contains(_format[_at], StringComparison.Ordinal)) _at++;
        string flags = _format[start.._at];
        int width = ReadNumber() ?? 0;
        if (width < 0) (flags, width) = (flags + "-", width == int.MinValue ? int.MaxValue : -width);
        int? precision = null;
        if (_at < _format.Length && _format[_at] == '.')
        {
            _at++;
            precision = Math.Max(0, ReadNumber() ?? 0);
        }
        while (_at < _format.Length && _format[_at] is 'h' or 'l' or 'L') _at++;
        if (_at >= _format.Length) throw _run.Fail("The format ends inside a field.");
        if (_format[_at] == '%') return "%";
        if (precision > MostDecimals && _format[_at] is not ('s' or 'r' or 'a')) throw _run.OverLimit($"A number has at most {MostDecimals} decimals; the format asks for {precision}.");
        _run.Characters(width);
        return Padded(Shown(_format[_at], isNamed ? named : Next(), flags, precision), flags, width, _format[_at]);
    }

    private bool TryName(out object? value)
    {
        value = null;
        if (_at >= _format.Length || _format[_at] != '(') return false;
        int end = _at;
        for (int depth = 0; ; end++)
        {
            if (end >= _format.Length) throw _run.Fail("A name in a format is not closed with ')'.");
            if (_format[end] == '(') depth++;
            else if (_format[end] == ')' && --depth == 0) break;
        }
        string name = _format[(_at + 1)..end];
        _at = end + 1;
        _isNamed = true;
        if (_values is not Map map || !map.TryGet(name, out value)) throw _run.Fail($"The format needs a value named '{(name.Length > 60 ? name[..60] + "…" : name)}'.");
        return true;
    }

    private object? Next() => _used < _items.Count ? _items[_used++] : throw _run.Fail("The format needs more values than it gets.");

    // A number, or a star: then the next value is it.
    private int? ReadNumber()
    {
        if (_at < _format.Length && _format[_at] == '*')
        {
            _at++;
            return Next() is long wide ? (int)Math.Clamp(wide, int.MinValue, int.MaxValue) : throw _run.Fail("'*' in a format needs a whole number.");
        }
        int start = _at;
        while (_at < _format.Length && char.IsAsciiDigit(_format[_at])) _at++;
        if (_at == start) return null;
        return int.TryParse(_format.AsSpan(start, _at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw _run.OverLimit("A field of a format is too wide.");
    }

    private string Shown(char kind, object? value, string flags, int? precision)
    {
        bool isAlternate = flags.Contains('#', StringComparison.Ordinal);
        switch (kind)
        {
            case 's': return Cut(PythonText.Of(_run, value), precision);
            case 'r': return Cut(PythonText.Repr(_run, value), precision);
            case 'a': return Cut(PythonText.Ascii(PythonText.Repr(_run, value)), precision);
            case 'c': return Markup.Bare(value) is string one ? PythonText.Length(one) == 1 ? one : throw _run.Fail("'%c' needs one character.") : Character(_run, Whole(value, mayBeFloat: false));
            case 'd' or 'i' or 'u': return Digits(Whole(value, mayBeFloat: true), "", n => WholeNumbers.Shown(_run, n));
            case 'x': return Digits(Whole(value, mayBeFloat: false), isAlternate ? "0x" : "", n => Hex(n, "x"));
            case 'X': return Digits(Whole(value, mayBeFloat: false), isAlternate ? "0X" : "", n => Hex(n, "X"));
            case 'o': return Digits(Whole(value, mayBeFloat: false), isAlternate ? "0o" : "", Octal);
            case 'e' or 'E' or 'f' or 'F' or 'g' or 'G':
                double real = Real(value);
                _run.Work(precision ?? 0);
                return Sign(double.IsNegative(real) && !double.IsNaN(real), flags) + FloatText.Of(Math.Abs(real), kind, precision ?? 6, isAlternate);
            default: throw _run.Fail($"The format does not know '%{kind}'.");
        }

        string Digits(BigInteger number, string prefix, Func<BigInteger, string> write) =>
            Sign(number.Sign < 0, flags) + prefix + write(BigInteger.Abs(number)).PadLeft(precision ?? 0, '0');
    }

    private static string Sign(bool isNegative, string flags) => isNegative ? "-" : flags.Contains('+', StringComparison.Ordinal) ? "+" : flags.Contains(' ', StringComparison.Ordinal) ? " " : "";

    private static string Padded(string text, string flags, int width, char kind)
    {
        int missing = width - PythonText.Length(text);
        if (missing <= 0) return text;
        if (flags.Contains('-', StringComparison.Ordinal)) return text + new string(' ', missing);
        if (!flags.Contains('0', StringComparison.Ordinal) || kind is 's' or 'r' or 'a' or 'c') return new string(' ', missing) + text;
        int head = text[0] is '-' or '+' or ' ' ? 1 : 0;
        if (flags.Contains('#', StringComparison.Ordinal) && kind is 'x' or 'X' or 'o') head += 2;
        return text[..head] + new string('0', missing) + text[head..];
    }

    private static string Cut(string text, int? precision) => precision is int most ? text[..PythonText.Place(text, most)] : text;

    private static string Hex(BigInteger magnitude, string format) => magnitude.ToString(format, CultureInfo.InvariantCulture).TrimStart('0') is { Length: > 0 } digits ? digits : "0";

    private BigInteger Whole(object? value, bool mayBeFloat) => value switch
    {
        double number when mayBeFloat && double.IsFinite(number) => new BigInteger(Math.Truncate(number)),
        not double when Arithmetic.IsNumber(value) => Arithmetic.Big(value!),
        _ => throw _run.Fail($"The format needs a whole number; it gets {TypeName.Of(value)}."),
    };

    private double Real(object? value) => value is BigInteger number ? WholeNumbers.Real(_run, number) : Arithmetic.IsNumber(value) ? Arithmetic.Double(value!) : throw _run.Fail($"The format needs a number; it gets {TypeName.Of(value)}.");
}
