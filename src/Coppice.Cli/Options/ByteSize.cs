using System.Globalization;

namespace Coppice.Cli.Options;

/// <summary>Sizes as people write them.</summary>
internal static class ByteSize
{
    // Longest first: "MiB" ends in "B" too. A bare K, M, G or T is binary, as memory is counted.
    private static readonly (string Unit, long Bytes)[] s_units =
    [
        ("KiB", 1L << 10), ("MiB", 1L << 20), ("GiB", 1L << 30), ("TiB", 1L << 40),
        ("KB", 1_000), ("MB", 1_000_000), ("GB", 1_000_000_000), ("TB", 1_000_000_000_000),
        ("K", 1L << 10), ("M", 1L << 20), ("G", 1L << 30), ("T", 1L << 40), ("B", 1),
    ];

    /// <summary>Reads "2GiB", "1.5 GB", "4096". Only sizes above zero.</summary>
    public static bool TryParse(string text, out long bytes)
    {
        ReadOnlySpan<char> number = text.AsSpan().Trim();
        long unitBytes = 1;
        foreach ((string unit, long size) in s_units)
        {
            if (!number.EndsWith(unit, StringComparison.OrdinalIgnoreCase)) continue;
            number = number[..^unit.Length].TrimEnd();
            unitBytes = size;
            break;
        }
        bytes = 0;
        if (!decimal.TryParse(number, NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out decimal value)) return false;
        if (value <= 0 || value > long.MaxValue / unitBytes) return false;
        bytes = (long)(value * unitBytes);
        return bytes > 0;
    }

    /// <summary>Three digits and a binary unit: "1.50 GiB".</summary>
    public static string Format(double bytes)
    {
        string[] units = ["B", "KiB", "MiB", "GiB", "TiB", "PiB"];
        int unit = 0;
        while (bytes >= 999.5 && unit < units.Length - 1)
        {
            bytes /= 1024;
            unit++;
        }
        string number = unit == 0 || bytes >= 99.95 ? bytes.ToString("0", CultureInfo.InvariantCulture)
            : bytes >= 9.995 ? bytes.ToString("0.0", CultureInfo.InvariantCulture)
            : bytes.ToString("0.00", CultureInfo.InvariantCulture);
        return $"{number} {units[unit]}";
    }
}
