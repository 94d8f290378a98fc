using System.Diagnostics;
using System.Text;
using System.Text.RegularExpressions;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

public sealed class ChatTests : IDisposable
{
    /// <summary>Ends in a word that says how many messages there are, which the model without weights answers with.</summary>
    internal const string Template = "{{ bos_token }}{% for m in messages %}{% if m.content == 'bad' %}{{ raise_exception('No bad words.') }}{% endif %}<{{ m.role }}:{{ m.content | trim }}>{% endfor %}{% if add_generation_prompt %} A{{ messages | length }}{% endif %}";

    private readonly Tool _tool = new();

    public void Dispose() => _tool.Dispose();

    [Fact]
    public async Task Each_turn_sends_the_whole_conversation_and_only_answers_are_printed()
    {
        Assert.Equal(0, await ChatAsync("one\n\n  \ntwo\r\nthree", "--system", "Be brief."));
        Assert.Equal("A2.\nA4.\nA6.\n", _tool.Output);
        Assert.Equal("", _tool.Error);
        Assert.Equal("<system:Be brief.><user:one><assistant:A2.><user:two><assistant:A4.><user:three> A6", _tool.Model.Prompts[^1]);
        Assert.All(_tool.Model.PromptTokens, prompt => Assert.Equal((FakeModel.BeginOfText, 1), (prompt[0], prompt.Count(token => token == FakeModel.BeginOfText))));
        Assert.True(_tool.Model.IsDisposed);
    }

    [Fact]
    public void A_file_that_is_no_conversation_is_refused_and_leaves_what_was_said()
    {
        Coppice.Cli.Chat.Conversation conversation = new();
        conversation.Ask("Hi");
        foreach (string file in (string[])["", "[]", "{\"messages\":[1]}", "{\"messages\":[{\"role\":\"user\",\"\\ud800\":1}]}", "{\"\\ud800\":1,\"messages\":[]}"])
            Assert.Throws<InvalidRequestException>(() => conversation.Load(Encoding.UTF8.GetBytes(file)));
        Assert.Equal("Hi", Assert.Single(conversation.Messages).Content);
    }

    [Fact]
    public async Task A_turn_may_have_many_lines()
    {
        Assert.Equal(0, await ChatAsync("a \\\nb\n\"\"\"\nc\n\n/reset\nd\\\n\"\"\"\n//e\n"));
        Assert.Equal("<user:a \nb><assistant:A1.><user:c\n\n/reset\nd\\><assistant:A3.><user:/e> A5", _tool.Model.Prompts[^1]);
    }

    [Fact]
    public async Task Commands_take_back_forget_and_replace()
    {
        Assert.Equal(0, await ChatAsync("one\ntwo\n/undo\nthree\n/system S\nfour\n/reset\nfive\n/exit\nsix", "--system", "R"));
        Assert.Equal(
            ["<system:R><user:one> A2", "<system:R><user:one><assistant:A2.><user:two> A4", "<system:R><user:one><assistant:A2.><user:three> A4",
                "<system:S><user:one><assistant:A2.><user:three><assistant:A4.><user:four> A6", "<system:S><user:five> A2"],
            _tool.Model.Prompts);
    }

    [Fact]
    public async Task What_a_command_shows_goes_to_stderr()
    {
        Assert.Equal(0, await ChatAsync("/help\n/system\n/system Be\n/system"));
        Assert.Contains("/undo           forget the last question and its answer", _tool.Error, StringComparison.Ordinal);
        Assert.EndsWith("There is no system prompt.\nBe\n", _tool.Error.ReplaceLineEndings("\n"), StringComparison.Ordinal);
        Assert.Equal("", _tool.Output);
    }

    [Theory]
    [InlineData("/nonsense", "There is no command '/nonsense'. /help lists")]
    [InlineData("/undo", "There is nothing to take back.")]
    [InlineData("/save", "/save needs the name of a file.")]
    [InlineData("/load /no/such/file", "/no/such/file")]
    [InlineData("/save /no/such/folder/file", "/no/such/folder")]
    [InlineData("bad", "No bad words.")]
    public async Task A_turn_that_cannot_be_done_is_said_in_one_line_and_the_others_go_on(string turn, string says)
    {
        Assert.Equal(1, await ChatAsync($"{turn}\ngood"));
        Assert.StartsWith("coppice: ", _tool.Error, StringComparison.Ordinal);
        Assert.Contains(says, _tool.Error, StringComparison.Ordinal);
        Assert.Equal(1, _tool.Error.Count(c => c == '\n'));
        Assert.Equal("A1.\n", _tool.Output);
        Assert.Equal(["<user:good> A1"], _tool.Model.Prompts);
    }

    [Fact]
    public async Task A_saved_conversation_is_loaded_as_it_was_and_runs_as_a_line()
    {
        string saved = _tool.Path("saved.jsonl"), other = _tool.File("other.json", """{"messages":[{"role":"user","content":"q","mood":"é\n"},{"role":"assistant","content":null,"tool_calls":[{"function":{"name":"f","arguments":"{}"}}]}]}""");
        Assert.Equal(0, await ChatAsync($"say \"é\"\n/save {saved}\n/reset\n/load {saved}\nmore\n/load {other}\n/save {saved}2"));
        Assert.Equal("<user:say \"é\"><assistant:A1.><user:more> A3", _tool.Model.Prompts[^1]);
        Assert.Equal("""{"messages":[{"role":"user","content":"say \"é\""},{"role":"assistant","content":" A1."}]}""" + "\n", await File.ReadAllTextAsync(saved));
        Assert.Equal((await File.ReadAllTextAsync(other)).TrimEnd(), (await File.ReadAllTextAsync(saved + "2")).TrimEnd());
        Assert.Equal(0, await _tool.RunAsync("run", saved, "-q", "--chat-template", _tool.Path("t.jinja")));
        Assert.Equal(" A2.", Tool.Results(_tool.Output)[0].GetProperty("response").GetProperty("body").GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString());
    }

    [Theory]
    [InlineData("[1]", "It is no conversation")]
    [InlineData("{\"messages\":[{}]}", "needs a 'role'")]
    [InlineData("{", "It is not JSON")]
    public async Task A_file_that_is_no_conversation_leaves_it_as_it_is(string text, string says)
    {
        string file = _tool.File("wrong", text);
        Assert.Equal(1, await ChatAsync($"one\n/load {file}\n/save {file}\ntwo"));   // and nothing is written over
        Assert.Contains(says, _tool.Error, StringComparison.Ordinal);
        Assert.Equal(text, File.ReadAllText(file).TrimEnd());
        Assert.Equal("<user:one><assistant:A1.><user:two> A3", _tool.Model.Prompts[^1]);
    }

    [Fact]
    public async Task A_turn_that_does_not_fit_is_refused_and_nothing_is_dropped()
    {
        using Tool tool = new() { Model = new FakeModel { MaxContextTokens = 60 } };
        Assert.Equal(1, await ChatAsync(tool, $"one\n{new string('x', 40)}\ntwo\n/reset\n{new string('y', 40)}"));
        Assert.Equal("A1.\nA3.\nA1.\n", tool.Output);
        Assert.Equal("coppice: The conversation takes 76 tokens and the context has 60. It was not sent: /undo takes back the turn before it, /reset begins anew.\n", tool.Error);
        Assert.Equal("<user:one><assistant:A1.><user:two> A3", tool.Model.Prompts[1]);
        Assert.Equal([60 - 14, 60 - 39, 60 - 51], tool.Model.Asked.Select(options => options.MaxTokens!.Value));
    }

    [Fact]
    public async Task At_a_terminal_Ctrl_C_stops_the_answer_and_keeps_what_was_said()
    {
        Tool? tool = null;
        int chunks = 0;
        bool again = false;
        using Tool made = new()
        {
            InIsTerminal = true,
            Model = new FakeModel
            {
                BetweenChunks = cancellation =>
                {
                    if (++chunks != 3) return Task.CompletedTask;
                    Assert.True(tool!.Interrupts.TryStopPart());
                    again = tool.Interrupts.TryStopPart();
                    return Task.Delay(Timeout.Infinite, cancellation);
                },
            },
        };
        tool = made;
        Assert.Equal(0, await ChatAsync(made, "one\ntwo"));
        Assert.Equal("A\nA3.\n", made.Output);
        Assert.Equal("<user:one><assistant:A><user:two> A3", made.Model.Prompts[^1]);
        Assert.False(again);                           // a second time it leaves,
        Assert.False(made.Interrupts.TryStopPart());   // as it does at the prompt
    }

    [Fact]
    public async Task A_person_sees_a_prompt_and_what_each_answer_took_and_a_terminal_is_not_given_orders()
    {
        using Tool tool = new() { InIsTerminal = true, ErrorIsTerminal = true };
        string template = tool.File("t.jinja", "x {{ messages[-1].content }}");
        Assert.Equal(0, await tool.RunAsync("\u001b[2J\n", null, CancellationToken.None, "chat", "--chat-template", template));
        Assert.Equal("\uFFFD[2J.\n", tool.Output);
        string error = Regex.Replace(tool.Error, @"(\x1B\[[0-9;]*m|\s)+", " ");
        Assert.Matches(@"fake\. /help lists what can be typed, /exit leaves\. > 6 tokens at \S+/s, 6 of prompt \(3 from cache\), first after \S+ s >", error);
    }

    [Fact]
    public async Task Chat_hands_its_options_on()
    {
        await ChatAsync("a", "--max-tokens", "9", "--temperature", "0.5", "--seed", "4", "--stop", "x");
        GenerateOptions asked = Assert.Single(_tool.Model.Asked);
        Assert.Equal((1, 9, 0.5f, 4L, "x"), (asked.N, asked.MaxTokens, asked.Temperature, asked.Seed, asked.Stop[0]));
    }

    [Fact]
    public async Task Input_that_is_not_text_is_refused()
    {
        Streams streams = new(new MemoryStream([(byte)'a', (byte)'\n', 0xFF, (byte)'\n']), InIsTerminal: false, Stream.Null, new StringWriter(), ErrorIsTerminal: false);
        Assert.Equal(2, await CoppiceCommand.RunAsync(["chat", "--chat-template", _tool.File("t.jinja", Template)], streams, (_, _) => _tool.Model, CancellationToken.None));
        Assert.Contains("Line 2 of standard input is not UTF-8.", streams.Error.ToString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task The_sample_model_answers_about_a_document_and_finds_what_it_computed()
    {
        string document = _tool.File("document.txt", "The house of Ada is in Vienna. The dog named Rex has fur that is brown. The code for Cairo is 042. It was a fine day and the prince was in good spirits.");
        using MemoryStream output = new();
        StringWriter error = new();
        Streams streams = new(new MemoryStream("Where is the house of Ada?\nWhat is the code for Cairo?\n"u8.ToArray()), InIsTerminal: true, output, error, ErrorIsTerminal: true);
        Assert.Equal(0, await CoppiceCommand.RunAsync(["chat", "--system-file", document, "--temperature", "0", "--kv-memory", "16MiB"], streams, EngineTextModel.Open, CancellationToken.None));
        Assert.Equal("Vienna.\n042.\n", Encoding.UTF8.GetString(output.ToArray()));
        int[] cached = [.. Regex.Matches(error.ToString(), @"(?<cached>\d+)\s+from\s+cache", RegexOptions.ExplicitCapture).Select(m => int.Parse(m.Groups["cached"].Value, System.Globalization.CultureInfo.InvariantCulture))];
        Assert.Equal(2, cached.Length);
        Assert.Equal(0, cached[0]);
        Assert.True(cached[1] >= 48, $"{cached[1]} tokens of the second turn were found");
    }

    [Fact]
    public async Task The_tool_itself_chats_through_a_pipe()
    {
        using Process process = Process.Start(new ProcessStartInfo("dotnet", [Path.Combine(AppContext.BaseDirectory, "Coppice.Cli.dll"), "chat", "--system", "The dog named Rex has fur that is brown. The house of Ada is in Rome.", "--temperature", "0", "--threads", "1", "--kv-memory", "16MiB"])
        {
            UseShellExecute = false,
            RedirectStandardInput = true,
            RedirectStandardOutput = true,
            RedirectStandardError = true,
        })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        await process.StandardInput.WriteAsync("Where is the house of Ada?\n/nonsense\n/exit\nunread\n");
        process.StandardInput.Close();
        await process.WaitForExitAsync();
        Assert.Equal("Rome.", (await output).Trim());
        Assert.StartsWith("coppice: There is no command '/nonsense'.", await error, StringComparison.Ordinal);
        Assert.Equal(1, process.ExitCode);
    }

    private Task<int> ChatAsync(string input, params string[] options) => ChatAsync(_tool, input, options);

    private static Task<int> ChatAsync(Tool tool, string input, params string[] options) =>
        tool.RunAsync(input, null, CancellationToken.None, ["chat", "--chat-template", tool.File("t.jinja", Template), .. options]);
}
