namespace Coppice.Cli;

/// <summary>Rows of label and value, aligned: what Spectre draws on a terminal reads as well in a log.</summary>
internal static class Table
{
    public static void Write(TextWriter output, IReadOnlyList<(string Label, string Value)> rows)
    {
        int width = rows.Max(row => row.Label.Length);
        foreach ((string label, string value) in rows) output.WriteLine($"{label.PadRight(width)}  {value}");
    }
}
