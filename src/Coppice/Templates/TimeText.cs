using System.Globalization;
using System.Text;

namespace Coppice.Templates;

/// <summary>strftime in the C locale.</summary>
internal static class TimeText
{
    public static string Format(Rendering run, string format, DateTimeOffset time)
    {
        run.Characters(format.Length);
        StringBuilder text = new();
        for (int at = 0; at < format.Length; at++)
        {
            if (format[at] != '%' || at + 1 == format.Length)
            {
                text.Append(format[at]);
                continue;
            }
            char code = format[++at];
            // %-d: without padding.
            bool isPlain = code == '-' && at + 1 < format.Length;
            if (isPlain) code = format[++at];
            string part = Part(run, code, time);
            if (isPlain && part.Length > 1) part = part.TrimStart('0', ' ') is { Length: > 0 } digits ? digits : "0";
            run.Append(text, part);
        }
        return text.ToString();
    }

    private static string Part(Rendering run, char code, DateTimeOffset time)
    {
        return code switch
        {
            'a' => Shown("ddd"),
            'A' => Shown("dddd"),
            'b' or 'h' => Shown("MMM"),
            'B' => Shown("MMMM"),
            'c' => $"{Shown("ddd MMM")} {time.Day,2} {Shown("HH:mm:ss yyyy")}",
            'C' => Two(time.Year / 100),
            'd' => Shown("dd"),
            'D' or 'x' => Shown("MM/dd/yy"),
            'e' => $"{time.Day,2}",
            'f' => Shown("ffffff"),
            'F' => Shown("yyyy-MM-dd"),
            'G' => ISOWeek.GetYear(time.DateTime).ToString("0000", CultureInfo.InvariantCulture),
            'H' => Shown("HH"),
            'I' => Shown("hh"),
            'j' => time.DayOfYear.ToString("000", CultureInfo.InvariantCulture),
            'm' => Shown("MM"),
            'M' => Shown("mm"),
            'n' => "\n",
            'p' => time.Hour < 12 ? "AM" : "PM",
            'r' => $"{Shown("hh:mm:ss")} {(time.Hour < 12 ? "AM" : "PM")}",
            'R' => Shown("HH:mm"),
            's' => time.ToUnixTimeSeconds().ToString(CultureInfo.InvariantCulture),
            'S' => Shown("ss"),
            't' => "\t",
            'T' or 'X' => Shown("HH:mm:ss"),
            'u' => ((int)time.DayOfWeek == 0 ? 7 : (int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'U' => Two((time.DayOfYear + 6 - (int)time.DayOfWeek) / 7),
            'V' => Two(ISOWeek.GetWeekOfYear(time.DateTime)),
            'w' => ((int)time.DayOfWeek).ToString(CultureInfo.InvariantCulture),
            'W' => Two((time.DayOfYear + 6 - ((int)time.DayOfWeek + 6) % 7) / 7),
            'y' => Shown("yy"),
            'Y' => Shown("yyyy"),
            'z' or 'Z' => "",   // the time is one without a zone, as transformers' is
            '%' => "%",
            _ => throw run.Fail($"strftime_now does not know '%{code}'."),
        };

        string Shown(string format) => time.ToString(format, CultureInfo.InvariantCulture);

        static string Two(int number) => number.ToString("00", CultureInfo.InvariantCulture);
    }
}
