using System.Text.Json;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

public sealed class ChatLinesTests : IDisposable
{
    private const string Line = """{"custom_id":"c","method":"POST","url":"/v1/chat/completions","body":{"messages":[{"role":"system","content":"S"},{"role":"user","content":"hi"}]}}""";

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task A_conversation_has_a_result_in_the_form_of_the_chat_api()
    {
        Assert.Equal(0, await RunAsync(Line.Replace("\"hi\"}]", "\"hi\"}],\"n\":2,\"logprobs\":true,\"top_logprobs\":1", StringComparison.Ordinal)));
        JsonElement body = Assert.Single(Tool.Results(_tool.Output)).GetProperty("response").GetProperty("body");
        Assert.Equal(("chatcmpl-1", "chat.completion", "fake"), (body.GetProperty("id").GetString(), body.GetProperty("object").GetString(), body.GetProperty("model").GetString()));
        Assert.Equal("""{"index":0,"message":{"role":"assistant","content":" A2.","refusal":null},"logprobs":{"content":[{"token":"bytes:\\xc3","logprob":-0.5,"bytes":[195],"top_logprobs":[{"token":"bytes:\\xc3","logprob":-0.5,"bytes":[195]},{"token":"b","logprob":-2,"bytes":[98]}]},{"token":"bytes:\\xa9","logprob":-9999,"bytes":[169],"top_logprobs":[{"token":"c","logprob":-1,"bytes":[99]}]},{"token":"x","logprob":-1,"bytes":[120],"top_logprobs":[]}]},"finish_reason":"stop"}""",
            body.GetProperty("choices")[0].GetRawText());
        Assert.Equal(" A2 1.", body.GetProperty("choices")[1].GetProperty("message").GetProperty("content").GetString());
        Assert.Equal(["<system:S><user:hi> A2"], _tool.Model.Prompts);
        Assert.Equal(1, _tool.Model.PromptTokens[0].Count(token => token == FakeModel.BeginOfText));
        Assert.Equal((2, 1000 - 23, 1), (_tool.Model.Asked[0].N, _tool.Model.Asked[0].MaxTokens, _tool.Model.Asked[0].LogProbs));
    }

    [Fact]
    public async Task Conversations_and_prompts_run_beside_each_other_and_a_bad_one_fails_alone()
    {
        string[] lines = ["""{"messages":[{"role":"user","content":"a"}],"expected":"A1"}""", """{"messages":[{"role":"user","content":"bad"}]}""", """{"prompt":"say it"}""", """{"messages":[{"role":"user","content":"\ud800"}]}"""];
        Assert.Equal(1, await RunAsync(string.Join('\n', lines)));
        Dictionary<string, JsonElement> results = Tool.Results(_tool.Output).ToDictionary(Tool.Id);
        Assert.Equal([200, 400, 200, 400], results.OrderBy(r => r.Key, StringComparer.Ordinal).Select(r => Tool.Status(r.Value)));
        Assert.Contains("line 2: Chat template, line 1: No bad words.", Tool.Message(results["line-2"]), StringComparison.Ordinal);
        Assert.Contains("answers right", _tool.Error, StringComparison.Ordinal);
        Assert.Contains("1 of 1 (100%)", _tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Tools_and_variables_reach_the_template()
    {
        string template = _tool.File("tools.jinja", "{{ tools[0].function.name }}-{{ messages[1].tool_calls[0].function.arguments.city }}-{{ messages[2].role }}-{{ mood }} x");
        string line = """{"messages":[{"role":"user","content":"a"},{"role":"assistant","content":null,"tool_calls":[{"id":"1","type":"function","function":{"name":"weather","arguments":"{\"city\":\"Rome\"}"}}]},{"role":"tool","tool_call_id":"1","content":"sun"}],"tools":[{"type":"function","function":{"name":"weather","parameters":{}}}],"chat_template_kwargs":{"mood":"calm"}}""";
        Assert.Equal(0, await _tool.RunAsync(line, null, CancellationToken.None, "run", "-", "--chat-template", template));
        Assert.Equal(["weather-Rome-tool-calm x"], _tool.Model.Prompts);
    }

    [Fact]
    public async Task Without_a_template_the_run_is_refused_before_it_writes_anything()
    {
        string input = _tool.File("in", """{"prompt":"a"}""", Line), output = _tool.Path("out");
        Assert.Equal(2, await _tool.RunAsync("run", input, "-o", output));
        Assert.Equal("coppice: Line 2 is a conversation, and the model has no chat template, so it does not say how a conversation is written. Name one with --chat-template FILE.\n", _tool.Error.ReplaceLineEndings("\n"));
        Assert.False(File.Exists(output));
        Assert.Empty(_tool.Model.Prompts);
    }

    [Fact]
    public async Task A_file_of_conversations_is_finished_later()
    {
        string input = _tool.File("in", """{"messages":[{"role":"user","content":"a"}],"expected":"A1"}""", Line), output = _tool.Path("out"), template = _tool.File("t.jinja", ChatTests.Template);
        Assert.Equal(0, await _tool.RunAsync("run", input, "-o", output, "--chat-template", template));
        File.WriteAllLines(output, File.ReadLines(output).Take(1).ToArray());
        Assert.Equal(0, await _tool.RunAsync("run", input, "-o", output, "--chat-template", template, "--resume"));
        Assert.Equal(["c", "line-1"], _tool.ResultsOf("out").Select(Tool.Id).Order());
        Assert.Contains("1 of 1 (100%)", _tool.Error, StringComparison.Ordinal);
    }

    [Fact]
    public async Task Conversations_share_their_system_prompt_and_inspect_shows_it()
    {
        const string document = "The house of Ada is in Vienna. The dog named Rex has fur that is brown. The code for Cairo is 042. The work of Otto is that of a baker.";
        string[] questions = ["Where is the house of Ada?", "What is the code for Cairo?", "What is the work of Otto?"], answers = ["Vienna", "042", "baker"];
        string input = _tool.File("in", questions.Zip(answers, (question, answer) =>
            JsonSerializer.Serialize(new { messages = new[] { new { role = "system", content = document }, new { role = "user", content = question } }, temperature = 0, expected = answer })));
        (string shown, _) = await EngineAsync("inspect", input);
        Assert.StartsWith("3 prompts, 3 rows, ", shown, StringComparison.Ordinal);
        Assert.Contains("x 3 rows  \" The house of Ada", shown, StringComparison.Ordinal);
        (_, string summary) = await EngineAsync("run", input, "--kv-memory", "16MiB");
        Assert.Contains("3 of 3 (100%)", summary, StringComparison.Ordinal);
        Assert.DoesNotContain(" 0 shared with running requests", summary, StringComparison.Ordinal);
    }

    private Task<int> RunAsync(string lines) => _tool.RunAsync(lines, null, CancellationToken.None, "run", "-", "--chat-template", _tool.File("t.jinja", ChatTests.Template));

    private static async Task<(string Output, string Error)> EngineAsync(params string[] arguments)
    {
        using MemoryStream output = new();
        StringWriter error = new();
        Assert.Equal(0, await CoppiceCommand.RunAsync(arguments, new Streams(Stream.Null, InIsTerminal: false, output, error, ErrorIsTerminal: false), EngineTextModel.Open, CancellationToken.None));
        return (System.Text.Encoding.UTF8.GetString(output.ToArray()), error.ToString());
    }
}
