using System.Net.Http.Headers;
using System.Text;
using System.Text.Json;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>A real server on a free port, its engine, and a client.</summary>
internal sealed class RunningServer : IAsyncDisposable
{
    /// <summary>How conversations are written for the tests, whatever the sample model has.</summary>
    public const string ChatTemplate = "{{ bos_token }}{% for m in messages %}{{ m.role }}: {{ m.content }}\n{% endfor %}{% if add_generation_prompt %}assistant:{% endif %}";

    private RunningServer(Engine engine, CoppiceServer server, TempFolder? folder)
    {
        (Engine, Server, _folder) = (engine, server, folder);
        Client = new HttpClient(new SocketsHttpHandler { PooledConnectionLifetime = TimeSpan.FromMinutes(1) }) { BaseAddress = server.Address };
    }

    private readonly TempFolder? _folder;

    public Engine Engine { get; }

    public CoppiceServer Server { get; }

    public HttpClient Client { get; }

    /// <param name="options">The server's.</param>
    /// <param name="engineOptions">The engine's.</param>
    /// <param name="chatTemplate">The model's template; empty for a model that has none; null for the sample model as it is.</param>
    public static async Task<RunningServer> StartAsync(ServerOptions? options = null, EngineOptions? engineOptions = null, string? chatTemplate = null)
    {
        TempFolder? folder = chatTemplate is null ? null : ModelWith(chatTemplate);
        Engine engine = Engine.Open(folder?.Path ?? TestData.SampleModel, engineOptions ?? new EngineOptions { KvBytes = 64 << 20, Threads = 2 });
        CoppiceServer server = await CoppiceServer.StartAsync(engine, "sample", (options ?? new ServerOptions()) with { Port = 0 }, _ => { });
        return new RunningServer(engine, server, folder);
    }

    public Task<HttpResponseMessage> PostAsync(string path, string json, string? key = null, CancellationToken cancellation = default)
    {
        HttpRequestMessage request = new(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") };
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key);
        return Client.SendAsync(request, HttpCompletionOption.ResponseHeadersRead, cancellation);
    }

    /// <summary>The answer's status and JSON.</summary>
    public async Task<(int Status, JsonElement Json)> AskAsync(string path, string json, string? key = null)
    {
        using HttpResponseMessage response = await PostAsync(path, json, key);
        return ((int)response.StatusCode, JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement);
    }

    /// <summary>The events of a stream; the last one must be [DONE].</summary>
    public async Task<List<JsonElement>> StreamAsync(string path, string json)
    {
        using HttpResponseMessage response = await PostAsync(path, json);
        Assert.Equal("text/event-stream", response.Content.Headers.ContentType!.MediaType);
        string[] events = (await response.Content.ReadAsStringAsync()).Split("\n\n", StringSplitOptions.RemoveEmptyEntries);
        Assert.All(events, text => Assert.StartsWith("data: ", text, StringComparison.Ordinal));
        Assert.Equal("data: [DONE]", events[^1]);
        return [.. events[..^1].Select(text => JsonDocument.Parse(text[6..]).RootElement)];
    }

    /// <summary>Waits until the engine is at rest and looks whether pages were lost.</summary>
    public async Task ExpectRestAsync()
    {
        for (int i = 0; i < 1000 && Engine.Metrics is not { RunningSamples: 0, WaitingSamples: 0 }; i++) await Task.Delay(10);
        await Engine.CompleteAsync("rest", new GenerateOptions { MaxTokens = 1 });      // the loop has gone round
        for (int i = 0; i < 1000 && Engine.Core.HasWork; i++) await Task.Delay(10);
        Engine.Core.CheckInvariants();
        Assert.Equal((0, 0L), (Engine.Metrics.RunningSamples + Engine.Metrics.WaitingSamples, Engine.Metrics.KvBytesHeld));
    }

    public async ValueTask DisposeAsync()
    {
        Client.Dispose();
        await Server.StopAsync();
        await Server.DisposeAsync();
        Engine.Dispose();
        _folder?.Dispose();
    }

    private static TempFolder ModelWith(string chatTemplate)
    {
        TempFolder folder = new();
        foreach (string name in (string[])["config.json", "generation_config.json", "model.safetensors", "tokenizer.json"])
            File.Copy(Path.Combine(TestData.SampleModel, name), folder.File(name));
        folder.Write("tokenizer_config.json", """{"bos_token":"<s>","eos_token":"</s>","unk_token":"<unk>","add_bos_token":true}""");
        if (chatTemplate.Length > 0) folder.Write("chat_template.jinja", chatTemplate);
        return folder;
    }
}

/// <summary>One server for the tests of a class; its model has a chat template.</summary>
public sealed class ServerFixture : IAsyncLifetime
{
    internal RunningServer Running { get; private set; } = null!;

    public async Task InitializeAsync() => Running = await RunningServer.StartAsync(chatTemplate: RunningServer.ChatTemplate);

    public async Task DisposeAsync() => await Running.DisposeAsync();
}
