using System.Diagnostics;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Server;

namespace Coppice.Tests.Cli;

public sealed class ResumeTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_results_file_is_not_written_over_unasked()
    {
        string input = _tool.File("in", Line("a")), output = _tool.File("out", "precious");
        Assert.Equal(2, await _tool.RunAsync("run", input, "-o", output));
        Assert.Contains("Add --resume to finish it, --overwrite to replace it", _tool.Error, StringComparison.Ordinal);
        Assert.Equal("precious\n", File.ReadAllText(output));
        Assert.Equal(0, await _tool.RunAsync("run", input, "-o", output, "--overwrite"));
        Assert.Equal(["line-1"], _tool.ResultsOf("out").Select(Tool.Id));
    }

    [Theory]
    [InlineData("precious")]
    [InlineData("precious\nthings\n")]
    [InlineData("""{"id":"x","custom_id":"line-1"}""" + "\n")]
    [InlineData("{}\n")]
    public async Task A_file_of_something_else_is_left_as_it_is(string content)
    {
        string input = _tool.File("in", Line("a"));
        File.WriteAllText(_tool.Path("out"), content);
        Assert.Equal(2, await _tool.RunAsync("run", input, "-o", _tool.Path("out"), "--resume"));
        Assert.Contains("is not a result of this tool", _tool.Error, StringComparison.Ordinal);
        Assert.Equal(content, File.ReadAllText(_tool.Path("out")));
    }

    [Theory]
    [InlineData("device")]
    [InlineData("loop")]
    [InlineData("pipe")]
    [InlineData("sparse")]
    public async Task What_is_no_journal_of_a_run_is_refused_by_name(string kind)
    {
        if (!OperatingSystem.IsLinux()) return;
        string input = _tool.File("in", Line("a")), journal = _tool.Path("out") + ".begun";
        await Obstacle.MakeAsync(journal, kind);
        Assert.Equal(2, await _tool.RunAsync("run", input, "-o", _tool.Path("out"), "--resume"));
        Assert.StartsWith($"coppice: {journal}: ", _tool.Error, StringComparison.Ordinal);
        Assert.EndsWith("move it away and run the same command again.", _tool.Error.Trim(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_output_of_another_file_is_left_as_it_is()
    {
        string output = _tool.Path("out");
        await _tool.RunAsync("run", _tool.File("other", """{"prompt":"a","custom_id":"x"}"""), "-o", output);
        string before = File.ReadAllText(output);
        Assert.Equal(2, await _tool.RunAsync("run", _tool.File("in", Line("a")), "-o", output, "--resume"));
        Assert.Contains("has a result for 'x' that", _tool.Error, StringComparison.Ordinal);
        Assert.Equal(before, File.ReadAllText(output));
    }

    [Fact]
    public async Task A_run_can_be_resumed_from_every_byte_of_its_output()
    {
        string input = _tool.File("in", """{"prompt":"say é","expected":"é"}""", "bad", """{"prompt":"b","expected":"c"}"""), output = _tool.Path("out");
        Assert.Equal(1, await _tool.RunAsync("run", input, "-o", output));
        byte[] whole = File.ReadAllBytes(output);
        for (int cut = 0; cut <= whole.Length; cut += cut < 40 || whole.Length - cut < 10 ? 1 : 7)
        {
            File.WriteAllBytes(output, whole[..cut]);
            Assert.Equal(1, await _tool.RunAsync("run", input, "-o", output, "--resume"));
            Assert.Equal(["line-1", "line-2", "line-3"], _tool.ResultsOf("out").Select(Tool.Id).Order());
            int kept = Encoding.UTF8.GetString(whole[..cut]).Count(c => c == '\n');
            Assert.Contains("2 ok, 1 failed", _tool.Error, StringComparison.Ordinal);
            Assert.Contains("1 of 2 (50%)", _tool.Error, StringComparison.Ordinal);
            Assert.Equal(kept > 0, _tool.Error.Contains($"{kept} of them from an earlier run", StringComparison.Ordinal));
        }
    }

    [Fact]
    public async Task An_interrupted_run_keeps_what_is_finished_and_says_how_to_go_on()
    {
        using CancellationTokenSource stop = new();
        using Tool tool = new()
        {
            Model = new FakeModel
            {
                Before = async (prompt, cancellation) =>
                {
                    if (!prompt.StartsWith("slow", StringComparison.Ordinal) || stop.IsCancellationRequested && !cancellation.IsCancellationRequested) return;
                    await Task.Delay(100, CancellationToken.None);
                    await stop.CancelAsync();
                    await Task.Delay(Timeout.Infinite, cancellation);
                },
            },
        };
        string input = tool.File("in", Line("a"), Line("slow"), Line("b"), Line("slower")), output = tool.Path("out");
        Assert.Equal(130, await tool.RunAsync("", null, stop.Token, "run", input, "-o", output));
        Assert.Contains("Interrupted; 2 of 4 lines have their result. The same command with --resume goes on.", tool.Error, StringComparison.Ordinal);
        Assert.Equal(["line-1", "line-3"], tool.ResultsOf("out").Select(Tool.Id).Order());
        Assert.Equal(0, await tool.RunAsync("run", input, "-o", output, "--resume"));
        Assert.Equal(["line-1", "line-2", "line-3", "line-4"], tool.ResultsOf("out").Select(Tool.Id).Order());
    }

    [Fact]
    public async Task Killed_at_any_moment_a_run_finishes_with_every_line_once()
    {
        const int lines = 300;
        string input = _tool.File("in", Enumerable.Range(0, lines).Select(i => $$"""{"prompt":"The house of Ada is in Rome. {{i}}","max_tokens":{{4 + i % 5}},"custom_id":"{{i}}"}""")), output = _tool.Path("out");
        string[] arguments = ["run", input, "-o", output, "--resume", "--quiet", "--max-batch", "2", "--threads", "1", "--kv-memory", "16MiB"];
        Random random = new(5);
        int cutShort = 0;
        byte[] whole = [];
        for (int kill = 0; kill < 6; kill++)
        {
            using Process process = Start(arguments);
            // From the moment a new result stands there: before that nothing can be lost.
            Stopwatch clock = Stopwatch.StartNew();
            long length = Length(output);
            while (!process.HasExited && clock.Elapsed < TimeSpan.FromSeconds(20) && Length(output) <= length) Thread.Sleep(1);
            Thread.Sleep(random.Next(40));
            process.Kill();
            process.WaitForExit();

            // What was whole before is there to the byte, and nothing is there twice.
            byte[] before = whole;
            whole = WholeLines(output);
            Assert.Equal(before, whole[..before.Length]);
            string[] ids = [.. Tool.Results(Encoding.UTF8.GetString(whole)).Select(Tool.Id)];
            Assert.Equal(ids.Length, ids.Distinct().Count());
            if (ids.Length < lines) cutShort++;
        }
        Assert.True(cutShort > 0, "No kill came before the end.");

        using Process last = Start(arguments);
        last.WaitForExit();
        Assert.Equal(whole, File.ReadAllBytes(output)[..whole.Length]);
        Assert.Equal(Enumerable.Range(0, lines), _tool.ResultsOf("out").Select(r => int.Parse(Tool.Id(r))).Order());
        // A kill may come while a line that was in flight at the last one runs alone: that is what a line that kills looks like.
        JsonElement[] failed = [.. _tool.ResultsOf("out").Where(result => Tool.Status(result) != 200)];
        Assert.InRange(failed.Length, 0, 5);
        Assert.All(failed, result => Assert.Equal("line_crashed_process", result.GetProperty("error").GetProperty("code").GetString()));
        Assert.Equal(failed.Length > 0 ? 1 : 0, last.ExitCode);
        Assert.False(File.Exists(output + ".begun"));
    }

    [Theory]
    [InlineData("run", """{"prompt":"The prince","n":16,"max_tokens":3000,"ignore_eos":true,"custom_id":"ID"}""", """{"prompt":"!","max_tokens":1}""")]
    [InlineData("score", """{"prompt":"The prince","continuations":[LONG],"id":"ID"}""", """{"prompt":"!","continuations":[" a"]}""")]
    public async Task A_line_that_ran_alone_at_a_second_death_gets_an_error_and_all_others_their_results(string verb, string endless, string brief)
    {
        // A line takes some seconds, so that it is seen at work on any machine.
        endless = endless.Replace("LONG", string.Join(',', Enumerable.Range(0, 60).Select(i => $"\" {i}{string.Concat(Enumerable.Repeat(" and the house of Ada is in Rome", 60))}\"")), StringComparison.Ordinal);
        string input = _tool.File("in", [.. ((string[])["a", "b", "c"]).Select(id => endless.Replace("ID", id, StringComparison.Ordinal)), brief]), output = _tool.Path("out");
        string[] arguments = [verb, input, "-o", output, "--resume", "--quiet", "--threads", "1", "--kv-memory", "64MiB"];
        await KilledAsync(running => running.Count >= 2);
        string condemned = (await KilledAsync(running => running.Count == 1)).Single();
        using Process last = Start(arguments);
        await last.WaitForExitAsync();
        Assert.Equal(1, last.ExitCode);
        Assert.Equal(["a", "b", "c", "line-4"], _tool.ResultsOf("out").Select(Tool.Id).Order());
        JsonElement error = Assert.Single(_tool.ResultsOf("out"), result => Tool.Status(result) != 200);
        Assert.Equal((condemned, 500, "line_crashed_process"), (Tool.Id(error), Tool.Status(error), error.GetProperty("error").GetProperty("code").GetString()));
        Assert.False(File.Exists(output + ".begun"));

        async Task<IReadOnlyCollection<string>> KilledAsync(Func<IReadOnlyCollection<string>, bool> isWished)
        {
            using Process process = Start(arguments);
            for (int tries = 0, same = 0; tries < 60_000; tries++, await Task.Delay(1))
            {
                Assert.False(process.HasExited, "The run has ended before its lines were seen at work.");
                HashSet<string> running = RunningIn(output + ".begun");
                same = isWished(running) ? same + 1 : 0;
                if (same < 20) continue;
                process.Kill();
                await process.WaitForExitAsync();
                return RunningIn(output + ".begun");
            }
            throw new TimeoutException("The lines do not run.");
        }
    }

    [Fact]
    public void A_signal_ends_the_process_with_its_results_kept()
    {
        if (OperatingSystem.IsWindows()) return;
        string input = _tool.File("in", Enumerable.Range(0, 50).Select(i => $$"""{"prompt":"{{i}}","max_tokens":4000,"ignore_eos":true,"custom_id":"{{i}}"}""").Prepend("""{"prompt":"!","max_tokens":1,"custom_id":"first"}""")), output = _tool.Path("out");
        // "!" has the lowest token of all: in the order of the prefix tree its line comes before the endless ones.
        using Process process = Start("run", input, "-o", output, "--threads", "1", "--max-batch", "8");
        Stopwatch clock = Stopwatch.StartNew();
        while (clock.Elapsed < TimeSpan.FromSeconds(60) && Length(output) == 0) Thread.Sleep(5);
        using (Process signal = Process.Start("kill", ["-INT", $"{process.Id}"])) signal.WaitForExit();
        Assert.True(process.WaitForExit(60_000));
        Assert.Equal(130, process.ExitCode);
        Assert.Contains("first", _tool.ResultsOf("out").Select(Tool.Id));
        Assert.False(File.Exists(output + ".begun"));       // nobody is to blame
    }

    [Fact]
    public async Task A_run_that_does_not_resume_knows_nothing_of_an_earlier_one()
    {
        string input = _tool.File("in", Line("a")), output = _tool.Path("out");
        _tool.File("out.begun", "crashed line-1");
        Assert.Equal(0, await _tool.RunAsync("run", input, "-o", output));
        Assert.False(File.Exists(output + ".begun"));
    }

    private static HashSet<string> RunningIn(string journal)
    {
        HashSet<string> running = [];
        foreach (string[] record in (File.Exists(journal) ? File.ReadAllLines(journal) : []).Select(line => line.Split(' ', 2)))
        {
            if (record[0] == "begin") running.Add(record[1]);
            else if (record[0] is "end" or "pause") running.Remove(record[1]);
        }
        return running;
    }

    private static string Line(string prompt) => $$"""{"prompt":"{{prompt}}"}""";

    private static long Length(string path) => new FileInfo(path) is { Exists: true } file ? file.Length : 0;

    private static byte[] WholeLines(string path)
    {
        byte[] bytes = File.Exists(path) ? File.ReadAllBytes(path) : [];
        return bytes[..(bytes.AsSpan().LastIndexOf((byte)'\n') + 1)];
    }

    private static Process Start(params string[] arguments) => Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Coppice.Cli.dll"), .. arguments])
    {
        UseShellExecute = false,
        RedirectStandardError = true,
        RedirectStandardOutput = true,
    })!;
}
