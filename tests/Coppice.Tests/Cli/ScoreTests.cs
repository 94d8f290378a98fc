using System.Collections.Concurrent;
using System.Text.Json;
using Coppice.Cli;
using Coppice.Cli.Scoring;
using Coppice.Scheduling;
using Coppice.Tests.Golden;

namespace Coppice.Tests.Cli;

public sealed class ScoreTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Results_come_in_the_order_of_the_lines_whatever_ends_first()
    {
        int asked = 0;
        using Tool tool = new() { Model = new FakeModel { MaxBatch = 2, Before = (_, cancellation) => Task.Delay(10 * (7 - Interlocked.Increment(ref asked) % 7), cancellation) } };
        string[] prompts = ["b", "a", "bb", "c", "ab", "ba"];
        string lines = string.Join('\n', prompts.Select((prompt, i) => $$"""{"id":"{{i}}","prompt":"{{prompt}}","continuations":["x","yz"]}"""));
        Assert.Equal(0, await tool.RunAsync(lines, null, CancellationToken.None, "score", "-"));
        Assert.Equal(["0", "1", "2", "3", "4", "5"], Tool.Results(tool.Output).Select(Tool.Id));
        // Neighbours in the tree were submitted as neighbours: those that begin with b come first, since one of them is the first line.
        Assert.Equal(12, tool.Model.Prompts.Count);
        Assert.All(tool.Model.Prompts.Take(4), prompt => Assert.StartsWith("b", prompt, StringComparison.Ordinal));
    }

    [Fact]
    public async Task A_result_has_sums_means_ranks_and_says_what_is_right()
    {
        // The stand-in gives a byte minus its hundredth, so "ab" has -0.97 - 0.98.
        Assert.Equal(0, await _tool.RunAsync("""{"prompt":"p","continuations":["ab","é"," "],"answer":2}""" + "\n" + """{"context":"p","continuation":"ab"}""", null, CancellationToken.None, "score", "-"));
        JsonElement[] bodies = [.. Tool.Results(_tool.Output).Select(result => result.GetProperty("response").GetProperty("body"))];
        Assert.Equal(["line-1", "line-2"], Tool.Results(_tool.Output).Select(Tool.Id));
        JsonElement[] given = [.. bodies[0].GetProperty("continuations").EnumerateArray()];
        Assert.Equal([-1.95, -3.64, -0.32], given.Select(one => Math.Round(one.GetProperty("log_prob").GetDouble(), 5)));
        Assert.Equal([2, 3, 1], given.Select(one => one.GetProperty("rank").GetInt32()));
        Assert.Equal([2, 2, 1], given.Select(one => one.GetProperty("tokens").GetInt32()));
        Assert.Equal([false, false, true], given.Select(one => one.GetProperty("is_greedy").GetBoolean()));
        // "é" is two bytes and tokens, and one character.
        Assert.Equal([-1.82, -1.82, -3.64], new[] { "token", "byte", "character" }.Select(per => Math.Round(given[1].GetProperty($"log_prob_per_{per}").GetDouble(), 5)));
        Assert.Equal("""{"sum":2,"mean":2,"byte":2,"character":2}""", bodies[0].GetProperty("best").GetRawText());
        Assert.Equal("""{"sum":true,"mean":true,"byte":true,"character":true}""", bodies[0].GetProperty("right").GetRawText());
        Assert.False(bodies[1].TryGetProperty("right", out _));
        Assert.Contains("answers right         by sum 1 (100%), by mean 1 (100%), by byte 1 (100%), by character 1 (100%) of 1", _tool.Error, StringComparison.Ordinal);
        Assert.Contains("lines                 2 ok, 0 failed", _tool.Error, StringComparison.Ordinal);
        Assert.Contains(" given, ", _tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tokens_are_listed_on_request()
    {
        Assert.Equal(0, await _tool.RunAsync("""{"prompt":"p","continuation":"a"}""", null, CancellationToken.None, "score", "-", "--token-scores", "1"));
        Assert.Contains("""token_scores":[{"id":97,"log_prob":-0.97,"rank":66,"top":[{"id":0,"log_prob":0}]}]""", _tool.Output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Bad_lines_say_what_is_wrong_and_the_others_run()
    {
        string[] lines =
        [
            """{"prompt":"p","continuations":["a"]}""", "nonsense", """{"prompt":"p"}""", """{"continuation":"a"}""", """{"prompt":"p","continuations":[]}""", """{"prompt":"p","continuations":[""]}""",
            """{"prompt":"p","continuations":["a"],"answer":1}""", """{"prompt":"p","context":"q","continuation":"a"}""", """{"prompt":"p","continuation":"a","temperature":1}""",
            $$"""{"prompt":"{{new string('x', 2000)}}","continuation":"a"}""", """{"id":"twice","prompt":"p","continuation":"a"}""", """{"id":"twice","prompt":"p","continuation":"a"}""",
        ];
        Assert.Equal(1, await _tool.RunAsync(string.Join('\n', lines), null, CancellationToken.None, "score", "-"));
        List<JsonElement> results = Tool.Results(_tool.Output);
        Assert.Equal([200, 400, 400, 400, 400, 400, 400, 400, 400, 400, 200, 400], results.Select(Tool.Status));
        string[] says = ["not JSON", "continuations (or continuation) is missing", "prompt (or context) is missing", "empty list", "continuations[0] is empty", "answer is 1 and there are 1", "two names", "'temperature' is unknown", "2002 tokens"];
        for (int i = 0; i < says.Length; i++) Assert.Contains(says[i], Tool.Message(results[i + 1]), StringComparison.Ordinal);
        Assert.Contains("id 'twice' is taken by line 11", Tool.Message(results[11]), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_resumed_run_writes_what_is_missing_and_counts_what_was_right()
    {
        string file = _tool.File("in.jsonl", Enumerable.Range(0, 5).Select(i => $$"""{"id":"q{{i}}","prompt":"p{{i}}","continuations":["a"," "],"answer":{{i % 2}}}"""));
        string whole = _tool.Path("whole.jsonl"), resumed = _tool.Path("resumed.jsonl");
        Assert.Equal(0, await _tool.RunAsync("score", file, "-o", whole));
        string[] lines = File.ReadAllLines(whole);
        File.WriteAllText(resumed, string.Join('\n', lines[..2]) + "\n" + lines[2][..40]);
        Assert.Equal(2, await _tool.RunAsync("score", file, "-o", resumed));
        Assert.Contains("--resume", _tool.Error, StringComparison.Ordinal);
        int before = _tool.Model.Prompts.Count;
        Assert.Equal(0, await _tool.RunAsync("score", file, "-o", resumed, "--resume"));
        Assert.Equal(6, _tool.Model.Prompts.Count - before);
        Assert.Equal(lines, File.ReadAllLines(resumed));
        Assert.Contains("by sum 2 (40%)", _tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task An_interrupted_run_keeps_what_is_whole()
    {
        using CancellationTokenSource stop = new();
        int asked = 0;
        using Tool tool = new()
        {
            Model = new FakeModel
            {
                MaxBatch = 1,
                Before = async (_, cancellation) =>
                {
                    if (Interlocked.Increment(ref asked) < 4) return;
                    await stop.CancelAsync();
                    await Task.Delay(Timeout.Infinite, cancellation);
                },
            },
        };
        string file = tool.File("in.jsonl", Enumerable.Range(0, 20).Select(i => $$"""{"prompt":"{{(char)('a' + i)}}","continuation":"a"}"""));
        Assert.Equal(130, await tool.RunAsync("", null, stop.Token, "score", file, "-o", tool.Path("out.jsonl")));
        Assert.Equal(["line-1", "line-2", "line-3"], tool.ResultsOf("out.jsonl").Select(Tool.Id));
        Assert.Contains("3 of 20 lines", tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Lines_scored_again_alone_are_compared_bit_by_bit()
    {
        string lines = string.Join('\n', Enumerable.Range(0, 6).Select(i => $$"""{"id":"q{{i}}","prompt":"p{{i}}","continuations":["ab","c"]}"""));
        ConcurrentBag<string?> salts = [];
        using Tool same = new() { Model = new FakeModel { Drift = options => { salts.Add(options.CacheSalt); return 0; } } };
        Assert.Equal(0, await same.RunAsync(lines, null, CancellationToken.None, "score", "-", "--verify", "3"));
        Assert.Contains("3 lines with 6 continuations", same.Error, StringComparison.Ordinal);
        Assert.Contains("9 log probabilities compared bit by bit, 0 lines differ", same.Error, StringComparison.Ordinal);
        Assert.Equal(6, Tool.Results(same.Output).Count);
        // Nothing that one continuation computed is there for the next.
        Assert.Equal(6, salts.OfType<string>().Distinct().Count());

        using Tool other = new() { Model = new FakeModel { Drift = options => options.CacheSalt is null ? 0 : 1e-7f } };
        Assert.Equal(1, await other.RunAsync(lines, null, CancellationToken.None, "score", "-", "--verify", "100"));
        Assert.Contains("6 lines have other log probabilities alone than in the file: q", other.Error, StringComparison.Ordinal);
    }

    [Fact]
    public void A_token_across_the_boundary_is_the_continuations()
    {
        // "ab" is one token, 1000; other characters are their own.
        int[] Encode(string text) => [1, .. text.Replace("ab", "\u03e8", StringComparison.Ordinal).Select(c => (int)c)];
        ScoredText plain = ScoredText.Of(Encode, Encode("xy"), "xy", "ab"), across = ScoredText.Of(Encode, Encode("xa"), "xa", "bc");
        Assert.Equal((3, 4), (plain.ScoredFrom, plain.Tokens.Length));
        Assert.Equal((2, 4), (across.ScoredFrom, across.Tokens.Length));
        Assert.Equal((1, 2), (ScoredText.Of(Encode, Encode(""), "", "c").ScoredFrom, ScoredText.Of(Encode, Encode(""), "", "c").Tokens.Length));
        Assert.Throws<InvalidRequestException>(() => ScoredText.Of(text => [.. text.Select(c => (int)c)], [], "", "c"));
    }

    /// <summary>Two questions of every set; <c>coppice score --verify</c> does it for as many as one likes, and docs/results has its outcome.</summary>
    [SharedFact]
    public async Task BigBenchHard_scored_together_has_the_bits_of_each_line_alone()
    {
        List<string> lines = [];
        string[] sets = Directory.GetFiles(TestData.Shared("testdata/prompts/bbh/bbh"), "*.json");
        Assert.Equal(27, sets.Length);
        foreach (string path in sets.Order(StringComparer.Ordinal))
        {
            string worked = File.ReadAllText(TestData.Shared($"testdata/prompts/bbh/cot-prompts/{Path.GetFileNameWithoutExtension(path)}.txt")).Split("-----\n")[1];
            string head = worked[..Math.Min(600, worked.Length)];
            using JsonDocument data = JsonDocument.Parse(File.ReadAllText(path));
            JsonElement[] examples = [.. data.RootElement.GetProperty("examples").EnumerateArray().Take(2)];
            string[] targets = [.. examples.Select(example => example.GetProperty("target").GetString()!).Append("no").Distinct()];
            foreach (JsonElement example in examples)
            {
                lines.Add(JsonSerializer.Serialize(new
                {
                    prompt = $"{head}\n\nQ: {example.GetProperty("input").GetString()}\nA:",
                    continuations = targets.Select(target => $" {target}."),
                    answer = Array.IndexOf(targets, example.GetProperty("target").GetString()),
                }));
            }
        }

        using MemoryStream output = new();
        using StringWriter error = new();
        Streams streams = new(new MemoryStream(System.Text.Encoding.UTF8.GetBytes(string.Join('\n', lines))), InIsTerminal: false, output, error, ErrorIsTerminal: false);
        Assert.Equal(0, await CoppiceCommand.RunAsync(["score", "-", "--token-scores", "0", "--model", TestData.SampleModel], streams, EngineTextModel.Open, CancellationToken.None));
        List<JsonElement> results = Tool.Results(System.Text.Encoding.UTF8.GetString(output.ToArray()));

        using TestEngine alone = new(TestData.SampleModel, new EngineOptions { Attention = AttentionMode.PerSequence, Threads = 1, PrefillChunk = 100 });
        long given = 0, tokens = 0;
        for (int i = 0; i < lines.Count; i++)
        {
            using JsonDocument line = JsonDocument.Parse(lines[i]);
            string prompt = line.RootElement.GetProperty("prompt").GetString()!;
            JsonElement[] scored = [.. results[i].GetProperty("response").GetProperty("body").GetProperty("continuations").EnumerateArray()];
            int index = 0;
            foreach (JsonElement continuation in line.RootElement.GetProperty("continuations").EnumerateArray())
            {
                ScoredText text = ScoredText.Of(whole => alone.Tokenizer.Encode(whole), alone.Tokenizer.Encode(prompt), prompt, continuation.GetString()!);
                Request request = alone.Core.Submit(text.Tokens, text.ScoredFrom, new ScoreOptions { CacheSalt = $"{i} {index}" });
                alone.Run();
                Assert.Equal(request.Scores!.All.Select(token => BitConverter.SingleToInt32Bits(token.LogProb.LogProb)),
                    scored[index++].GetProperty("token_scores").EnumerateArray().Select(token => BitConverter.SingleToInt32Bits(token.GetProperty("log_prob").GetSingle())));
                given += text.Tokens.Length - 1;
                tokens += request.Scores!.All.Count;
            }
        }

        Assert.Equal(given, alone.Core.Metrics.ComputedPromptTokens);
        Assert.True(tokens > 60);
        string saved = error.ToString().Split('\n').First(row => row.StartsWith("tokens ", StringComparison.Ordinal));
        Assert.Contains($"{given.ToString("N0", System.Globalization.CultureInfo.InvariantCulture)} given", saved, StringComparison.Ordinal);
        Assert.Matches(@"saved by sharing \([6-9]\d%", saved);
    }
}
