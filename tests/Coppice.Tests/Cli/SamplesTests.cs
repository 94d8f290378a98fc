using Coppice.Cli;
using Coppice.Cli.BatchFiles;

namespace Coppice.Tests.Cli;

/// <summary>The files under samples/, through the model they are made for.</summary>
public sealed class SamplesTests
{
    [Theory]
    [InlineData("one-document-many-questions.jsonl", 64, 64)]
    [InlineData("few-shot-documents-questions-samples.jsonl", 24, 96)]
    [InlineData("mixed.jsonl", 14, 17)]
    public async Task Every_line_of_a_sample_is_answered(string name, int lines, int answers)
    {
        (int code, List<System.Text.Json.JsonElement> results, _) = await RunAsync(name);
        Assert.Equal(0, code);
        Assert.Equal(lines, results.Count);
        Assert.Equal(answers, results.Sum(r => r.GetProperty("response").GetProperty("body").GetProperty("choices").GetArrayLength()));
    }

    [Fact]
    public async Task The_main_sample_gets_the_share_right_that_its_readme_says()
    {
        (_, _, string summary) = await RunAsync("one-document-many-questions.jsonl");
        string readme = File.ReadAllText(Tool.SampleFile("README.md"));
        Assert.Contains("63 of the 64 questions", readme, StringComparison.Ordinal);
        Assert.Contains("63 of 64", summary, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Answers_do_not_depend_on_the_attention_mode_the_batch_or_the_chunks()
    {
        string[] texts = await TextsAsync("--attention", "tree");
        Assert.Equal(texts, await TextsAsync("--attention", "per-sequence", "--max-batch", "7", "--prefill-chunk", "50", "--threads", "1"));

        async Task<string[]> TextsAsync(params string[] options)
        {
            (_, List<System.Text.Json.JsonElement> results, _) = await RunAsync("few-shot-documents-questions-samples.jsonl", options);
            return [.. results.OrderBy(Tool.Id, StringComparer.Ordinal).Select(r => r.GetProperty("response").GetProperty("body").GetProperty("choices").GetRawText())];
        }
    }

    [Fact]
    public async Task Inspect_predicts_what_a_run_computes()
    {
        StringWriter error = new();
        using MemoryStream output = new();
        Streams streams = new(Stream.Null, InIsTerminal: false, output, error, ErrorIsTerminal: false);
        Assert.Equal(0, await CoppiceCommand.RunAsync(["inspect", Tool.SampleFile("one-document-many-questions.jsonl")], streams, EngineTextModel.Open, CancellationToken.None));
        string text = System.Text.Encoding.UTF8.GetString(output.ToArray());
        Assert.StartsWith("64 prompts, 64 rows, 62,135 tokens\n└─ 959 tokens x 64 rows  \" The interpreter", text, StringComparison.Ordinal);
        Assert.Contains("prompt tokens    1,353 computed of 62,135 (2%, 45.9x less)", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Inspect_shows_the_model_that_ships()
    {
        using MemoryStream output = new();
        Streams streams = new(Stream.Null, InIsTerminal: false, output, TextWriter.Null, ErrorIsTerminal: false);
        Assert.Equal(0, await CoppiceCommand.RunAsync(["inspect", TestData.SampleModel, "--kv", "bf16", "--max-context", "100"], streams, EngineTextModel.Open, CancellationToken.None));
        string[] lines = System.Text.Encoding.UTF8.GetString(output.ToArray()).Split('\n');
        Assert.Contains("family             llama", lines);
        Assert.Contains("parameters         3,016,960 in 38 tensors", lines);
        Assert.Contains("formats            BF16: 38 of 5.75 MiB", lines);
        Assert.Contains("attention          8 query heads over 4 key and value heads of 32", lines);
        Assert.Contains("context            100 tokens of 4,096", lines);
        Assert.Contains("keys and values    1.95 MiB per 1,000 tokens in bf16, 200 KiB a full context", lines);
        Assert.Contains("tokenizer          BPE in tokenizer.json, 1,024 tokens", lines);
        Assert.Contains("special tokens     <unk> (0), <s> (1), </s> (2)", lines);
        Assert.Contains("chat template      in chat_template.jinja: renders; takes a system prompt: yes, tools: no, their calls: no; roles: system, user, assistant", lines);
    }

    private static async Task<(int Code, List<System.Text.Json.JsonElement> Results, string Summary)> RunAsync(string name, params string[] options)
    {
        StringWriter error = new();
        using MemoryStream output = new();
        Streams streams = new(Stream.Null, InIsTerminal: false, output, error, ErrorIsTerminal: false);
        int code = await CoppiceCommand.RunAsync(["run", Tool.SampleFile(name), "--kv-memory", "64MiB", .. options], streams, EngineTextModel.Open, CancellationToken.None);
        return (code, Tool.Results(System.Text.Encoding.UTF8.GetString(output.ToArray())), error.ToString());
    }
}
