using System.Text.Json;

namespace Coppice.Tests.Server;

public sealed class CompletionTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Completions = "/v1/completions", Chat = "/v1/chat/completions";
    private readonly RunningServer _server = fixture.Running;

    [Theory]
    [InlineData("""{"temperature":0,"max_tokens":12}""")]
    [InlineData("""{"seed":7,"n":3,"max_tokens":20,"top_p":0.9,"min_p":0.01,"repetition_penalty":1.2}""")]
    [InlineData("""{"seed":8,"max_tokens":20,"top_k":5,"presence_penalty":0.5,"frequency_penalty":-0.5,"logit_bias":{"50":5,"51":-100},"ignore_eos":true}""")]
    [InlineData("""{"seed":9,"max_tokens":200,"stop":[" the","He"],"min_tokens":3}""")]
    public async Task An_answer_has_the_bits_of_the_librarys(string json)
    {
        Dictionary<string, JsonElement> fields = JsonSerializer.Deserialize<Dictionary<string, JsonElement>>(json)!;
        float Real(string name, float otherwise) => fields.TryGetValue(name, out JsonElement value) ? value.GetSingle() : otherwise;
        int Whole(string name, int otherwise) => fields.TryGetValue(name, out JsonElement value) ? value.GetInt32() : otherwise;
        GenerateResult expected = await _server.Engine.CompleteAsync("The prince looked at", new GenerateOptions
        {
            Temperature = Real("temperature", 1),
            MaxTokens = Whole("max_tokens", 16),
            MinTokens = Whole("min_tokens", 0),
            Seed = Whole("seed", 0),
            N = Whole("n", 1),
            TopP = Real("top_p", 1),
            TopK = Whole("top_k", 0),
            MinP = Real("min_p", 0),
            RepetitionPenalty = Real("repetition_penalty", 1),
            PresencePenalty = Real("presence_penalty", 0),
            FrequencyPenalty = Real("frequency_penalty", 0),
            LogitBias = fields.TryGetValue("logit_bias", out JsonElement bias) ? bias.EnumerateObject().ToDictionary(p => int.Parse(p.Name), p => p.Value.GetSingle()) : null,
            IgnoreEndOfText = fields.ContainsKey("ignore_eos"),
            Stop = fields.TryGetValue("stop", out JsonElement stop) ? [.. stop.EnumerateArray().Select(s => s.GetString()!)] : [],
            LogProbs = 2,
        });
        fields["prompt"] = JsonSerializer.SerializeToElement("The prince looked at");
        fields["logprobs"] = JsonSerializer.SerializeToElement(2);
        (int status, JsonElement answer) = await _server.AskAsync(Completions, JsonSerializer.Serialize(fields));
        Assert.Equal(200, status);
        Assert.Equal(expected.Choices.Select(c => c.Text), answer.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("text").GetString()));
        Assert.Equal(expected.Choices.Select(c => c.Finish == FinishReason.Stop ? "stop" : "length"), answer.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("finish_reason").GetString()));
        // Log probabilities are written so that reading gives the same bits.
        Assert.Equal(expected.Choices.SelectMany(c => c.LogProbs!).Select(p => BitConverter.SingleToInt32Bits(p.LogProb)),
            answer.GetProperty("choices").EnumerateArray().SelectMany(c => c.GetProperty("logprobs").GetProperty("token_logprobs").EnumerateArray()).Select(p => BitConverter.SingleToInt32Bits(p.GetSingle())));
        Assert.Equal(expected.Usage.CompletionTokens, answer.GetProperty("usage").GetProperty("completion_tokens").GetInt32());

        fields["stream"] = JsonSerializer.SerializeToElement(true);
        List<JsonElement> events = await _server.StreamAsync(Completions, JsonSerializer.Serialize(fields));
        string[] texts = [.. expected.Choices.Select(_ => "")];
        foreach (JsonElement choice in events.Select(e => e.GetProperty("choices")[0])) texts[choice.GetProperty("index").GetInt32()] += choice.GetProperty("text").GetString();
        Assert.Equal(expected.Choices.Select(c => c.Text), texts);
    }

    [Fact]
    public async Task Prompts_may_be_texts_tokens_and_lists_of_both()
    {
        string one = "The prince looked at", two = "Question: Who";
        int[] tokens = _server.Engine.Tokenizer.Encode(one);
        string expected = (await _server.Engine.CompleteAsync(one, new GenerateOptions { Temperature = 0, MaxTokens = 5 })).Choices[0].Text;
        string expectedTwo = (await _server.Engine.CompleteAsync(two, new GenerateOptions { Temperature = 0, MaxTokens = 5 })).Choices[0].Text;
        string list = JsonSerializer.Serialize(tokens);
        foreach (string prompt in (string[])[$"\"{one}\"", $"[\"{one}\"]", list, $"[{list}]"])
        {
            (int status, JsonElement answer) = await _server.AskAsync(Completions, $$"""{"prompt":{{prompt}},"temperature":0,"max_tokens":5}""");
            Assert.Equal(200, status);
            Assert.Equal(expected, answer.GetProperty("choices")[0].GetProperty("text").GetString());
            Assert.Equal(tokens.Length, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        }

        (_, JsonElement both) = await _server.AskAsync(Completions, $$"""{"prompt":["{{two}}",{{list}}],"temperature":0,"max_tokens":5,"n":2}""");
        Assert.Equal([expectedTwo, expectedTwo, expected, expected], both.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("text").GetString()));
        Assert.Equal([0, 1, 2, 3], both.GetProperty("choices").EnumerateArray().Select(c => c.GetProperty("index").GetInt32()));
        List<JsonElement> events = await _server.StreamAsync(Completions, $$"""{"prompt":["{{two}}",{{list}}],"temperature":0,"max_tokens":5,"n":2,"stream":true}""");
        Assert.Equal([expectedTwo, expectedTwo, expected, expected], Enumerable.Range(0, 4).Select(i => string.Concat(events.Select(e => e.GetProperty("choices")[0]).Where(c => c.GetProperty("index").GetInt32() == i).Select(c => c.GetProperty("text").GetString()))));
    }

    [Fact]
    public async Task Usage_counts_a_prompt_once_and_says_what_the_cache_had_of_it()
    {
        string prompt = string.Concat(Enumerable.Range(0, 40).Select(i => $" The code for town {i} is {i * 7}."));
        int promptTokens = _server.Engine.Tokenizer.Encode(prompt).Length;
        (int, int, int, int) Usage(JsonElement usage) => (usage.GetProperty("prompt_tokens").GetInt32(), usage.GetProperty("completion_tokens").GetInt32(), usage.GetProperty("total_tokens").GetInt32(), usage.GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32());
        string body = $$"""{"prompt":"{{prompt}}","n":4,"max_tokens":3,"ignore_eos":true,"cache_salt":"usage"}""";
        Assert.Equal((promptTokens, 12, promptTokens + 12, 0), Usage((await _server.AskAsync(Completions, body)).Json.GetProperty("usage")));
        // Again: its full pages are there, short of the last token, which is always computed.
        int cached = (promptTokens - 1) / 16 * 16;
        Assert.Equal((promptTokens, 12, promptTokens + 12, cached), Usage((await _server.AskAsync(Completions, body)).Json.GetProperty("usage")));
        List<JsonElement> events = await _server.StreamAsync(Completions, body[..^1] + ""","stream":true,"stream_options":{"include_usage":true}}""");
        Assert.All(events[..^1], e => Assert.Equal(JsonValueKind.Null, e.GetProperty("usage").ValueKind));
        Assert.Equal(0, events[^1].GetProperty("choices").GetArrayLength());
        Assert.Equal((promptTokens, 12, promptTokens + 12, cached), Usage(events[^1].GetProperty("usage")));
    }

    [Fact]
    public async Task A_chat_is_written_as_the_models_template_says()
    {
        GenerateOptions options = new() { Temperature = 0, MaxTokens = 8, LogProbs = 1 };
        GenerateResult expected = await _server.Engine.CompleteAsync(_server.Engine.Tokenizer.Encode("<s>system: Be brief.\nuser: The code for Rome is 468. What is it?\nassistant:", Specials.InText), options);
        const string Body = """{"messages":[{"role":"system","content":"Be brief."},{"role":"user","content":[{"type":"text","text":"The code for Rome is 468."},{"type":"text","text":" What is it?"}]}],"temperature":0,"max_tokens":8,"logprobs":true,"top_logprobs":1}""";
        (int status, JsonElement answer) = await _server.AskAsync(Chat, Body);
        Assert.Equal((200, "chat.completion"), (status, answer.GetProperty("object").GetString()));
        JsonElement choice = answer.GetProperty("choices")[0];
        Assert.Equal(("assistant", expected.Choices[0].Text), (choice.GetProperty("message").GetProperty("role").GetString(), choice.GetProperty("message").GetProperty("content").GetString()));
        Assert.Equal(expected.Choices[0].LogProbs!.Select(p => p.LogProb), choice.GetProperty("logprobs").GetProperty("content").EnumerateArray().Select(p => p.GetProperty("logprob").GetSingle()));
        Assert.Equal(expected.Usage.PromptTokens, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());

        List<JsonElement> events = await _server.StreamAsync(Chat, Body[..^1] + ""","stream":true}""");
        Assert.Equal("assistant", events[0].GetProperty("choices")[0].GetProperty("delta").GetProperty("role").GetString());
        Assert.Equal(expected.Choices[0].Text, string.Concat(events.Select(e => e.GetProperty("choices")[0].GetProperty("delta").GetProperty("content").GetString())));
        Assert.All(events[1..], e => Assert.False(e.GetProperty("choices")[0].GetProperty("delta").TryGetProperty("role", out _)));
    }

    [Fact]
    public async Task An_answer_fits_what_it_must_look_like()
    {
        const string Format = """{"type":"json_schema","json_schema":{"name":"answer","strict":true,"schema":{"type":"object","properties":{"yes":{"type":"boolean"}},"required":["yes"],"additionalProperties":false}}}""";
        (int status, JsonElement answer) = await _server.AskAsync(Chat, $$"""{"messages":[{"role":"user","content":"Yes?"}],"max_tokens":60,"seed":1,"response_format":{{Format}}}""");
        Assert.Equal(200, status);
        Assert.Equal(JsonValueKind.Object, JsonDocument.Parse(answer.GetProperty("choices")[0].GetProperty("message").GetProperty("content").GetString()!).RootElement.ValueKind);
        (_, answer) = await _server.AskAsync(Completions, """{"prompt":"a","max_tokens":9,"seed":1,"grammar":"root ::= \"yes\" | \"no\""}""");
        Assert.Contains(answer.GetProperty("choices")[0].GetProperty("text").GetString(), (string[])["yes", "no"]);
        (status, answer) = await _server.AskAsync(Completions, """{"prompt":"a","grammar":"root ::= ("}""");
        Assert.Equal((400, "grammar"), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Text_becomes_tokens_and_tokens_text()
    {
        (_, JsonElement tokens) = await _server.AskAsync("/tokenize", """{"prompt":"The prince","return_token_strs":true}""");
        Assert.Equal(_server.Engine.Tokenizer.Encode("The prince"), tokens.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()));
        Assert.Equal((tokens.GetProperty("count").GetInt32(), 4096), (tokens.GetProperty("token_strs").GetArrayLength(), tokens.GetProperty("max_model_len").GetInt32()));
        (_, JsonElement text) = await _server.AskAsync("/detokenize", $$"""{"tokens":{{tokens.GetProperty("tokens").GetRawText()}}}""");
        Assert.Equal("The prince", text.GetProperty("prompt").GetString());
        (_, JsonElement chat) = await _server.AskAsync("/tokenize", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal(_server.Engine.Tokenizer.Encode("<s>user: Hi\nassistant:", Specials.InText), chat.GetProperty("tokens").EnumerateArray().Select(t => t.GetInt32()));
    }

    [Fact]
    public async Task The_model_can_be_looked_up()
    {
        using JsonDocument list = JsonDocument.Parse(await _server.Client.GetStringAsync("/v1/models"));
        Assert.Equal("sample", list.RootElement.GetProperty("data")[0].GetProperty("id").GetString());
        using JsonDocument one = JsonDocument.Parse(await _server.Client.GetStringAsync("/v1/models/sample"));
        Assert.Equal("model", one.RootElement.GetProperty("object").GetString());
        Assert.Equal(404, (int)(await _server.Client.GetAsync("/v1/models/org/other")).StatusCode);
    }

    [Fact]
    public async Task The_metrics_tell_what_was_done()
    {
        await _server.StreamAsync(Completions, """{"prompt":"a","max_tokens":4,"stream":true,"ignore_eos":true}""");
        string text = await _server.Client.GetStringAsync("/metrics");
        double Value(string series) => double.Parse(text.Split('\n').Single(line => line.StartsWith(series + "{", StringComparison.Ordinal)).Split(' ')[1]);
        Assert.True(Value("vllm:time_to_first_token_seconds_count") >= 1);
        Assert.True(Value("vllm:inter_token_latency_seconds_count") >= 3);
        Assert.True(Value("vllm:generation_tokens_total") >= 4);
        Assert.True(Value("vllm:prefix_cache_queries_total") > 0);
        Assert.True(Value("coppice:kv_limit_bytes") > 0);
        foreach (string line in text.Split('\n', StringSplitOptions.RemoveEmptyEntries)) Assert.Matches("^(# (HELP|TYPE) [a-z0-9_:]+ .+|[a-z0-9_:]+\\{model_name=\"sample\"[^}]*\\} [-+0-9.eE]+)$", line);
    }
}
