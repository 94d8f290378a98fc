using System.Text.Json;
using Coppice.Cli.Bench.Machine;
using Coppice.Cli.Bench.Measuring;
using Coppice.Cli.Bench.Reports;
using Coppice.Kernels.Attention;

namespace Coppice.Tests.Bench;

public sealed class ReportTests
{
    [Fact]
    public void A_report_comes_back_from_json_as_it_was()
    {
        BenchReport report = Report();
        string json = report.ToJson();
        BenchReport back = BenchReport.FromJson(json);
        Assert.Equal(json, back.ToJson());
        Assert.Equal(report.Command, back.Command);
        Assert.Equal(report.Machine.Cpu, back.Machine.Cpu);
        Assert.Equal(report.Rows[0].Seconds, back.Rows[0].Seconds);
        Assert.Equal(64, back.Rows[0]["M"]);
        Assert.Equal(1.5, back.Rows[0]["speedup"]);
    }

    [Fact]
    public void A_field_of_another_schema_is_refused() =>
        Assert.Throws<JsonException>(() => BenchReport.FromJson(Report().ToJson().Replace("\"verb\"", "\"verbs\"", StringComparison.Ordinal)));

    [Fact]
    public void Numbers_that_are_not_finite_are_left_out() => Assert.Equal(["a"], Named.Numbers(("a", 1), ("b", double.NaN), ("c", double.PositiveInfinity)).Keys);

    [Fact]
    public void A_table_names_command_and_machine_and_has_a_line_for_every_row()
    {
        using StringWriter output = new();
        BenchReport report = Report();
        ReportTable.Write(report, [Column.Case("layer"), Column.Of("M"), Column.Percent("share", "of peak"), Column.Of("nothing"), Column.Milliseconds], output, terminalColumns: null);
        string text = output.ToString();
        Assert.Contains(report.Command, text, StringComparison.Ordinal);
        Assert.Contains(report.Machine.Cpu, text, StringComparison.Ordinal);
        Assert.Contains("[brackets] are no markup", text, StringComparison.Ordinal);
        Assert.Contains("64", text, StringComparison.Ordinal);
        Assert.Contains("73%", text, StringComparison.Ordinal);
        Assert.Contains("2.00 (1.00..3.00)", text, StringComparison.Ordinal);
        Assert.Contains("A note.", text, StringComparison.Ordinal);
    }

    [Fact]
    public void The_machine_says_what_it_is()
    {
        MachineInfo machine = MachineInfo.Read();
        Assert.NotEmpty(machine.Cpu);
        Assert.InRange(machine.MemoryBytes, 1L << 26, 1L << 50);
        Assert.InRange(machine.LastCacheBytes, 1L << 16, 1L << 40);
        Assert.Equal(6, machine.DotProducts.Count);
        Assert.Contains(Bf16Fold.Note, machine.Describe(2), StringComparison.Ordinal);
    }

    [Fact]
    public void Fields_of_a_processor_end_at_the_next_one()
    {
        string file = Path.GetTempFileName();
        File.WriteAllText(file, "processor\t: 0\nmodel name\t: A CPU: two\nflags\t\t: fma avx2\n\nprocessor\t: 1\nextra\t: x\n");
        IReadOnlyDictionary<string, string> fields = MachineInfo.CpuFields(file);
        File.Delete(file);
        Assert.Equal("A CPU: two", fields["model name"]);
        Assert.Equal("0", fields["processor"]);
        Assert.DoesNotContain("extra", fields.Keys);
    }

    private static BenchReport Report() => new()
    {
        Verb = "linear",
        Command = "coppice bench linear --rows 64",
        Version = "1",
        Started = new DateTimeOffset(2026, 1, 2, 3, 4, 5, TimeSpan.Zero),
        Machine = MachineInfo.Read(),
        Threads = 2,
        Notes = ["A note."],
        Rows = [new BenchRow("[brackets] are no markup", "M=64", Named.Numbers(("M", 64)), Spread.Of([0.001, 0.002, 0.003]), Named.Numbers(("speedup", 1.5), ("share", 0.73)))],
    };
}
