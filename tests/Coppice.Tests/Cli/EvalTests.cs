using System.Text.Json;
using System.Xml.Linq;
using Coppice.Cli;
using Coppice.Cli.Bench.Reports;
using Coppice.Cli.Eval;
using Coppice.Cli.Eval.Tasks;
using Coppice.Tokens;

namespace Coppice.Tests.Cli;

public sealed class EvalTests : IDisposable
{
    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_needle_is_found_at_every_depth_of_the_lengths_asked_for()
    {
        await RealAsync(0, "eval", "needle", "-o", _tool.Path("needle"), "--lengths", "150,300", "--depths", "3", "--samples", "2");
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(_tool.Path("needle.json")));
        JsonElement[] rows = [.. report.RootElement.GetProperty("rows").EnumerateArray()];
        Assert.Equal(2 * 3 * 2, rows.Length);
        Assert.Equal([150, 300], rows.Select(row => row.GetProperty("place").GetProperty("tokens").GetInt32()).Distinct());
        Assert.Equal([0, 0.5, 1], rows.Select(row => row.GetProperty("place").GetProperty("depth").GetDouble()).Distinct());
        // The sample model finds nearly all codes in so short a text; guessing finds none.
        Assert.InRange(report.RootElement.GetProperty("figures").GetProperty("right").GetProperty("mean").GetDouble(), 0.6, 1);
        XDocument map = XDocument.Load(_tool.Path("needle.svg"));
        Assert.Equal(6, map.Descendants().Count(element => element.Name.LocalName == "rect"));
        Assert.Contains("prefers-color-scheme:dark", map.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Questions_about_a_document_share_it_and_a_second_run_takes_up_where_the_first_ended()
    {
        string[] command = ["eval", "document-qa", "-o", _tool.Path("qa"), "--length", "400", "--facts", "6", "--questions", "12"];
        string error = await RealAsync(0, command);
        Assert.Contains("right", error, StringComparison.Ordinal);
        string[] whole = File.ReadAllLines(_tool.Path("qa.jsonl"));
        string report = File.ReadAllText(_tool.Path("qa.json"));
        Assert.Equal(12, whole.Length);
        Assert.Contains("--resume", await RealAsync(2, command), StringComparison.Ordinal);

        File.WriteAllText(_tool.Path("qa.jsonl"), string.Join('\n', whole[..5]) + "\n");
        await RealAsync(0, [.. command, "--resume"]);
        Assert.Equal(12, File.ReadAllLines(_tool.Path("qa.jsonl")).Length);
        Assert.Equal(Rows(report), Rows(File.ReadAllText(_tool.Path("qa.json"))));

        // Outcomes of other settings are another evaluation's.
        Assert.Contains("does not ask for", await RealAsync(2, [.. command, "--resume", "--kv", "bf16"]), StringComparison.Ordinal);

        static string Rows(string json) => JsonDocument.Parse(json).RootElement.GetProperty("rows").GetRawText();
    }

    [Fact]
    public async Task A_question_is_read_under_the_mode_unless_it_is_to_be_read_exactly()
    {
        string text = _tool.File("text.txt", Enumerable.Range(0, 60).Select(i => $"The house of Ada is in Vienna and number {i} is on the door."));
        string[][] tasks = [["needle", "--lengths", "300", "--depths", "2", "--samples", "1"], ["document-qa", "--length", "400", "--facts", "2"], ["repetition", "--text", text, "--context-chars", "300", "--prompt-chars", "60", "--chars", "40", "--samples", "2"]];
        foreach (string[] task in tasks)
        {
            Assert.Equal(0, await _tool.RunAsync(["eval", .. task, "-o", _tool.Path("read"), "--overwrite"]));
            int from = _tool.Model.Asked[^1].DecodeFrom!.Value;
            string question = System.Text.Encoding.UTF8.GetString([.. _tool.Model.PromptTokens[^1][from..].Select(token => (byte)token)]);
            Assert.StartsWith(task[0] == "repetition" ? "\n\n" : "\n\nQuestion: ", question, StringComparison.Ordinal);
            Assert.Equal(0, await _tool.RunAsync(["eval", .. task, "-o", _tool.Path("read"), "--overwrite", "--exact-question"]));
            Assert.Null(_tool.Model.Asked[^1].DecodeFrom);
        }
    }

    [Fact]
    public async Task Bits_per_character_are_the_models_log_probability_over_the_characters()
    {
        string line = File.ReadLines(Tool.SampleFile("one-document-many-questions.jsonl")).First();
        string text = _tool.File("text.txt", [JsonDocument.Parse(line).RootElement.GetProperty("prompt").GetString()!]);
        await RealAsync(0, "eval", "bpc", "-o", _tool.Path("bpc"), "--text", text, "--context-chars", "200", "--chars", "50", "--samples", "3");
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(_tool.Path("bpc.json")));
        // Prose and facts of the kind that the model was trained on: far below the 8 bits of a byte, above none.
        JsonElement figure = report.RootElement.GetProperty("figures").GetProperty("bits_per_character");
        Assert.InRange(figure.GetProperty("mean").GetDouble(), 0.01, 2.5);
        Assert.True(figure.GetProperty("standard_error").GetDouble() > 0);
        Assert.Equal(3, figure.GetProperty("items").GetInt32());
    }

    [Fact]
    public async Task A_passage_that_begins_again_is_repeated_and_counted_in_characters()
    {
        string[] sentences = ["The old man walked slowly to the river and sat down.", "A small boat was lying near the shore of the lake.", "Nobody knew what he had been thinking all that time.", "In the morning the soldiers left the house at last."];
        string text = _tool.File("text.txt", Enumerable.Range(0, 30).Select(i => $"{sentences[i % 4]} {sentences[(i * 3 + 1) % 4]}"));
        await RealAsync(0, "eval", "repetition", "-o", _tool.Path("rep"), "--text", text, "--context-chars", "400", "--prompt-chars", "60", "--chars", "40", "--samples", "4");
        using JsonDocument report = JsonDocument.Parse(File.ReadAllText(_tool.Path("rep.json")));
        JsonElement[] rows = [.. report.RootElement.GetProperty("rows").EnumerateArray()];
        Assert.Equal(4, rows.Length);
        foreach (JsonElement row in rows)
        {
            string expected = row.GetProperty("expected").GetString()!;
            Assert.Equal(40, expected.Length);
            Assert.True(char.IsWhiteSpace(expected[0]));
            Assert.Equal(TextTasks.SameCharacters(row.GetProperty("answer").GetString()!, expected), row.GetProperty("values").GetProperty("characters").GetInt32());
        }

        Assert.Equal((3, 5, 0), (TextTasks.SameCharacters(" abcx", "abc d"), TextTasks.SameCharacters("abc de", "  abc d"), TextTasks.SameCharacters("x", "abc")));
    }

    [Fact]
    public async Task Multiple_choice_and_word_problems_are_read_from_data()
    {
        string choices = _tool.File("choices.jsonl", """{"prompt":"p","continuations":["a"," "],"answer":1}""", """{"prompt":"q","continuations":["a"," "],"answer":0}""");
        Assert.Equal(0, await _tool.RunAsync("eval", "multiple-choice", "--data", choices, "-o", _tool.Path("mc")));
        Assert.Equal(0.5, Figure("mc", "sum"));
        // The stand-in answers with the last word of the prompt, which is "A:" here, so no number is ever right.
        string problems = _tool.File("problems.jsonl", """{"question":"1 + 1?","answer":"1 + 1 = 2\n#### 2"}""");
        Assert.Equal(0, await _tool.RunAsync("eval", "gsm8k", "--data", problems, "-o", _tool.Path("gsm")));
        Assert.Equal(0, Figure("gsm", "right"));
        Assert.Equal("Q: 1 + 1?\nA:", _tool.Model.Prompts[^1]);

        Assert.Equal(2, await _tool.RunAsync("eval", "gsm8k", "-o", _tool.Path("none")));
        Assert.Contains("--data is missing", _tool.Error, StringComparison.Ordinal);
        string bad = _tool.File("bad.jsonl", """{"prompt":"p","continuations":["a"]}""");
        Assert.Equal(2, await _tool.RunAsync("eval", "multiple-choice", "--data", bad, "-o", _tool.Path("none")));
        Assert.Contains("line 1: there is no answer", _tool.Error, StringComparison.Ordinal);
        string half = _tool.File("half.jsonl", """{"question":"\ud800","answer":"#### 2"}""");
        Assert.Equal(2, await _tool.RunAsync("eval", "gsm8k", "--data", half, "-o", _tool.Path("none")));
        Assert.Contains("line 1: question holds half a surrogate pair", _tool.Error, StringComparison.Ordinal);

        double Figure(string name, string figure) =>
            JsonDocument.Parse(File.ReadAllText(_tool.Path($"{name}.json"))).RootElement.GetProperty("figures").GetProperty(figure).GetProperty("mean").GetDouble();
    }

    [Theory]
    [InlineData("So 16-3 is 13. The answer is $1,234.50.", 1234.50)]
    [InlineData("x\n#### -7", -7)]
    [InlineData("It makes 3 and 4, so 12 in all", 12)]
    [InlineData("The answer is unknown, but 5", 5)]
    public void The_final_number_of_a_solution_is_found(string solution, double number)
    {
        Assert.True(FinalNumber.TryRead(solution, out decimal found));
        Assert.Equal((decimal)number, found);
        Assert.False(FinalNumber.TryRead("none", out _));
    }

    [Fact]
    public void Facts_differ_and_a_document_has_them_at_their_depths_within_its_length()
    {
        List<Fact> facts = Fact.Many(new Random(1), 500);
        Assert.Equal(500, facts.Select(fact => fact.Question).Distinct().Count());
        Assert.All(facts, fact => Assert.Contains(fact.Answer, fact.Sentence, StringComparison.Ordinal));
        FakeModel model = new();
        string document = FactDocument.Write(model, Prose.Read(null), new Random(2), [(0, facts[0]), (0.5, facts[1]), (1, facts[2])], 900);
        Assert.StartsWith(facts[0].Sentence, document, StringComparison.Ordinal);
        Assert.EndsWith(facts[2].Sentence, document, StringComparison.Ordinal);
        Assert.InRange(document.IndexOf(facts[1].Sentence, StringComparison.Ordinal), 300, 600);
        Assert.InRange(model.Encode(document, Specials.All).Length, 900 - 130, 900);
        Assert.Throws<UsageException>(() => FactDocument.Write(model, Prose.Read(null), new Random(2), [(0, facts[0])], 20));
    }

    [Fact]
    public void A_figure_is_a_mean_with_its_standard_error()
    {
        EvalFigure figure = EvalFigure.Of([1, 2, 3, 4]);
        Assert.Equal((2.5, 4), (figure.Mean, figure.Items));
        Assert.Equal(Math.Sqrt(5.0 / 3 / 4), figure.StandardError!.Value, 12);
        Assert.Null(EvalFigure.Of([1]).StandardError);
    }

    [Fact]
    public void A_map_writes_every_value_into_its_cell_and_leaves_the_unknown_empty()
    {
        string svg = new SvgHeatMap("A & B", "x", ["1", "2"], "y", ["top", "bottom"], (column, row) => column == row ? double.NaN : column).ToSvg();
        XDocument map = XDocument.Parse(svg);
        Assert.Equal(["0.00", "1.00"], map.Descendants().Where(element => (string?)element.Attribute("class") == "cell").Select(element => element.Value).Order());
        Assert.Contains("A &amp; B", svg, StringComparison.Ordinal);
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
