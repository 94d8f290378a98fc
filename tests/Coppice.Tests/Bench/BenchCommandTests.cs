using System.CommandLine;
using System.Xml.Linq;
using Coppice.Cli.Bench;
using Coppice.Cli.Bench.Reports;

namespace Coppice.Tests.Bench;

public sealed class BenchCommandTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-bench-").FullName;

    public static TheoryData<string, int> Tiny => new()
    {
        { "machine", 4 },
        { "linear --shape tiny --rows 1,3 --weights f32,bf16,q8_0,native-bf16,native-f16", 50 },
        { "linear --shape tiny --rows 1 --weights q4_0,iq4_nl,q5_1", 4 },
        { "attention --rows 1,4 --prefix 0,70 --suffix 3 --heads 4/2/16 --kv f32,bf16", 32 },
        { "attention --preset hydragen --rows 2 --prefix 64 --suffix 1,20", 8 },
        { "attention --preset cascade --rows 2 --prefix 64,128 --heads 2/1/16 --mode tree", 4 },
        { "attention --preset bifurcated --rows 2 --prefix 64 --heads 2/2/16", 4 },
        { "tree --tree 1,2,4/8,80,3;1,2,4/16 --heads 4/2/16,2/1/8", 16 },
        { "sparq --length 40,300 --rows 1,3 --heads 4/4/16,4/2/16 --compression 4 --kv f32,bf16", 48 },
        { "decode --shape tiny --prefix 0,40 --batch 1,3 --new 2 --mode per-sequence,bifurcated,tree,auto,none", 20 },
        { "decode --shape tiny --prefix 600 --batch 3 --new 2 --mode per-sequence,sparq,sparq-group,none", 4 },
        { "prefill --shape tiny --prefix 20 --batch 2 --prompt 600 --kv bf16 --weights f32,bf16,q8_0", 9 },
        { "decode --model {sample} --prefix 20 --batch 2 --new 1", 3 },
    };

    [Theory, MemberData(nameof(Tiny))]
    public async Task Every_verb_measures_finite_times_and_writes_what_was_asked_for(string verb, int leastRows)
    {
        string json = Path.Combine(_folder, "report.json"), plot = Path.Combine(_folder, "plot.svg");
        string sample = Path.Combine(AppContext.BaseDirectory, "models", "sample");
        (int code, string output, string error) = await Run([.. verb.Split(' ').Select(word => word == "{sample}" ? sample : word), "--seconds", "1", "--repeat", "2", "--buffer", "8", "--threads", "2", "--json", json, "--plot", plot]);

        Assert.True(code == 0, error);
        BenchReport report = BenchReport.FromJson(await File.ReadAllTextAsync(json));
        Assert.StartsWith($"coppice bench {verb.Split(' ')[0]}", report.Command, StringComparison.Ordinal);
        Assert.Equal(verb.Split(' ')[0], report.Verb);
        Assert.True(report.Rows.Count >= leastRows, $"{report.Rows.Count} rows.");
        Assert.All(report.Rows, row => Assert.True(row.Seconds is { Min: > 0, Count: > 0 } && double.IsFinite(row.Seconds.Max) && row.Seconds.Min <= row.Seconds.Median && row.Seconds.Median <= row.Seconds.Max, $"{row}"));
        Assert.All(report.Rows.SelectMany(row => row.Figures.Values), figure => Assert.True(double.IsFinite(figure)));
        Assert.NotEmpty(XElement.Parse(await File.ReadAllTextAsync(plot)).Descendants("{http://www.w3.org/2000/svg}polyline"));
        Assert.Contains(report.Machine.Cpu, output, StringComparison.Ordinal);
        Assert.StartsWith("[1/", error, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("linear --rows 1,x", "--rows")]
    [InlineData("linear --rows 0", "--rows")]
    [InlineData("linear --shape gpt5", "--shape")]
    [InlineData("linear --weights q9", "--weights")]
    [InlineData("attention --heads 7/2/64", "--heads")]
    [InlineData("attention --preset nothing", "--preset")]
    [InlineData("attention --suffix 0", "--suffix")]
    [InlineData("attention --kv f64", "--kv")]
    [InlineData("tree --tree 1,2,4/3,4", "--tree")]
    [InlineData("tree --tree 2,3/4,4", "--tree")]
    [InlineData("sparq --compression 3", "--compression")]
    [InlineData("decode --shape none", "--shape")]
    [InlineData("decode --batch 1;2", "--batch")]
    [InlineData("prefill --mode sparq", "--mode")]
    [InlineData("machine --threads 0", "--threads")]
    [InlineData("machine --seconds many", "--seconds")]
    [InlineData("decode --model /nowhere/at/all", "/nowhere/at/all")]
    [InlineData("decode --model /nowhere --shape small", "--shape")]
    [InlineData("machine --json /nowhere/at/all/x.json", "/nowhere/at/all")]
    public async Task A_wrong_argument_gives_one_line_that_names_it(string arguments, string named)
    {
        (int code, _, string error) = await Run(arguments.Split(' '));
        Assert.NotEqual(0, code);
        string line = Assert.Single(error.Split('\n', StringSplitOptions.RemoveEmptyEntries | StringSplitOptions.TrimEntries));
        Assert.Contains(named, line, StringComparison.Ordinal);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    private static async Task<(int Code, string Output, string Error)> Run(string[] arguments)
    {
        ParseResult parsed = new RootCommand("test") { BenchCommand.Create() }.Parse([BenchCommand.Name, .. arguments]);
        if (parsed.Errors.Count > 0) return (2, "", string.Join('\n', parsed.Errors.Select(error => error.Message)));
        using StringWriter output = new(), error = new();
        int code = await parsed.InvokeAsync(new InvocationConfiguration { Output = output, Error = error });
        return (code, output.ToString(), error.ToString());
    }
}
