using System.Net;
using System.Text;
using System.Text.Json;

namespace Coppice.Tests.Server;

public sealed class RefusalTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private readonly RunningServer _server = fixture.Running;

    [Theory]
    [InlineData("{}", "prompt", "missing_required_parameter")]
    [InlineData("""{"prompt":"a","n":0}""", "n", "invalid_value")]
    [InlineData("""{"prompt":"a","n":129}""", "n", "invalid_value")]
    [InlineData("""{"prompt":"a","logprobs":21}""", "logprobs", "invalid_value")]
    [InlineData("""{"prompt":"a","temperature":"hot"}""", "temperature", "invalid_value")]
    [InlineData("""{"prompt":"a","temperature":1e999}""", "temperature", "invalid_value")]
    [InlineData("""{"prompt":"a","stop":["1","2","3","4","5","6","7","8","9","10","11","12","13","14","15","16","17"]}""", "stop", "invalid_value")]
    [InlineData("""{"prompt":"a","stop":["x",""]}""", "stop[1]", "invalid_value")]
    [InlineData("""{"prompt":"a","logit_bias":{"x":1}}""", "logit_bias", "invalid_value")]
    [InlineData("""{"prompt":"a","logit_bias":{"1":101}}""", "logit_bias.1", "invalid_value")]
    [InlineData("""{"prompt":"a","suffix":"b"}""", "suffix", "unsupported_parameter")]
    [InlineData("""{"prompt":"a","stream_options":{"include_usage":true}}""", "stream_options", "invalid_value")]
    [InlineData("""{"prompt":"a","stream":true,"stream_options":{"foo":true}}""", "stream_options.foo", "unknown_parameter")]
    [InlineData("""{"prompt":"a","foo":1}""", "foo", "unknown_parameter")]
    [InlineData("""{"prompt":[[1,2],[]]}""", "prompt", "invalid_value")]
    [InlineData("""{"prompt":[1,99999]}""", "prompt", "invalid_value")]
    [InlineData("""{"prompt":[1,-1]}""", "prompt[1]", "invalid_value")]
    [InlineData("""{"prompt":{"a":1}}""", "prompt", "invalid_value")]
    [InlineData("""{"prompt":"\ud800"}""", "prompt", "invalid_value")]
    [InlineData("""{"prompt":"a","min_tokens":17}""", "min_tokens", "invalid_value")]
    [InlineData("""{"prompt":"a","max_tokens":-1}""", "max_tokens", "invalid_value")]
    [InlineData("""{"prompt":"a","logit_bias":{"5":1,"99999":1}}""", "logit_bias", "invalid_value")]
    [InlineData("""{"prompt":"a","stop_token_ids":[99999]}""", "stop_token_ids", "invalid_value")]
    [InlineData("""{"prompt":"a","best_of":129}""", "best_of", "invalid_value")]
    [InlineData("""{"prompt":"a","n":3,"best_of":2}""", "best_of", "invalid_value")]
    [InlineData("""{"prompt":"a","best_of":2,"stream":true}""", "best_of", "invalid_value")]
    public async Task A_completion_is_refused_by_the_name_of_the_field(string body, string param, string code)
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/completions", body);
        Assert.Equal((400, param, code, "invalid_request_error"), (status, answer.GetProperty("error").GetProperty("param").GetString(), answer.GetProperty("error").GetProperty("code").GetString(), answer.GetProperty("error").GetProperty("type").GetString()));
    }

    [Theory]
    [InlineData("""{"messages":[]}""", "messages")]
    [InlineData("""{"messages":[{"role":"user"}]}""", "messages[0].content")]
    [InlineData("""{"messages":[{"role":"king","content":"a"}]}""", "messages[0].role")]
    [InlineData("""{"messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"x"}}]}]}""", "messages[0].content[0].type")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f"}}]}""", "tools")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"title":"\ud800"}}}],"tool_choice":"required"}""", "tools[0].function.parameters")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"reasoning_effort":"high"}""", "reasoning_effort")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"store":true}""", "store")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"modalities":["text","audio"]}""", "modalities")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"top_logprobs":2}""", "top_logprobs")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"max_tokens":2,"max_completion_tokens":3}""", "max_tokens")]
    [InlineData("""{"messages":[{"role":"user","content":"a"}],"prompt":"x"}""", "prompt")]
    public async Task A_chat_is_refused_by_the_name_of_the_field(string body, string param)
    {
        (int status, JsonElement answer) = await _server.AskAsync("/v1/chat/completions", body);
        Assert.Equal((400, param), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task Fields_at_their_neutral_value_are_accepted()
    {
        (int status, _) = await _server.AskAsync("/v1/chat/completions", """{"model":"sample","messages":[{"role":"user","content":"a","name":null}],"max_tokens":1,"tools":[],"tool_choice":"auto","response_format":{"type":"text"},"modalities":["text"],"store":false,"metadata":{},"service_tier":"auto","user":"me","safety_identifier":"x","prompt_cache_key":"k","parallel_tool_calls":true,"audio":null,"verbosity":"medium","logprobs":false}""");
        Assert.Equal(200, status);
        (status, _) = await _server.AskAsync("/v1/completions", """{"prompt":"a","max_tokens":1,"best_of":1,"echo":false,"suffix":"","logprobs":null,"top_p":0,"top_k":-1}""");
        Assert.Equal(200, status);
    }

    [Theory]
    [InlineData("GET", "/v1/nothing", null, null, 404, "unknown_url")]
    [InlineData("GET", "/v1/completions", null, null, 405, "method_not_allowed")]
    [InlineData("POST", "/v1/completions", "text/plain", "{}", 415, "unsupported_media_type")]
    [InlineData("POST", "/v1/completions", "application/json", "{", 400, "invalid_json")]
    [InlineData("POST", "/v1/completions", "application/json", "[]", 400, "invalid_json")]
    [InlineData("POST", "/v1/completions", "application/json", """{"prompt":"a","prompt":"b"}""", 400, "invalid_json")]
    [InlineData("POST", "/v1/completions", "application/json", """{"prompt":"a","\ud800":"b"}""", 400, "invalid_json")]
    [InlineData("POST", "/v1/completions", "application/json", """{"prompt":"a","model":"gpt-9"}""", 404, "model_not_found")]
    public async Task Every_error_has_OpenAIs_shape(string method, string path, string? type, string? body, int status, string code)
    {
        using HttpRequestMessage request = new(new HttpMethod(method), path) { Content = body is null ? null : new StringContent(body, Encoding.UTF8, type!) };
        using HttpResponseMessage response = await _server.Client.SendAsync(request);
        JsonElement error = JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("error");
        Assert.Equal((status, code), ((int)response.StatusCode, error.GetProperty("code").GetString()));
        Assert.NotEmpty(error.GetProperty("message").GetString()!);
        Assert.True(error.TryGetProperty("param", out _) && error.TryGetProperty("type", out _));
    }

    [Fact]
    public async Task A_model_without_a_chat_template_says_that_it_has_none()
    {
        await using RunningServer server = await RunningServer.StartAsync(chatTemplate: "");
        (int status, JsonElement answer) = await server.AskAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal((400, "no_chat_template"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_template_that_complains_is_quoted()
    {
        await using RunningServer server = await RunningServer.StartAsync(chatTemplate: "{{ raise_exception('Only kings may speak.') }}");
        (int status, JsonElement answer) = await server.AskAsync("/v1/chat/completions", """{"messages":[{"role":"user","content":"Hi"}]}""");
        Assert.Equal((400, "chat_template_error"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
        Assert.Contains("Only kings may speak.", answer.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_page_of_another_name_for_this_machine_is_refused()
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models") { Headers = { Host = "evil.example" } };
        Assert.Equal(HttpStatusCode.Forbidden, (await _server.Client.SendAsync(request)).StatusCode);
    }

    [Fact]
    public async Task A_body_that_is_not_UTF8_is_refused()
    {
        using ByteArrayContent content = new([.. "{\"prompt\":\""u8, 0xFF, .. "\"}"u8]);
        content.Headers.ContentType = new("application/json");
        using HttpResponseMessage response = await _server.Client.PostAsync("/v1/completions", content);
        Assert.Equal(HttpStatusCode.BadRequest, response.StatusCode);
    }

    [SharedTheory]
    [InlineData("CreateCompletionRequest", "/v1/completions")]
    [InlineData("CreateChatCompletionRequest", "/v1/chat/completions")]
    public async Task Every_field_of_OpenAIs_description_is_known(string schema, string path)
    {
        List<string> fields = OpenAiDescription.Properties(schema);
        Assert.True(fields.Count >= 18);
        foreach (string field in fields)
        {
            // A value that no field takes: a known field says what it wants or that it is not supported.
            (int status, JsonElement answer) = await _server.AskAsync(path, $$"""{"{{field}}":[[[1]]]}""");
            JsonElement error = answer.GetProperty("error");
            Assert.Equal(400, status);
            Assert.NotEqual("unknown_parameter", error.GetProperty("code").GetString());
            Assert.StartsWith(field, error.GetProperty("param").GetString(), StringComparison.Ordinal);
        }
    }
}
