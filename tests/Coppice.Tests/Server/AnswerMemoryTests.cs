using System.Net;
using System.Net.Sockets;
using System.Text;
using System.Text.Json;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>What answers and uploads take in memory, whatever is asked for and however slowly it is read.</summary>
public sealed class AnswerMemoryTests
{
    private const string Completions = "/v1/completions";

    [Fact]
    public async Task Answers_that_would_take_too_much_are_refused_before_anything_runs_and_the_limit_is_named()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Limits = new ServerLimits { AnswerBytes = 4 << 20 } }, new EngineOptions { KvBytes = 32 << 20, Threads = 1 });
        foreach (string body in (string[])["""{"prompt":"a","n":8,"logprobs":20,"max_tokens":4000}""", """{"prompt":["a","b"],"n":100,"presence_penalty":1,"max_tokens":4000}"""])
        {
            (int status, JsonElement answer) = await server.AskAsync(Completions, body);
            Assert.Equal((400, "answer_too_large"), (status, answer.GetProperty("error").GetProperty("code").GetString()));
            Assert.Contains("1 MiB", answer.GetProperty("error").GetProperty("message").GetString(), StringComparison.Ordinal);
        }

        Assert.Equal(0, server.Engine.Metrics.GeneratedTokens);
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","n":8,"logprobs":20,"max_tokens":4}""")).Status);
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","n":8,"max_tokens":4}""")).Status);
    }

    [Fact]
    public async Task All_running_answers_together_have_a_limit_too()
    {
        const string Quarter = """{"prompt":"The prince","logprobs":20,"max_tokens":3900,"ignore_eos":true,"stream":true}""";
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Limits = new ServerLimits { AnswerBytes = 4 << 20 } }, new EngineOptions { KvBytes = 32 << 20, Threads = 1 });
        List<HttpResponseMessage> running = [];
        HttpResponseMessage last;
        do running.Add(last = await server.PostAsync(Completions, Quarter)); while (last.StatusCode == HttpStatusCode.OK && running.Count < 10);
        Assert.Equal(HttpStatusCode.TooManyRequests, last.StatusCode);
        Assert.Contains("answer_memory_full", await last.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        foreach (HttpResponseMessage one in running) one.Dispose();
        await server.ExpectRestAsync();
        Assert.Equal(200, (await server.AskAsync(Completions, """{"prompt":"a","logprobs":20,"max_tokens":3900,"stop":[" "]}""")).Status);
    }

    /// <param name="body">Its answer has a hundred megabytes and more.</param>
    [Theory]
    [InlineData("""{"prompt":[PROMPT],"n":128,"echo":true,"logprobs":20,"max_tokens":0}""")]
    [InlineData("""{"prompt":[PROMPT],"n":128,"echo":true,"logprobs":20,"max_tokens":0,"stream":true}""")]
    public async Task A_client_that_does_not_read_holds_up_its_answer_and_no_memory(string body)
    {
        const long Most = 64 << 20;
        await using RunningServer server = await RunningServer.StartAsync(engineOptions: new EngineOptions { KvBytes = 64 << 20, Threads = 2 });
        string json = body.Replace("PROMPT", string.Join(',', Enumerable.Range(0, 3000).Select(i => 5 + i % 900)), StringComparison.Ordinal);
        Assert.Equal(200, (await server.AskAsync(Completions, json.Replace("128", "1", StringComparison.Ordinal).Replace(",\"stream\":true", "", StringComparison.Ordinal))).Status);
        long before = GC.GetTotalMemory(forceFullCollection: true);
        using TcpClient client = new() { ReceiveBufferSize = 1 << 14 };
        await client.ConnectAsync(IPAddress.Loopback, server.Server.Address.Port);
        NetworkStream stream = client.GetStream();
        await stream.WriteAsync(Encoding.ASCII.GetBytes($"POST {Completions} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: {Encoding.UTF8.GetByteCount(json)}\r\n\r\n{json}"));
        byte[] first = new byte[1000];
        await stream.ReadExactlyAsync(first);       // it is being written
        Assert.StartsWith("HTTP/1.1 200", Encoding.ASCII.GetString(first), StringComparison.Ordinal);
        for (int i = 0; i < 10; i++)
        {
            await Task.Delay(50);
            Assert.InRange(GC.GetTotalMemory(forceFullCollection: true) - before, long.MinValue, Most);
        }
    }

    [Fact]
    public async Task A_field_of_an_upload_is_short_and_stands_once_and_a_file_is_as_long_as_it_may_be()
    {
        using TempFolder data = new();
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = data.Path, Limits = new ServerLimits { FileBytes = 200_000, StoredBytesPerKey = 300_000 } }, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        async Task<(HttpStatusCode Status, string Text)> Sent(params (string Name, string Content)[] parts)
        {
            using MultipartFormDataContent form = [];
            foreach ((string name, string content) in parts) form.Add(new StringContent(content), name);
            using HttpResponseMessage response = await server.Client.PostAsync("/v1/files", form);
            return (response.StatusCode, await response.Content.ReadAsStringAsync());
        }

        async Task Refused(HttpStatusCode status, string says, params (string Name, string Content)[] parts)
        {
            (HttpStatusCode actual, string text) = await Sent(parts);
            Assert.Equal(status, actual);
            Assert.Contains(says, text, StringComparison.Ordinal);
        }

        (string, string) purpose = ("purpose", "batch"), file = ("file", new string('x', 150_000));
        await Refused(HttpStatusCode.RequestEntityTooLarge, "purpose has more than 4096 bytes", ("purpose", new string('b', 5000)), file);
        await Refused(HttpStatusCode.BadRequest, "purpose stands twice", purpose, purpose);
        await Refused(HttpStatusCode.BadRequest, "unknown_parameter", purpose, ("other", "x"));
        await Refused(HttpStatusCode.RequestEntityTooLarge, "file_too_large", purpose, ("file", new string('x', 200_001)));
        Assert.Equal(HttpStatusCode.OK, (await Sent(purpose, file)).Status);
        (HttpStatusCode status, string stored) = await Sent(file, purpose);
        Assert.Equal(HttpStatusCode.OK, status);
        await Refused(HttpStatusCode.RequestEntityTooLarge, "storage_limit_exceeded", purpose, ("file", "x"));
        (await server.Client.DeleteAsync($"/v1/files/{JsonDocument.Parse(stored).RootElement.GetProperty("id").GetString()}")).EnsureSuccessStatusCode();
        Assert.Equal(HttpStatusCode.OK, (await Sent(purpose, file)).Status);
        Assert.Equal(2, Directory.GetFiles(Path.Combine(data.Path, "files"), "*.bin").Length);      // what was refused has left nothing
    }
}
