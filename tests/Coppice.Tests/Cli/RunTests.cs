using System.Text.Json;

namespace Coppice.Tests.Cli;

public sealed class RunTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Every_line_has_its_result_and_bad_ones_say_their_number()
    {
        string file = _tool.File("in.jsonl",
            """{"prompt":"say one","custom_id":"good"}""", "", "nonsense", """{"prompt":"say two","n":2}""", """{"prompt":"x","colour":1}""", $$"""{"prompt":"{{new string('x', 2000)}}"}""");
        Assert.Equal(1, await _tool.RunAsync("run", file));
        Dictionary<string, JsonElement> results = Tool.Results(_tool.Output).ToDictionary(Tool.Id);
        Assert.Equal(["good", "line-3", "line-4", "line-5", "line-6"], results.Keys.Order());
        Assert.Equal(" one.", Tool.Text(results["good"]));
        Assert.Equal([" two.", " two 1."], [Tool.Text(results["line-4"]), Tool.Text(results["line-4"], 1)]);
        Assert.StartsWith("line 3: The line is not JSON", Tool.Message(results["line-3"]), StringComparison.Ordinal);
        Assert.StartsWith("line 5: The field 'colour' is unknown", Tool.Message(results["line-5"]), StringComparison.Ordinal);
        Assert.Equal("context_length_exceeded", results["line-6"].GetProperty("error").GetProperty("code").GetString());
        Assert.Equal([200, 400, 200, 400, 400], results.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => Tool.Status(r.Value)));
        Assert.Contains("2 ok, 3 failed", _tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_result_has_the_form_of_the_api()
    {
        Assert.Equal(0, await _tool.RunAsync("""{"custom_id":"a","url":"/v1/completions","body":{"prompt":"é \"<x>","logprobs":1}}""", null, CancellationToken.None, "run", "-"));
        JsonElement result = Assert.Single(Tool.Results(_tool.Output));
        Assert.Equal(["id", "custom_id", "response", "error"], result.EnumerateObject().Select(p => p.Name));
        Assert.Equal(JsonValueKind.Null, result.GetProperty("error").ValueKind);
        JsonElement body = result.GetProperty("response").GetProperty("body");
        Assert.Equal(("text_completion", "fake"), (body.GetProperty("object").GetString(), body.GetProperty("model").GetString()));
        Assert.Equal("""{"prompt_tokens":8,"completion_tokens":2,"total_tokens":10,"prompt_tokens_details":{"cached_tokens":3}}""", body.GetProperty("usage").GetRawText());
        // Two halves of "é", then "x"; a forbidden token has a number JSON can hold.
        Assert.Equal("""{"index":0,"text":" \"<x>.","logprobs":{"tokens":["bytes:\\xc3","bytes:\\xa9","x"],"token_logprobs":[-0.5,-9999,-1],"top_logprobs":[{"bytes:\\xc3":-0.5,"b":-2},{"c":-1,"bytes:\\xa9":-9999},{"x":-1}],"text_offset":[0,0,1]},"finish_reason":"stop"}""",
            body.GetProperty("choices")[0].GetRawText());
        Assert.Equal(16, Assert.Single(_tool.Model.Asked).MaxTokens);
    }

    [Fact]
    public async Task A_request_that_the_engine_fails_fails_alone()
    {
        using Tool tool = new() { Model = new FakeModel { Before = (prompt, _) => prompt == "b" ? throw new InvalidOperationException("broken") : Task.CompletedTask } };
        Assert.Equal(1, await tool.RunAsync(Lines("a", "b", "c"), null, CancellationToken.None, "run", "-"));
        Dictionary<string, JsonElement> results = Tool.Results(tool.Output).ToDictionary(Tool.Id);
        Assert.Equal(500, Tool.Status(results["line-2"]));
        Assert.Contains("line 2: InvalidOperationException: broken", Tool.Message(results["line-2"]), StringComparison.Ordinal);
        Assert.Equal(3, results.Count);
    }

    [Fact]
    public async Task Prompts_with_a_common_prefix_are_submitted_as_neighbours()
    {
        using Tool tool = new() { Model = new FakeModel { MaxBatch = 1, Before = (_, cancellation) => Task.Delay(5, cancellation) } };
        Assert.Equal(0, await tool.RunAsync(Lines("b 1", "a 1", "b 2", "a 2", "b", "c"), null, CancellationToken.None, "run", "-"));
        // Four are in flight at first, and start in any order among themselves.
        Assert.Equal(["a 1", "b", "b 1", "b 2"], tool.Model.Prompts.Take(4).Order());
        Assert.Equal(["a 2", "c"], tool.Model.Prompts.Skip(4).Order());
    }

    [Fact]
    public async Task The_rows_in_flight_are_bounded()
    {
        using Tool tool = new() { Model = new FakeModel { MaxBatch = 2, Before = (_, cancellation) => Task.Delay(1, cancellation) } };
        string lines = string.Join('\n', Enumerable.Range(0, 60).Select(i => $$"""{"prompt":"{{i}}","n":{{1 + i % 3}}}"""));
        Assert.Equal(0, await tool.RunAsync(lines + """{"prompt":"huge","n":100}""".Insert(0, "\n"), null, CancellationToken.None, "run", "-"));
        Assert.Equal(61, tool.Model.Prompts.Count);
        Assert.Equal(100, tool.Model.MostRunning);   // the huge one, alone
    }

    [Fact]
    public async Task A_seed_for_the_run_gives_each_line_its_own()
    {
        string lines = """{"prompt":"a"}""" + "\n" + """{"prompt":"a"}""" + "\n" + """{"prompt":"a","seed":5}""";
        await _tool.RunAsync(lines, null, CancellationToken.None, "run", "-", "--seed", "1");
        await _tool.RunAsync(lines, null, CancellationToken.None, "run", "-", "--seed", "1");
        await _tool.RunAsync(lines, null, CancellationToken.None, "run", "-", "--seed", "2");
        long?[] seeds = [.. _tool.Model.Asked.Select(o => o.Seed)];
        Assert.Equal(seeds[..3].Order(), seeds[3..6].Order());
        Assert.Equal(5, seeds.Distinct().Count());
        Assert.Equal(3, seeds.Count(seed => seed == 5));
    }

    [Fact]
    public async Task The_default_token_limit_leaves_the_context_whole()
    {
        await _tool.RunAsync($$"""{"prompt":"{{new string('a', 900)}}"}""", null, CancellationToken.None, "run", "-");
        Assert.Equal(99, Assert.Single(_tool.Model.Asked).MaxTokens);
    }

    [Fact]
    public async Task The_summary_counts_tokens_bytes_and_right_answers()
    {
        string[] lines = ["""{"prompt":"it is 042","expected":"042"}""", """{"prompt":"it is 0421","expected":"042","n":3}""", """{"prompt":"it is red","expected":["blue","red"]}""", """{"prompt":"free"}"""];
        Assert.Equal(0, await _tool.RunAsync(string.Join('\n', lines), null, CancellationToken.None, "run", "-"));
        string[] summary = _tool.Error.Split('\n');
        Assert.Contains("answers right         2 of 5 (40%)", summary);
        Assert.Contains("prompt tokens         36, 18 computed (50%), 3 from cache, 15 shared with running requests", summary);
        Assert.Contains("keys and values read  1.00 MiB instead of 5.00 MiB per sequence (5.0x less)", summary);
        Assert.Contains("peak KV memory        2.00 MiB instead of 9.00 MiB unshared (4.5x less), limit 1.00 GiB", summary);
        Assert.Contains(summary, line => line.StartsWith("generated tokens      12, ", StringComparison.Ordinal) && line.EndsWith(" tokens/s, 7 steps", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData(" 042.", true)]
    [InlineData("042", true)]
    [InlineData("0421", false)]
    [InlineData("42", false)]
    [InlineData("", false)]
    public void An_answer_is_right_if_it_begins_with_what_is_expected(string answer, bool right) =>
        Assert.Equal(right, Coppice.Cli.BatchFiles.Answers.IsRight(answer, ["042 "]));

    [Fact]
    public async Task A_bar_on_a_terminal_shows_requests_and_speed()
    {
        Tool? watched = null;
        using Tool tool = new() { ErrorIsTerminal = true, Model = new FakeModel { MaxBatch = 1, Before = LastWaitsForTheBar } };
        watched = tool;
        Assert.Equal(0, await tool.RunAsync(Lines("a", "b", "c", "d"), null, CancellationToken.None, "run", "-"));
        Assert.Contains("3 of 4, ", tool.Error, StringComparison.Ordinal);
        Assert.Contains(" tokens/s, ", tool.Error, StringComparison.Ordinal);
        Assert.Contains("4 ok, 0 failed", tool.Error, StringComparison.Ordinal);

        // The bar is drawn four times a second, when the machine finds the time.
        async Task LastWaitsForTheBar(string prompt, CancellationToken cancellation)
        {
            for (int i = 0; i < 1000 && prompt == "d" && !watched!.LiveError.Contains("3 of 4, ", StringComparison.Ordinal); i++) await Task.Delay(20, cancellation);
        }
    }

    [Fact]
    public async Task Quiet_says_nothing()
    {
        Assert.Equal(0, await _tool.RunAsync(Lines("a"), null, CancellationToken.None, "run", "-", "--quiet"));
        Assert.Equal("", _tool.Error);
    }

    [Fact]
    public async Task A_file_without_lines_is_done_at_once()
    {
        Assert.Equal(0, await _tool.RunAsync("\n\n", null, CancellationToken.None, "run", "-"));
        Assert.Equal("", _tool.Output);
    }

    [Fact]
    public async Task A_reader_that_goes_away_ends_the_run_quietly()
    {
        int code = await _tool.RunAsync(Lines("a", "b"), new ClosedPipe(), CancellationToken.None, "run", "-");
        Assert.Equal((141, ""), (code, _tool.Error));
        Assert.Equal((141, ""), (await _tool.RunAsync("", new ClosedPipe(), CancellationToken.None, "generate", "-p", "a"), _tool.Error));
        Assert.Equal((141, ""), (await _tool.RunAsync("", new ClosedPipe(), CancellationToken.None, "--help"), _tool.Error));
    }

    private static string Lines(params string[] prompts) => string.Join('\n', prompts.Select(prompt => $$"""{"prompt":"{{prompt}}"}"""));

    private sealed class ClosedPipe : MemoryStream
    {
        public override void Write(ReadOnlySpan<byte> buffer) => throw new IOException("Broken pipe", 32);

        public override void Write(byte[] buffer, int offset, int count) => Write(buffer.AsSpan(offset, count));

        public override ValueTask WriteAsync(ReadOnlyMemory<byte> buffer, CancellationToken cancellationToken = default) => throw new IOException("Broken pipe", 32);
    }
}
