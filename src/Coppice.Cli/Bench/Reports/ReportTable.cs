using System.Globalization;
using Spectre.Console;

namespace Coppice.Cli.Bench.Reports;

/// <summary>One column of a table.</summary>
/// <param name="Header">With its unit.</param>
/// <param name="Text">The cell.</param>
/// <param name="IsNumber">Set right-aligned.</param>
internal sealed record Column(string Header, Func<BenchRow, string> Text, bool IsNumber = true)
{
    public static Column Case(string header) => new(header, row => row.Case, IsNumber: false);

    public static Column Variant(string header) => new(header, row => row.Variant, IsNumber: false);

    /// <summary>A size or figure as it is; empty where a row has none.</summary>
    public static Column Of(string name, string? header = null, double scale = 1, string format = "0.##") => new(header ?? name, row =>
        double.IsFinite(row[name]) ? Number(row[name] * scale, format) : "");

    public static Column Percent(string name, string header) => Of(name, header, 100, "0'%'");

    /// <summary>Median time and, behind it, the range.</summary>
    public static Column Milliseconds { get; } = new("ms (min..max)", row =>
        $"{Time(row.Seconds.Median)} ({Time(row.Seconds.Min)}..{Time(row.Seconds.Max)})");

    private static string Time(double seconds) => Number(seconds * 1e3, seconds >= 0.1 ? "0" : seconds >= 1e-3 ? "0.00" : "0.0000");

    private static string Number(double value, string format) => value.ToString(format, CultureInfo.InvariantCulture);
}

/// <summary>A report for people.</summary>
internal static class ReportTable
{
    // Wide enough that no row wraps where the output goes to a file.
    private const int FileColumns = 240;

    public static void Write(BenchReport report, IReadOnlyList<Column> columns, TextWriter output, int? terminalColumns)
    {
        output.WriteLine(report.Command);
        output.WriteLine(report.Machine.Describe(report.Threads));
        output.WriteLine();
        IAnsiConsole console = AnsiConsole.Create(new AnsiConsoleSettings { Ansi = AnsiSupport.No, ColorSystem = ColorSystemSupport.NoColors, Out = new AnsiConsoleOutput(output) });
        console.Profile.Width = Math.Max(80, terminalColumns ?? FileColumns);
        Spectre.Console.Table table = new Spectre.Console.Table().Border(TableBorder.Simple);
        foreach (Column column in columns)
        {
            TableColumn header = new TableColumn(Markup.Escape(column.Header)) { NoWrap = terminalColumns is null };
            table.AddColumn(column.IsNumber ? header.RightAligned() : header);
        }
        foreach (BenchRow row in report.Rows) table.AddRow([.. columns.Select(column => Markup.Escape(column.Text(row)))]);
        console.Write(table);
        foreach (string note in report.Notes) output.WriteLine(note);
    }
}
