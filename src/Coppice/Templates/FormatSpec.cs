using System.Globalization;
using System.Numerics;

namespace Coppice.Templates;

/// <summary>What stands behind the colon of a field of str.format: [[fill]align][sign][z][#][0][width][grouping][.precision][type].</summary>
internal readonly record struct FormatSpec
{
    private const int MostDecimals = 10_000;

    /// <summary>Pads; null: the usual.</summary>
    private string? Fill { get; init; }

    /// <summary>'&lt;', '&gt;', '^' or '='; ' ': the usual.</summary>
    private char Align { get; init; }

    private char Sign { get; init; }

    /// <summary>0x before hexadecimal digits, a point after floats in any case.</summary>
    private bool IsAlternate { get; init; }

    private bool HasZero { get; init; }

    private int Width { get; init; }

    /// <summary>',' or '_' between groups of digits; '\0': none.</summary>
    private char Grouping { get; init; }

    private int? Precision { get; init; }

    /// <summary>'\0': none is given.</summary>
    private char Kind { get; init; }

    /// <summary>format(value, spec).</summary>
    public static string Apply(Rendering run, object? value, string spec)
    {
        if (spec.Length == 0) return PythonText.Of(run, value);
        FormatSpec read = Parse(run, spec);
        return Markup.Bare(value) switch
        {
            string text => read.Show(run, text),
            bool flag => read.Show(run, flag ? BigInteger.One : BigInteger.Zero),
            long number => read.Show(run, (BigInteger)number),
            BigInteger number => read.Show(run, number),
            double number => read.Show(run, number),
            _ => throw run.Fail($"{TypeName.Of(value)} has no format '{spec}'; put '| string' before it."),
        };
    }

    private static FormatSpec Parse(Rendering run, string spec)
    {
        int at = 0;
        (string? fill, char align) = (null, ' ');
        int afterFill = PythonText.Next(spec, 0);
        if (afterFill < spec.Length && IsAlign(spec[afterFill])) (fill, align, at) = (spec[..afterFill], spec[afterFill], afterFill + 1);
        else if (IsAlign(spec[0])) (align, at) = (spec[0], 1);
        char sign = At(at) is '+' or '-' or ' ' ? spec[at++] : '-';
        if (At(at) == 'z') at++;
        bool isAlternate = At(at) == '#';
        if (isAlternate) at++;
        bool hasZero = At(at) == '0';
        if (hasZero) at++;
        int width = ReadNumber(run, spec, ref at) ?? 0;
        char grouping = At(at) is ',' or '_' ? spec[at++] : '\0';
        int? precision = null;
        if (At(at) == '.')
        {
            at++;
            precision = ReadNumber(run, spec, ref at) ?? throw run.Fail($"The format '{spec}' has a point without a number after it.");
        }
        char kind = at < spec.Length ? spec[at++] : '\0';
        if (at < spec.Length) throw run.Fail($"'{spec}' is not a format.");
        return new FormatSpec { Fill = fill, Align = align, Sign = sign, IsAlternate = isAlternate, HasZero = hasZero, Width = width, Grouping = grouping, Precision = precision, Kind = kind };

        char At(int place) => place < spec.Length ? spec[place] : '\0';

        static bool IsAlign(char c) => c is '<' or '>' or '^' or '=';
    }

    private static int? ReadNumber(Rendering run, string spec, ref int at)
    {
        int start = at;
        while (at < spec.Length && char.IsAsciiDigit(spec[at])) at++;
        if (at == start) return null;
        return int.TryParse(spec.AsSpan(start, at - start), NumberStyles.None, CultureInfo.InvariantCulture, out int number) ? number : throw run.OverLimit($"The format '{spec[..Math.Min(spec.Length, 60)]}' is too wide.");
    }

    private string Show(Rendering run, string text)
    {
        if (Kind is not ('\0' or 's') || Sign != '-' || Grouping != '\0' || IsAlternate || Align == '=') throw Wrong(run, "a text");
        if (Precision is int most) text = text[..PythonText.Place(text, most)];
        return Padded(run, text, '<');
    }

    private string Show(Rendering run, BigInteger number)
    {
        if (Kind is 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or '%') return Show(run, WholeNumbers.Real(run, number));
        if (Precision is not null) throw Wrong(run, "a whole number");
        BigInteger magnitude = BigInteger.Abs(number);
        (string prefix, string digits) = Kind switch
        {
            '\0' or 'd' or 'n' => ("", WholeNumbers.Shown(run, magnitude)),
            'x' => ("0x", Radix(magnitude, "x")),
            'X' => ("0X", Radix(magnitude, "X")),
            'b' => ("0b", Radix(magnitude, "b")),
            'o' => ("0o", PercentFormat.Octal(magnitude)),
            'c' when number >= 0 && number <= 0x10FFFF && Grouping == '\0' => ("", PercentFormat.Character(run, number)),
            _ => throw Wrong(run, "a whole number"),
        };
        if (Kind == 'c') return Padded(run, digits, '<');
        return Number(run, number.Sign < 0, IsAlternate ? prefix : "", digits, "", Kind is 'x' or 'X' or 'b' or 'o' ? 4 : 3);
    }

    private string Show(Rendering run, double number)
    {
        if (Kind is not ('\0' or 'e' or 'E' or 'f' or 'F' or 'g' or 'G' or 'n' or '%')) throw Wrong(run, "a float");
        int decimals = Precision ?? 6;
        if (decimals > MostDecimals) throw run.OverLimit($"A number has at most {MostDecimals} decimals; the format asks for {decimals}.");
        run.Work(decimals);
        string text = FloatText.Of(Math.Abs(number), Kind, Precision, IsAlternate);
        int end = text.AsSpan().IndexOfAnyExceptInRange('0', '9');
        if (end < 0) end = text.Length;
        return Number(run, double.IsNegative(number) && !double.IsNaN(number), "", text[..end], text[end..], 3);
    }

    // Sign, prefix, grouped digits and what follows them; zeros go between sign and digits, and are grouped, too.
    private string Number(Rendering run, bool isNegative, string prefix, string digits, string rest, int groupSize)
    {
        string head = (isNegative ? "-" : Sign == '-' ? "" : Sign.ToString()) + prefix;
        bool isZeroPadded = HasZero && Align == ' ' && Fill is null;
        run.Characters(Width);
        if (Grouping != '\0' && digits.Length > 0)
        {
            int wanted = isZeroPadded || (Align == '=' && Fill == "0") ? Width - head.Length - rest.Length : 0;
            // As few zeros as fill the width; a separator does not come first, so it may be one more.
            int count = Math.Max(digits.Length, wanted - wanted / groupSize);
            while (count + (count - 1) / groupSize < wanted) count++;
            digits = Grouped(digits.PadLeft(count, '0'), groupSize);
        }
        string text = head + digits + rest;
        return isZeroPadded || Align == '='
            ? head + Repeated(Fill ?? (HasZero ? "0" : " "), Width - PythonText.Length(text)) + digits + rest
            : Padded(run, text, '>');
    }

    private string Grouped(string digits, int size)
    {
        if (digits.Length <= size) return digits;
        int first = (digits.Length - 1) % size + 1;
        System.Text.StringBuilder text = new(digits[..first]);
        for (int at = first; at < digits.Length; at += size) text.Append(Grouping).Append(digits, at, size);
        return text.ToString();
    }

    private string Padded(Rendering run, string text, char usual)
    {
        run.Characters(Width);
        int missing = Width - PythonText.Length(text);
        if (missing <= 0) return text;
        string fill = Fill ?? (HasZero ? "0" : " ");
        int left = (Align == ' ' ? usual : Align) switch { '<' => 0, '^' => missing / 2, _ => missing };
        return Repeated(fill, left) + text + Repeated(fill, missing - left);
    }

    private static string Repeated(string fill, int times) => times <= 0 ? "" : fill.Length == 1 ? new string(fill[0], times) : new System.Text.StringBuilder().Insert(0, fill, times).ToString();

    private static string Radix(BigInteger magnitude, string format) => magnitude.ToString(format, CultureInfo.InvariantCulture).TrimStart('0') is { Length: > 0 } digits ? digits : "0";

    private ChatTemplateException Wrong(Rendering run, string what) => run.Fail($"The format{(Kind == '\0' ? "" : $" '{Kind}'")} with what stands before it does not go with {what}.");
}

/// <summary>Magnitudes of floats as text.</summary>
internal static class FloatText
{
    /// <param name="number">Not negative.</param>
    /// <param name="kind">e, f, g and their capitals, %, or '\0': the shortest text that reads back.</param>
    /// <param name="precision">Digits; null: the usual.</param>
    /// <param name="isAlternate">Keeps the point and, in g, the zeros at the end.</param>
    public static string Of(double number, char kind, int? precision, bool isAlternate)
    {
        if (!double.IsFinite(number)) return (double.IsNaN(number) ? "nan" : "inf") + (kind == '%' ? "%" : "") is var shown && char.IsAsciiLetterUpper(kind) ? shown.ToUpperInvariant() : shown;
        int digits = precision ?? 6;
        return kind switch
        {
            '\0' when precision is null => PythonNumber.Shown(number),
            '\0' => General(number, digits, 'e', isAlternate, hasPoint: true),
            'f' or 'F' => PythonNumber.Fixed(number, digits) + (isAlternate && digits == 0 ? "." : ""),
            '%' => PythonNumber.Fixed(number * 100, digits) + (isAlternate && digits == 0 ? ".%" : "%"),
            'e' or 'E' => Scientific(PythonNumber.Exponential(number, digits), kind, isAlternate),
            _ => General(number, digits, kind == 'G' ? 'E' : 'e', isAlternate, hasPoint: false),
        };
    }

    private static string General(double number, int precision, char mark, bool isAlternate, bool hasPoint)
    {
        precision = Math.Max(precision, 1);
        (string digits, int exponent) = PythonNumber.Exponential(number, precision - 1);
        if (exponent < -4 || exponent >= (hasPoint ? precision - 1 : precision))
            return Scientific((isAlternate ? digits : digits[0] + digits[1..].TrimEnd('0'), exponent), mark, isAlternate);
        string text = PythonNumber.Fixed(number, precision - 1 - exponent);
        if (!isAlternate && text.Contains('.', StringComparison.Ordinal)) text = text.TrimEnd('0').TrimEnd('.');
        if (isAlternate && !text.Contains('.', StringComparison.Ordinal)) text += ".";
        return hasPoint && !text.Contains('.', StringComparison.Ordinal) ? text + ".0" : text;
    }

    private static string Scientific((string Digits, int Exponent) parts, char mark, bool isAlternate) =>
        $"{parts.Digits[0]}{(parts.Digits.Length > 1 || isAlternate ? "." : "")}{parts.Digits[1..]}{mark}{(parts.Exponent < 0 ? '-' : '+')}{Math.Abs(parts.Exponent).ToString("00", CultureInfo.InvariantCulture)}";
}
