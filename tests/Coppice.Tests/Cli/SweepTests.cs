using System.Text.Json;
using System.Xml.Linq;
using Coppice.Cli;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Eval.Sweeps;

namespace Coppice.Tests.Cli;

public sealed class SweepTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_sweep_asks_the_same_of_every_setting_and_measures_what_each_read()
    {
        string text = _tool.File("text.txt", Enumerable.Range(0, 200).Select(i => $"The house of Ada is in Vienna and number {i} is on the door."));
        string[] command = ["eval", "sweep", "-o", _tool.Path("sweep"), "--text", text, "--length", "200", "--samples", "4", "--tasks", "needle,bpc", "--methods", "sparq,lm-infinite,top-k", "--compressions", "2,8", "--max-batch", "8"];
        string error = await RealAsync(0, command);
        Assert.Contains("needle, sparq 8", error, StringComparison.Ordinal);
        string report = File.ReadAllText(_tool.Path("sweep.json"));
        JsonElement[] tasks = Tasks(report);
        Assert.Equal(["needle", "bpc"], tasks.Select(task => task.GetProperty("task").GetString()));
        foreach (JsonElement task in tasks)
        {
            JsonElement[] points = [.. task.GetProperty("points").EnumerateArray()];
            Assert.Equal(["exact 1", "sparq 2", "sparq 8", "lm-infinite 2", "lm-infinite 8", "top-k 2", "top-k 8"], points.Select(point => $"{point.GetProperty("method").GetString()} {point.GetProperty("times").GetInt32()}"));
            double[] compressions = [.. points.Select(point => point.GetProperty("compression").GetDouble())];
            Assert.Equal(1, compressions[0]);
            Assert.InRange(compressions[1], 1.7, 2.6);
            Assert.InRange(compressions[2], 5.5, 11);
            Assert.InRange(compressions[3], 1.7, 2.6);
            // All keys are read to choose, so it never gets to two.
            Assert.InRange(compressions[5], 1.05, 1.7);
            Assert.InRange(compressions[6], compressions[5] + 0.1, 2);
            Assert.Equal(0, points[0].GetProperty("difference").GetProperty("mean").GetDouble());
            foreach (JsonElement point in points[1..])
            {
                // Question and answer were approximated, in every row of them.
                Assert.True(point.GetProperty("sparse_rows").GetInt64() > 4 * 12);
                Assert.Equal(0, point.GetProperty("exact_rows").GetInt64());
                Assert.Equal(point.GetProperty("result").GetProperty("mean").GetDouble() - points[0].GetProperty("result").GetProperty("mean").GetDouble(), point.GetProperty("difference").GetProperty("mean").GetDouble(), 9);
            }
        }

        XDocument plot = XDocument.Load(_tool.Path("sweep.svg"));
        Assert.Contains("exact attention", plot.ToString(), StringComparison.Ordinal);
        Assert.Contains("bits per character", plot.ToString(), StringComparison.Ordinal);

        // A run cut off anywhere goes on, and comes to the same.
        string[] lines = File.ReadAllLines(_tool.Path("sweep.jsonl"));
        Assert.Equal(7 * 2, lines.Length);
        File.WriteAllText(_tool.Path("sweep.jsonl"), string.Join('\n', lines[..9]) + "\n" + lines[9][..50]);
        await RealAsync(0, [.. command, "--resume", "--quiet"]);
        Assert.Equal(lines, File.ReadAllLines(_tool.Path("sweep.jsonl")));
        Assert.Equal(tasks.Select(task => task.GetRawText()), Tasks(File.ReadAllText(_tool.Path("sweep.json"))).Select(task => task.GetRawText()));
        Assert.Contains("does not ask for", await RealAsync(2, [.. command, "--resume", "--task-seed", "2"]), StringComparison.Ordinal);

        static JsonElement[] Tasks(string json) => [.. JsonDocument.Parse(json).RootElement.GetProperty("tasks").EnumerateArray()];
    }

    [Theory]
    [InlineData("--text is missing", "--tasks", "bpc")]
    [InlineData("--attention is what a sweep varies", "--tasks", "needle", "--attention", "sparq")]
    [InlineData("--tasks has 'squad'; known are needle", "--tasks", "squad")]
    [InlineData("--methods has 'h3o'", "--tasks", "needle", "--methods", "h2o,h3o")]
    [InlineData("must be whole numbers, 2 or more", "--tasks", "needle", "--compressions", "1")]
    [InlineData("--length has 5000", "--tasks", "needle", "--length", "5000")]
    public async Task What_cannot_be_swept_is_refused_by_name(string says, params string[] arguments)
    {
        Assert.Equal(2, await _tool.RunAsync(["eval", "sweep", "-o", _tool.Path("none"), .. arguments]));
        Assert.Contains(says, _tool.Error, StringComparison.Ordinal);
        Assert.False(File.Exists(_tool.Path("none.json")));
    }

    [Fact]
    public void What_a_method_keeps_follows_from_head_size_positions_and_times()
    {
        IReadOnlyList<SweepSetting> settings = SweepSetting.Of(SweepMethod.All, [2, 8], new EngineOptions { Threads = 1 }, headSize: 32, positions: 1000);
        Assert.Equal(1 + 5 * 2, settings.Count);
        Assert.Equal(AttentionMode.Auto, settings[0].Options.Attention);
        Assert.Equal(("sparq 8", 4, 62, SparqMeanValue.Off), (settings[2].Name, settings[2].Options.Sparq!.R, settings[2].Options.Sparq!.K, settings[2].Options.Sparq!.MeanValue));
        Assert.Equal(SparqMeanValue.On, settings[4].Options.Sparq!.MeanValue);
        Assert.Equal([500, 125], settings.Where(setting => setting.MethodName == "h2o").Select(setting => setting.Options.Keep!.Value));
        Assert.All(settings, setting => Assert.Equal(1, setting.Options.Threads));
    }

    [Fact]
    public void Rows_attended_exactly_count_against_the_compression()
    {
        Assert.Equal(1, new SweepOutcome([1], 0, 0, 0, 7).Compression);
        Assert.Equal(4, new SweepOutcome([1], 250, 1000, 10, 0).Compression);
        // Ten rows read a quarter and ten all: 2,000 bytes exact, 1,250 read.
        Assert.Equal(1.6, new SweepOutcome([1], 250, 1000, 10, 10).Compression, 12);
    }

    [Fact]
    public void An_axis_around_values_lies_between_round_numbers_that_enclose_them()
    {
        foreach ((double from, double to) in new[] { (1.368, 1.527), (-3.0, 12.0), (0.001, 0.0013), (250.0, 8000.0) })
        {
            Axis axis = Axis.Around("x", [from, to]);
            Assert.InRange(axis.Share(from), 0, 0.5);
            Assert.InRange(axis.Share(to), 0.5, 1);
            Assert.True(axis.Ticks[0].Value <= from + 1e-9 && axis.Ticks[^1].Value >= to - 1e-9);
            Assert.InRange(axis.Ticks.Count, 3, 8);
        }
    }

    private async Task<string> RealAsync(int code, params string[] arguments)
    {
        using StringWriter error = new();
        Streams streams = new(Stream.Null, InIsTerminal: false, new MemoryStream(), error, ErrorIsTerminal: false);
        int given = await CoppiceCommand.RunAsync([.. arguments, "--model", TestData.SampleModel], streams, EngineTextModel.Open, CancellationToken.None);
        Assert.True(given == code, $"{given}: {error}");
        return error.ToString();
    }
}
