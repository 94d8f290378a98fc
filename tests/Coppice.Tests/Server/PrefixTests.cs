using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

public sealed class PrefixTests(ServerFixture fixture) : IClassFixture<ServerFixture>
{
    private const string Path = "/v1/prefixes", Completions = "/v1/completions", Chat = "/v1/chat/completions";
    private static readonly string s_document = string.Concat(Enumerable.Range(0, 20).Select(i => $" The code for town {i} is {i * 7}."));
    private static readonly ApiKey s_ann = new("ann", "secret-of-ann"), s_ben = new("ben", "secret-of-ben"), s_operator = new("op", "secret-of-op") { MayPublish = true };
    private readonly RunningServer _server = fixture.Running;

    [Fact]
    public async Task An_answer_to_a_prompt_with_a_prefix_is_that_of_the_whole_text()
    {
        (int status, JsonElement prefix) = await _server.AskAsync(Path, $$"""{"name":"towns","text":"{{s_document}}"}""");
        int tokens = _server.Engine.Tokenizer.Encode(s_document).Length;
        Assert.Equal((200, "towns", "text", tokens, tokens / 16 * 16), (status, prefix.GetProperty("id").GetString(), prefix.GetProperty("kind").GetString(), prefix.GetProperty("tokens").GetInt32(), prefix.GetProperty("pinned_tokens").GetInt32()));
        Assert.True(prefix.GetProperty("pinned_bytes").GetInt64() > 0);

        GenerateResult expected = await _server.Engine.CompleteAsync(s_document + " The code", new GenerateOptions { Temperature = 0, MaxTokens = 6, CacheSalt = "another" });
        (_, JsonElement answer) = await _server.AskAsync(Completions, """{"prefix":"towns","prompt":" The code","temperature":0,"max_tokens":6}""");
        Assert.Equal(expected.Choices[0].Text, answer.GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(expected.Usage.PromptTokens, answer.GetProperty("usage").GetProperty("prompt_tokens").GetInt32());
        int cached = answer.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
        Assert.InRange(cached, tokens / 16 * 16 - 16, tokens);
        List<JsonElement> events = await _server.StreamAsync(Completions, """{"prefix":"towns","prompt":" The code","temperature":0,"max_tokens":6,"stream":true}""");
        Assert.Equal(expected.Choices[0].Text, string.Concat(events.Select(e => e.GetProperty("choices")[0].GetProperty("text").GetString())));

        using JsonDocument shown = JsonDocument.Parse(await _server.Client.GetStringAsync($"{Path}/towns"));
        Assert.Equal(2, shown.RootElement.GetProperty("requests").GetInt32());
        Assert.InRange(shown.RootElement.GetProperty("cached_tokens").GetInt32(), 2 * (tokens / 16 * 16 - 16), 2 * tokens);
        using JsonDocument list = JsonDocument.Parse(await _server.Client.GetStringAsync(Path));
        Assert.Contains("towns", list.RootElement.GetProperty("data").EnumerateArray().Select(one => one.GetProperty("id").GetString()));

        Assert.Equal(409, (await _server.AskAsync(Path, """{"name":"towns","text":"again"}""")).Status);
        Assert.Equal(HttpStatusCode.OK, (await _server.Client.DeleteAsync($"{Path}/towns")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await _server.Client.GetAsync($"{Path}/towns")).StatusCode);
        (status, answer) = await _server.AskAsync(Completions, """{"prefix":"towns","prompt":" The code"}""");
        Assert.Equal((404, "prefix"), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task A_conversation_begins_with_the_prefixs_messages()
    {
        Assert.Equal(200, (await _server.AskAsync(Path, $$"""{"name":"rules","messages":[{"role":"system","content":"{{s_document}}"}]}""")).Status);
        const string Ask = """{"role":"user","content":"What is the code for town 3?"}""";
        (_, JsonElement whole) = await _server.AskAsync(Chat, $$"""{"messages":[{"role":"system","content":"{{s_document}}"},{{Ask}}],"temperature":0,"max_tokens":6,"cache_salt":"x"}""");
        (_, JsonElement short_) = await _server.AskAsync(Chat, $$"""{"prefix":"rules","messages":[{{Ask}}],"temperature":0,"max_tokens":6}""");
        Assert.Equal(whole.GetProperty("choices").GetRawText(), short_.GetProperty("choices").GetRawText());
        Assert.True(short_.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32() > 100);
        await _server.AskAsync(Path, """{"name":"plain","text":"a text"}""");
        (int status, JsonElement answer) = await _server.AskAsync(Chat, $$"""{"prefix":"plain","messages":[{{Ask}}]}""");
        Assert.Equal((400, "prefix"), (status, answer.GetProperty("error").GetProperty("param").GetString()));
        await DeleteAllAsync(_server, null);
        await _server.ExpectRestAsync();
    }

    [Theory]
    [InlineData("""{"text":"a"}""", "name")]
    [InlineData("""{"name":"a b","text":"a"}""", "name")]
    [InlineData("""{"name":"a"}""", "text")]
    [InlineData("""{"name":"a","text":"a","tokens":[1]}""", "text")]
    [InlineData("""{"name":"a","text":"a","ttl_seconds":0}""", "ttl_seconds")]
    [InlineData("""{"name":"a","text":"a","foo":1}""", "foo")]
    public async Task What_does_not_fit_is_refused_by_name(string body, string param)
    {
        (int status, JsonElement answer) = await _server.AskAsync(Path, body);
        Assert.Equal((400, param), (status, answer.GetProperty("error").GetProperty("param").GetString()));
    }

    [Fact]
    public async Task A_prefix_ends_with_its_time()
    {
        (_, JsonElement prefix) = await _server.AskAsync(Path, $$"""{"name":"brief","text":"{{s_document}}","ttl_seconds":1}""");
        Assert.Equal(prefix.GetProperty("created_at").GetInt64() + 1, prefix.GetProperty("expires_at").GetInt64());
        HttpStatusCode status = HttpStatusCode.OK;
        for (int i = 0; i < 1000 && status == HttpStatusCode.OK; i++)
        {
            await Task.Delay(20);
            status = (await _server.Client.GetAsync($"{Path}/brief")).StatusCode;
        }

        Assert.Equal(HttpStatusCode.NotFound, status);
    }

    [Fact]
    public async Task A_prefix_is_its_keys_own_unless_the_operator_made_it_public()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann, s_ben, s_operator] });
        string body = $$"""{"name":"towns","text":"{{s_document}}"}""", use = """{"prefix":"towns","prompt":" The","max_tokens":1}""";
        Assert.Equal(401, (await server.AskAsync(Path, body)).Status);
        Assert.Equal(200, (await server.AskAsync(Path, body, s_ann.Secret)).Status);
        Assert.Equal(200, (await server.AskAsync(Completions, use, s_ann.Secret)).Status);
        Assert.Equal(404, (await server.AskAsync(Completions, use, s_ben.Secret)).Status);
        string isPublic = body[..^1] + ",\"public\":true}";
        Assert.Equal(403, (await server.AskAsync(Path, isPublic, s_ben.Secret)).Status);
        Assert.Equal(200, (await server.AskAsync(Path, isPublic, s_operator.Secret)).Status);
        (int status, JsonElement first) = await server.AskAsync(Completions, use, s_ben.Secret);
        Assert.Equal((200, 0), (status, Cached(first)));        // another's part of the cache told him nothing
        (_, JsonElement second) = await server.AskAsync(Completions, use, s_ben.Secret);
        Assert.True(Cached(second) > 100);
        using HttpRequestMessage delete = new(HttpMethod.Delete, $"{Path}/towns") { Headers = { Authorization = new AuthenticationHeaderValue("Bearer", s_ben.Secret) } };
        Assert.Equal(HttpStatusCode.Forbidden, (await server.Client.SendAsync(delete)).StatusCode);
        await DeleteAllAsync(server, s_ann.Secret);
        await DeleteAllAsync(server, s_operator.Secret);
        await server.ExpectRestAsync();

        static int Cached(JsonElement answer) => answer.GetProperty("usage").GetProperty("prompt_tokens_details").GetProperty("cached_tokens").GetInt32();
    }

    [Fact]
    public async Task Prefixes_have_limits_by_key_and_in_all()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann, s_ben], Limits = new ServerLimits { PinnedTokensPerKey = 60, PinnedTokens = 90 } });
        string Body(string name) => $$"""{"name":"{{name}}","tokens":[{{string.Join(',', Enumerable.Repeat(500, 50))}}]}""";
        async Task Refused(string key)
        {
            (int status, JsonElement answer) = await server.AskAsync(Path, Body("more"), key);
            Assert.Equal((400, "prefix_limit_exceeded"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
        }

        Assert.Equal(200, (await server.AskAsync(Path, Body("one"), s_ann.Secret)).Status);
        await Refused(s_ann.Secret);
        await Refused(s_ben.Secret);
        await DeleteAllAsync(server, s_ann.Secret);
        for (int i = 0; i < 500 && server.Engine.Metrics.KvBytesPinned > 0; i++) await Task.Delay(10);
        Assert.Equal(200, (await server.AskAsync(Path, Body("more"), s_ben.Secret)).Status);
    }

    private static async Task DeleteAllAsync(RunningServer server, string? key)
    {
        AuthenticationHeaderValue? authorization = key is null ? null : new AuthenticationHeaderValue("Bearer", key);
        using HttpRequestMessage list = new(HttpMethod.Get, Path) { Headers = { Authorization = authorization } };
        using HttpResponseMessage response = await server.Client.SendAsync(list);
        foreach (JsonElement prefix in JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement.GetProperty("data").EnumerateArray())
        {
            using HttpRequestMessage delete = new(HttpMethod.Delete, $"{Path}/{prefix.GetProperty("id").GetString()}") { Headers = { Authorization = authorization } };
            (await server.Client.SendAsync(delete)).Dispose();
        }
    }
}
