using System.ClientModel;
using System.ClientModel.Primitives;
using System.Text.Json;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using OpenAI;
using OpenAI.Chat;

namespace Coppice.Tests.Server;

public sealed class ToolTests(ToolTests.WithTools fixture) : IClassFixture<ToolTests.WithTools>
{
    private const string Template = "{% if tools %}Tools: {{ tools | tojson }} Call one by <tool_call>{\"name\": ..., \"arguments\": ...}</tool_call>\n{% endif %}{% for m in messages %}{{ m.role }}: {{ m.content }}{% for c in m.tool_calls %}<tool_call>{{ c.function | tojson }}</tool_call>{% endfor %}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

    private const string Tools = """
        "tools":[{"type":"function","function":{"name":"code","description":"The code of a city","parameters":{"type":"object","properties":{"city":{"enum":["Rome","Paris"]},"digits":{"type":"integer","minimum":1,"maximum":9}},"required":["city","digits"],"additionalProperties":false}}},{"type":"function","function":{"name":"time"}}]
        """;

    private readonly RunningServer _server = fixture.Running;

    [Fact]
    public async Task A_named_tool_is_called_with_arguments_of_its_schema()
    {
        JsonElement answer = await OkAsync($$$"""{ {{{Tools}}},"tool_choice":{"type":"function","function":{"name":"code"}},"messages":[{"role":"user","content":"What is the code for Rome?"}],"max_tokens":400,"n":3,"seed":1}""");
        foreach (JsonElement choice in answer.GetProperty("choices").EnumerateArray())
        {
            JsonElement message = choice.GetProperty("message"), call = Assert.Single(message.GetProperty("tool_calls").EnumerateArray());
            Assert.Equal(("tool_calls", JsonValueKind.Null, "function", "code"), (choice.GetProperty("finish_reason").GetString(), message.GetProperty("content").ValueKind, call.GetProperty("type").GetString(), call.GetProperty("function").GetProperty("name").GetString()));
            Assert.NotEmpty(call.GetProperty("id").GetString()!);
            JsonElement arguments = JsonDocument.Parse(call.GetProperty("function").GetProperty("arguments").GetString()!).RootElement;
            Assert.Contains(arguments.GetProperty("city").GetString(), (string[])["Rome", "Paris"]);
            Assert.InRange(arguments.GetProperty("digits").GetInt32(), 1, 9);
        }
    }

    [Fact]
    public async Task A_streamed_call_is_the_same_call()
    {
        string body = $$"""{ {{Tools}},"tool_choice":"required","messages":[{"role":"user","content":"Call."}],"max_tokens":400,"temperature":0""";
        JsonElement whole = (await OkAsync(body + "}")).GetProperty("choices")[0];
        List<JsonElement> parts = [.. (await _server.StreamAsync("/v1/chat/completions", body + ""","stream":true}""")).Select(part => part.GetProperty("choices")[0])];
        if (whole.GetProperty("finish_reason").GetString() == "length") Assert.Fail($"The call is not complete: {whole}");
        JsonElement expected = whole.GetProperty("message").GetProperty("tool_calls")[0], call = Assert.Single(parts, part => part.GetProperty("delta").TryGetProperty("tool_calls", out _)).GetProperty("delta").GetProperty("tool_calls")[0];
        Assert.Equal(0, call.GetProperty("index").GetInt32());
        Assert.Equal(expected.GetProperty("function").GetRawText(), call.GetProperty("function").GetRawText());
        Assert.Equal("tool_calls", parts[^1].GetProperty("finish_reason").GetString());
        Assert.Equal("", string.Concat(parts.Select(part => part.GetProperty("delta").TryGetProperty("content", out JsonElement content) ? content.GetString() : "")));
    }

    [Fact]
    public async Task The_official_client_reads_calls_and_sends_results()
    {
        ChatClient client = new("sample", new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(_server.Server.Address, "/v1"), RetryPolicy = new ClientRetryPolicy(0) });
        ChatCompletionOptions options = new() { Tools = { ChatTool.CreateFunctionTool("code", "The code of a city", BinaryData.FromString("""{"type":"object","properties":{"city":{"enum":["Rome"]}},"required":["city"],"additionalProperties":false}""")) }, ToolChoice = ChatToolChoice.CreateRequiredChoice(), MaxOutputTokenCount = 400 };
        ChatCompletion called = await client.CompleteChatAsync([new UserChatMessage("The code for Rome?")], options);
        Assert.Equal(ChatFinishReason.ToolCalls, called.FinishReason);
        JsonProperty argument = Assert.Single(JsonDocument.Parse(called.ToolCalls[0].FunctionArguments).RootElement.EnumerateObject());
        Assert.Equal(("city", "Rome"), (argument.Name, argument.Value.GetString()));
        options.ToolChoice = ChatToolChoice.CreateNoneChoice();
        ChatCompletion told = await client.CompleteChatAsync([new UserChatMessage("The code for Rome?"), new AssistantChatMessage(called), new ToolChatMessage(called.ToolCalls[0].Id, "468")], options);
        Assert.Empty(told.ToolCalls);
        Assert.NotEqual(ChatFinishReason.ToolCalls, told.FinishReason);
    }

    [Theory]
    [InlineData(true, 2)]
    [InlineData(false, 1)]
    public void What_a_model_writes_is_told_apart_into_content_and_calls(bool parallel, int expected)
    {
        ToolUse use = new(ChatTemplate.Parse(Template), "", null, parallel);
        ToolReader reader = new(use, _server.Engine.Tokenizer);
        string[] pieces = ["Let me", " look.\n<tool", "_call>{\"name\": \"code\", \"argu", "ments\": {\"city\": \"Rome\"}}</tool_call>", "\n<tool_call>{\"name\": \"time\", \"arguments\": {}}</tool_call>"];
        string content = "";
        List<string> calls = [];
        for (int i = 0; i < pieces.Length; i++)
        {
            ToolCallDelta delta = reader.Read(new GenerateChunk(0, 5, pieces[i], null, i == pieces.Length - 1 ? FinishReason.Stop : null));
            content += delta.Content;
            calls.AddRange(delta.Calls.Select(call => $"{call.Name} {call.Arguments}"));
        }

        Assert.Equal("Let me look.", content);
        Assert.Equal(((string[])["""code {"city": "Rome"}""", "time {}"])[..expected], calls);
    }

    [Theory]
    [InlineData("""[TOOL_CALLS]""", "[TOOL_CALLS]")]
    [InlineData("""<|python_tag|>""", "")]
    [InlineData("""<tool_call>""", "<tool_call>\n")]
    public void A_demanded_call_is_begun_in_the_models_own_format(string template, string opening)
    {
        ToolSource source = new();
        source.ReadTools(new Field("tools", JsonDocument.Parse("""[{"type":"function","function":{"name":"f"}}]""").RootElement));
        source.ReadChoice(new Field("tool_choice", JsonDocument.Parse("\"required\"").RootElement));
        ToolUse use = ToolUse.Of(ChatTemplate.Parse(template), source);
        Assert.Equal(opening, use.Opening);
        Assert.NotNull(use.Form!.Build(CancellationToken.None));
    }

    [Theory]
    [InlineData("[TOOL_CALLS]")]
    [InlineData("<|python_tag|>")]
    [InlineData("<tool_call>")]
    public void Schemas_of_arguments_may_refer_to_their_own_parts(string template)
    {
        const string tool = """{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"p":{"$ref":"#/$defs/P"}},"required":["p"],"$defs":{"P":{"type":"object","properties":{"next":{"anyOf":[{"$ref":"#/$defs/P"},{"type":"null"}]}},"required":["next"],"additionalProperties":false}}}}}""";
        foreach (string tools in (string[])[$"[{tool}]", $"[{tool},{tool.Replace("\"f\"", "\"g\"", StringComparison.Ordinal)}]"])
        {
            ToolSource source = new();
            source.ReadTools(new Field("tools", JsonDocument.Parse(tools).RootElement));
            source.ReadChoice(new Field("tool_choice", JsonDocument.Parse("\"required\"").RootElement));
            Assert.NotNull(ToolUse.Of(ChatTemplate.Parse(template), source).Form!.Build(CancellationToken.None));
        }
    }

    [Theory]
    [InlineData("{}")]
    [InlineData("""{"description":"x"}""")]
    [InlineData("""{"anyOf":[{"type":"string"},{"type":"object","properties":{"a":{"type":"integer"}},"required":["a"]}]}""")]
    [InlineData("""{"properties":{"a":{"type":["integer","null"]}}}""")]
    public async Task Arguments_are_an_object_whatever_else_the_parameters_admit(string parameters)
    {
        JsonElement answer = await OkAsync($$$"""{"tools":[{"type":"function","function":{"name":"f","parameters":{{{parameters}}}}}],"tool_choice":"required","messages":[{"role":"user","content":"x"}],"max_tokens":600,"n":4,"seed":2,"temperature":1.2}""");
        foreach (JsonElement choice in answer.GetProperty("choices").EnumerateArray())
        {
            JsonElement message = choice.GetProperty("message");
            Assert.Equal(JsonValueKind.Null, message.GetProperty("content").ValueKind);
            string arguments = Assert.Single(message.GetProperty("tool_calls").EnumerateArray()).GetProperty("function").GetProperty("arguments").GetString()!;
            Assert.StartsWith("{", arguments);
            if (choice.GetProperty("finish_reason").GetString() == "tool_calls") Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(arguments).RootElement.ValueKind);
        }
    }

    [Theory]
    [InlineData(12)]
    [InlineData(25)]
    [InlineData(40)]
    public async Task A_demanded_call_that_is_cut_off_comes_as_far_as_it_is(int tokens)
    {
        const string tools = """[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"text":{"type":"string","minLength":200}},"required":["text"]}}}]""";
        string body = $$"""{"tools":{{tools}},"tool_choice":"required","messages":[{"role":"user","content":"x"}],"max_tokens":{{tokens}},"temperature":0""";
        JsonElement choice = (await OkAsync(body + "}")).GetProperty("choices")[0], message = choice.GetProperty("message");
        Assert.Equal("length", choice.GetProperty("finish_reason").GetString());
        Assert.True(string.IsNullOrEmpty(message.GetProperty("content").GetString()), message.ToString());
        List<JsonElement> parts = [.. (await _server.StreamAsync("/v1/chat/completions", body + ""","stream":true}""")).Select(part => part.GetProperty("choices")[0])];
        Assert.Equal("length", parts[^1].GetProperty("finish_reason").GetString());
        if (!message.TryGetProperty("tool_calls", out JsonElement calls)) return;
        JsonElement function = calls[0].GetProperty("function");
        Assert.Equal("f", function.GetProperty("name").GetString());
        JsonElement streamed = Assert.Single(parts, part => part.GetProperty("delta").TryGetProperty("tool_calls", out _)).GetProperty("delta").GetProperty("tool_calls")[0].GetProperty("function");
        Assert.Equal(function.GetRawText(), streamed.GetRawText());
    }

    [Theory]
    [InlineData("""{"type":"object","properties":{"a":{"const":{"$ref":"#/x"}},"$ref":{"type":"null"}},"required":["a","$ref"]}""", """{"a":{"$ref":"#/x"},"$ref":null}""")]
    [InlineData("""{"$id":"T","type":"object","properties":{"a":{"$ref":"T#n"},"b":{"$ref":"#/$defs/n"}},"required":["a","b"],"$defs":{"n":{"$anchor":"n","type":"integer"}}}""", """{"a":1,"b":2}""")]
    public void References_lead_from_the_parameters_own_root_and_data_is_left_alone(string parameters, string arguments)
    {
        ToolSource source = new();
        source.ReadTools(new Field("tools", JsonDocument.Parse($$$"""[{"type":"function","function":{"name":"f","parameters":{{{parameters}}}}},{"type":"function","function":{"name":"g","parameters":{{{parameters}}}}}]""").RootElement));
        source.ReadChoice(new Field("tool_choice", JsonDocument.Parse("\"required\"").RootElement));
        OutputConstraint form = ToolUse.Of(ChatTemplate.Parse("<tool_call>"), source).Form!.Build(CancellationToken.None);
        foreach (string name in (string[])["f", "g"])
            Assert.True(Constraints.Walk.Accepts(Constraints.Walk.Over(form, Constraints.Walk.Bytes), $$$"""{"name":"{{{name}}}","arguments":{{{arguments}}}}"""));
    }

    [Theory]
    [InlineData(""" "tool_choice":"required" """, "tool_choice")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"f"}}],"tool_choice":{"type":"function","function":{"name":"g"}} """, "tool_choice")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"a b"}}] """, "tools[0].function.name")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"f"}}] """, "tools[1].function.name")]
    [InlineData(""" "tools":[{"type":"custom","custom":{"name":"f"}}] """, "tools[0].type")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"f"}}],"response_format":{"type":"json_object"} """, "tools")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"a":{"$ref":"http://x/y"}}}}}],"tool_choice":"required" """, "tools[0].function.parameters")]
    [InlineData(""" "tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g","parameters":{"type":"object","properties":{"a":{"$ref":"http://x/y"}}}}}],"tool_choice":"required" """, "tools[1].function.parameters")]
    [InlineData(""" "functions":[{"name":"f"}] """, "functions")]
    public async Task What_cannot_be_called_is_refused_by_name(string fields, string param)
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/chat/completions", $$"""{ {{fields}},"messages":[{"role":"user","content":"a"}]}""");
        Assert.Equal((400, param), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    private async Task<JsonElement> OkAsync(string body)
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/chat/completions", body);
        Assert.True(status == 200, answer.ToString());
        return answer;
    }

    public sealed class WithTools : IAsyncLifetime
    {
        internal RunningServer Running { get; private set; } = null!;

        public async Task InitializeAsync() => Running = await RunningServer.StartAsync(chatTemplate: Template);

        public async Task DisposeAsync() => await Running.DisposeAsync();
    }
}
