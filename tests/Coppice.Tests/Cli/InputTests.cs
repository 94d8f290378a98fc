using System.Text;
using System.Text.Json;

namespace Coppice.Tests.Cli;

/// <summary>Files that are not what they should be: each bad line is an error of its own, and what is no file of lines is refused.</summary>
public sealed class InputTests : IDisposable
{
    private const string Good = """{"prompt":"a","custom_id":"good"}""", GoodScore = """{"id":"good","prompt":"a","continuations":["b"]}""";

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    public static TheoryData<string> HostileLines =>
    [
        new string('[', 1_000_000),
        """{"prompt":""" + new string('[', 1_000_000),
        string.Concat(Enumerable.Repeat("""{"a":""", 200_000)),
        """{"messages":[{"role":"user","content":""" + new string('[', 1_000_000),
        """{"prompt":"a","temperature":1e999999}""",
        """{"prompt":"a","max_tokens":""" + new string('9', 100_000) + "}",
        """{"prompt":"\ud800"}""",
        """{"\ud800":1,"prompt":"a"}""",
        """{"custom_id":"\udc00","prompt":"a"}""",
        """{"prompt":"a","logit_bias":{"\ud800":1}}""",
        """{"messages":[{"role":"user","\ud800":1}]}""",
        """{"messages":[{"role":"user","content":"x"}],"tools":[{"type":"function","function":{"name":"\ud800"}}]}""",
        """{"messages":[{"role":"user","content":"x"}],"chat_template_kwargs":{"a":"\ud800"}}""",
        """{"body":{"\ud800":1},"url":"/v1/completions"}""",
        "{\"prompt\":\"a\0b\"}",
        "\0\0\0",
        "{\"prompt\":\"\u00FF\"}",          // written as Latin-1: no UTF-8
        "\u00EF\u00BB\u00BF{\"prompt\":\"b\"}",        // a byte order mark inside the file
        "null",
        "1e400",
        "{\"prompt\":\"a\",\"grammar\":\"root ::= (\"}",
    ];

    [Theory, MemberData(nameof(HostileLines))]
    public async Task A_hostile_line_is_an_error_of_its_own(string line)
    {
        foreach ((string verb, string good) in ((string, string)[])[("run", Good), ("score", GoodScore)])
        {
            File.WriteAllText(_tool.Path("in"), $"{good}\r\n{line}\n{good.Replace("good", "last", StringComparison.Ordinal)}", Encoding.Latin1);
            Assert.Equal(1, await _tool.RunAsync(verb, _tool.Path("in"), "-q"));
            Assert.Equal([("good", 200), ("last", 200), ("line-2", 400)], Tool.Results(_tool.Output).Select(result => (Tool.Id(result), Tool.Status(result))).Order());
            Assert.Equal("", _tool.Error);
        }
    }

    [Theory]
    [InlineData("run")]
    [InlineData("score")]
    public async Task A_line_that_is_too_long_is_an_error_that_says_line_size_and_limit(string verb)
    {
        using (StreamWriter file = new(_tool.Path("in")))
        {
            file.WriteLine(verb == "run" ? Good : GoodScore);
            for (int i = 0; i < 80; i++) file.Write(new string('x', 1_000_000));
        }
        Assert.Equal(1, await _tool.RunAsync(verb, _tool.Path("in"), "-q"));
        JsonElement[] results = [.. Tool.Results(_tool.Output).OrderBy(Tool.Id)];
        Assert.Equal(200, Tool.Status(results[0]));
        Assert.Equal("line 2: The line has 80000000 bytes and may have 67108864. Is the end of the line before it missing?", Tool.Message(results[1]));
    }

    [Theory]
    [InlineData("run")]
    [InlineData("score")]
    [InlineData("inspect")]
    public async Task A_device_is_refused_by_name(string verb)
    {
        if (OperatingSystem.IsWindows()) return;
        foreach (string device in (string[])["/dev/zero", "/dev/urandom"])
        {
            Assert.Equal(2, await _tool.RunAsync(verb, device));
            Assert.Equal($"coppice: {device} is a device; it must be a file of lines.\n", _tool.Error);
        }
    }

    [Theory]
    [InlineData("run", "--overwrite")]
    [InlineData("run", "--resume")]
    [InlineData("run", "-q")]
    [InlineData("score", "--overwrite")]
    public async Task Results_may_go_to_dev_null_and_leave_nothing_beside_it(string verb, string option)
    {
        if (OperatingSystem.IsWindows()) return;
        Assert.Equal(0, await _tool.RunAsync(verb, _tool.File("in", verb == "run" ? Good : GoodScore), "-o", "/dev/null", option));
        Assert.False(File.Exists("/dev/null.begun"));
    }

    [Theory]
    [InlineData("run", Good, "requests ")]
    [InlineData("score", GoodScore, "lines ")]
    public async Task Progress_is_not_drawn_over_results_on_the_same_terminal(string verb, string line, string summary)
    {
        using Tool tool = new() { ErrorIsTerminal = true, OutIsTerminal = true, Model = new FakeModel { Before = (_, cancellation) => Task.Delay(600, cancellation) } };
        Assert.Equal(0, await tool.RunAsync(verb, tool.File("in", line)));
        Assert.StartsWith(summary, tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_constraint_is_built_when_it_is_the_lines_turn()
    {
        string[] lines = ["""{"prompt":"a","grammar":"root ::= \"a\""}""", """{"prompt":"b","grammar":"root ::= ("}""", """{"prompt":"c","response_format":{"type":"json_object"}}"""];
        Assert.Equal(1, await _tool.RunAsync("run", _tool.File("in", lines)));
        Assert.Equal([("line-1", 200), ("line-2", 400), ("line-3", 200)], Tool.Results(_tool.Output).Select(result => (Tool.Id(result), Tool.Status(result))).Order());
        Assert.Equal(["grammar root ::= \"a\"", "json"], _tool.Model.Asked.Select(options => options.Constraint!.ToString()).Order());
    }
}
