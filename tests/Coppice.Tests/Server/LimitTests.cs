using System.Net;
using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

public sealed class LimitTests
{
    private const string Completions = "/v1/completions";
    private const string Endless = """{"prompt":"The prince looked at","max_tokens":4000,"ignore_eos":true,"stream":true}""";
    private static readonly ApiKey s_ann = new("ann", "secret-of-ann"), s_ben = new("ben", "secret-of-ben");

    [Fact]
    public async Task Bodies_prompts_samples_and_stops_have_limits_of_the_operators()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Limits = new ServerLimits { BodyBytes = 2000, PromptTokens = 20, Samples = 3, LogProbs = 2, StopTexts = 1, Prompts = 2 } });
        async Task Refused(string body, int status, string code)
        {
            (int actual, JsonElement answer) = await server.AskAsync(Completions, body);
            Assert.Equal((status, code), (actual, answer.GetProperty("error").GetProperty("code").GetString()));
        }

        await Refused($$"""{"prompt":"{{new string('x', 3000)}}"}""", 413, "request_too_large");
        await Refused("""{"prompt":"one two three four five six seven eight nine ten one two three four five six seven eight nine ten"}""", 400, "context_length_exceeded");
        await Refused("""{"prompt":"a","n":4}""", 400, "invalid_value");
        await Refused("""{"prompt":"a","logprobs":3}""", 400, "invalid_value");
        await Refused("""{"prompt":"a","stop":["x","y"]}""", 400, "invalid_value");
        await Refused("""{"prompt":["a","b","c"]}""", 400, "invalid_value");
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":["a","b"],"n":3,"logprobs":2,"stop":["x"],"max_tokens":2}""")).Status);
    }

    [Fact]
    public async Task A_prompt_longer_than_the_model_is_refused()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        (int status, JsonElement answer) = await server.AskAsync(Completions, $$"""{"prompt":"{{new string('x', 4_000_000)}}"}""");
        Assert.Equal((400, "context_length_exceeded"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_full_queue_says_when_to_come_again()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Limits = new ServerLimits { Queue = 1 } }, new EngineOptions { MaxBatch = 2, KvBytes = 16 << 20, Threads = 1 });
        using (HttpResponseMessage running = await server.PostAsync(Completions, Endless[..^1] + ",\"n\":3}"))
        {
            Assert.Equal(HttpStatusCode.OK, running.StatusCode);
            using HttpResponseMessage refused = await server.PostAsync(Completions, """{"prompt":"a"}""");
            Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
            Assert.True(refused.Headers.RetryAfter!.Delta >= TimeSpan.FromSeconds(1));
            Assert.Contains("queue_full", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        await server.ExpectRestAsync();
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","max_tokens":1}""")).Status);
        Assert.Equal(400, (await server.AskAsync(Completions, """{"prompt":"a","max_tokens":1,"n":4}""")).Status);      // never: not worth waiting
    }

    [Fact]
    public async Task A_key_has_no_more_running_than_it_may_and_others_are_not_held_up()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann with { Samples = 2 }, s_ben] });
        using HttpResponseMessage running = await server.PostAsync(Completions, Endless[..^1] + ",\"n\":2}", s_ann.Secret);
        using HttpResponseMessage refused = await server.PostAsync(Completions, """{"prompt":"a"}""", s_ann.Secret);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.Contains("concurrency_limit_exceeded", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","max_tokens":1}""", s_ben.Secret)).Status);
    }

    [Fact]
    public async Task A_key_makes_no_more_requests_than_its_rate()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann with { RequestsPerMinute = 2 }, s_ben] });
        for (int i = 0; i < 2; i++) Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","max_tokens":1}""", s_ann.Secret)).Status);
        using HttpResponseMessage refused = await server.PostAsync(Completions, """{"prompt":"a"}""", s_ann.Secret);
        Assert.Equal(HttpStatusCode.TooManyRequests, refused.StatusCode);
        Assert.InRange(refused.Headers.RetryAfter!.Delta!.Value.TotalSeconds, 1, 30);
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","max_tokens":1}""", s_ben.Secret)).Status);
    }

    [Theory]
    [InlineData(null)]
    [InlineData("secret-of-nobody")]
    [InlineData("secret-of-an")]
    public async Task Who_has_no_key_is_refused(string? key)
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann] });
        foreach (string path in (string[])[Completions, "/v1/chat/completions", "/tokenize", "/detokenize"])
        {
            (int status, JsonElement answer) = await server.AskAsync(path, "{}", key);
            Assert.Equal((401, "invalid_api_key"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
        }

        foreach (string path in (string[])["/v1/models", "/metrics"]) Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.GetAsync(path)).StatusCode);
        Assert.Equal(HttpStatusCode.OK, (await server.Client.GetAsync("/health")).StatusCode);
    }

    [Theory]
    [InlineData(false, 0)]
    [InlineData(true, 32)]
    public async Task Keys_have_a_cache_of_their_own_unless_they_are_told_to_share(bool share, int cached)
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann, s_ben], ShareBetweenKeys = share });
        string prompt = JsonSerializer.Serialize(Enumerable.Range(100, 33));
        async Task<int> Cached(ApiKey key, string? salt = null)
        {
            (_, JsonElement answer) = await server.AskAsync(Completions, $$"""{"prompt":{{prompt}},"max_tokens":1{{(salt is null ? "" : $",\"cache_salt\":\"{salt}\"")}}}""", key.Secret);
            return answer.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        }

        Assert.Equal(0, await Cached(s_ann));
        Assert.Equal(32, await Cached(s_ann));
        Assert.Equal(cached, await Cached(s_ben));
        Assert.Equal(0, await Cached(s_ann, "own"));
        Assert.Equal(32, await Cached(s_ann, "own"));
        // A salt that spells another's partition does not reach it.
        Assert.Equal(0, await Cached(s_ben, "key ann"));
    }

    [Fact]
    public async Task A_client_that_leaves_gives_its_pages_back()
    {
        await using RunningServer server = await RunningServer.StartAsync(engineOptions: new EngineOptions { MaxBatch = 4, KvBytes = 16 << 20, Threads = 1 });
        Random random = new(5);
        List<Task> clients = [];
        for (int i = 0; i < 30; i++)
        {
            // Some wait in the queue, some compute their prompt, some stream; whole answers and streams of several prompts, too.
            string body = (i % 3) switch { 0 => Endless, 1 => Endless.Replace("\"stream\":true", "\"n\":3", StringComparison.Ordinal), _ => Endless.Replace("\"The prince looked at\"", "[\"The prince\",\"Question:\"]", StringComparison.Ordinal) };
            clients.Add(LeaveAsync(server, body, random.Next(1, 150)));
        }

        await Task.WhenAll(clients);
        await server.ExpectRestAsync();
        Assert.InRange(server.Engine.Metrics.GeneratedTokens, 1, 30 * 4000 / 2);
    }

    [Fact]
    public async Task A_server_that_stops_lets_running_answers_end_and_refuses_new_ones()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        using HttpResponseMessage running = await server.PostAsync(Completions, """{"prompt":"The prince","max_tokens":1500,"ignore_eos":true,"stream":true}""");
        Task stopping = server.Server.StopAsync();
        using HttpResponseMessage refused = await server.PostAsync(Completions, """{"prompt":"a"}""");
        Assert.Equal(HttpStatusCode.ServiceUnavailable, refused.StatusCode);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, (await server.Client.GetAsync("/health")).StatusCode);
        Assert.EndsWith("data: [DONE]\n\n", await running.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        await stopping;
    }

    [Fact]
    public async Task A_server_that_stops_ends_what_takes_too_long_with_an_error()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DrainTime = TimeSpan.FromMilliseconds(50) });
        using HttpResponseMessage running = await server.PostAsync(Completions, Endless[..^1] + ",\"n\":64}");
        await server.Server.StopAsync();
        string text = await running.Content.ReadAsStringAsync();
        Assert.Contains("\"code\":\"shutting_down\"", text[text.LastIndexOf("data: ", StringComparison.Ordinal)..], StringComparison.Ordinal);
    }

    [Fact]
    public async Task Beyond_this_machine_a_server_wants_keys()
    {
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 1 << 20, Threads = 1 });
        async Task<string> Refused(ServerOptions options) => (await Assert.ThrowsAsync<ArgumentException>(() => CoppiceServer.StartAsync(engine, "sample", options with { Port = 0 }, _ => { }))).Message;
        Assert.Contains("--allow-anybody", await Refused(new ServerOptions { Host = "*" }), StringComparison.Ordinal);
        Assert.Contains("--allow-anybody", await Refused(new ServerOptions { Host = "0.0.0.0" }), StringComparison.Ordinal);
        Assert.Contains("IP address", await Refused(new ServerOptions { Host = "nowhere.example" }), StringComparison.Ordinal);
        Assert.Contains("8 or more", await Refused(new ServerOptions { Keys = [new ApiKey("a", "short")] }), StringComparison.Ordinal);
        Assert.Contains("control characters", await Refused(new ServerOptions { Keys = [new ApiKey("ann\nown", "secret-of-anna")] }), StringComparison.Ordinal);
        Assert.Contains("same secret", await Refused(new ServerOptions { Keys = [s_ann, s_ann with { Name = "other" }] }), StringComparison.Ordinal);
        await using CoppiceServer open = await CoppiceServer.StartAsync(engine, "sample", new ServerOptions { Host = "*", Port = 0, Keys = [s_ann] }, _ => { });
        await open.StopAsync();
    }

    [Fact]
    public async Task Pages_of_other_sites_may_call_only_if_they_are_named()
    {
        await using RunningServer closed = await RunningServer.StartAsync();
        await using RunningServer open = await RunningServer.StartAsync(new ServerOptions { CorsOrigins = ["https://app.example"] });
        foreach ((RunningServer server, bool allowed) in new[] { (closed, false), (open, true) })
        {
            using HttpRequestMessage request = new(HttpMethod.Get, "/v1/models") { Headers = { { "Origin", "https://app.example" } } };
            using HttpResponseMessage response = await server.Client.SendAsync(request);
            Assert.Equal(allowed, response.Headers.Contains("Access-Control-Allow-Origin"));
        }
    }

    private static async Task LeaveAsync(RunningServer server, string body, int milliseconds)
    {
        using CancellationTokenSource leave = new(milliseconds);
        try
        {
            using HttpResponseMessage response = await server.PostAsync(Completions, body, cancellation: leave.Token);
            await response.Content.ReadAsStringAsync(leave.Token);
        }
        catch (OperationCanceledException)
        {
            // That was the plan.
        }
    }
}
