using System.Diagnostics;
using System.Text.Json;
using Coppice.Server;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>Every path, as a person at a terminal calls it.</summary>
public sealed class CurlTests
{
    private const string Json = "Content-Type: application/json";

    [CurlFact]
    public async Task Curl_gets_an_answer_from_every_path()
    {
        using TempFolder data = new();
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = data.Path });
        string url = server.Server.Address.ToString().TrimEnd('/');
        async Task<JsonElement> Get(string path, params string[] more) => JsonDocument.Parse(await CurlAsync([url + path, .. more])).RootElement;

        Assert.Equal("ok", (await Get("/health")).GetProperty("status").GetString());
        Assert.Equal("sample", (await Get("/v1/models")).GetProperty("data")[0].GetProperty("id").GetString());
        Assert.Equal("sample", (await Get("/v1/models/sample")).GetProperty("id").GetString());
        Assert.Equal("text_completion", (await Get("/v1/completions", "-H", Json, "-d", """{"prompt":"The prince","max_tokens":3}""")).GetProperty("object").GetString());
        Assert.Equal("chat.completion", (await Get("/v1/chat/completions", "-H", Json, "-d", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":3}""")).GetProperty("object").GetString());
        string tokens = (await Get("/tokenize", "-H", Json, "-d", """{"prompt":"The prince"}""")).GetProperty("tokens").GetRawText();
        Assert.Equal("The prince", (await Get("/detokenize", "-H", Json, "-d", $$"""{"tokens":{{tokens}}}""")).GetProperty("prompt").GetString());
        Assert.True((await Get("/openapi/v1.json")).GetProperty("paths").TryGetProperty("/v1/completions", out _));
        Assert.Contains("vllm:num_requests_running", await CurlAsync([url + "/metrics"]), StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", await CurlAsync(["-N", url + "/v1/completions", "-H", Json, "-d", """{"prompt":"The prince","max_tokens":3,"stream":true}"""]), StringComparison.Ordinal);
        Assert.EndsWith("data: [DONE]\n\n", await CurlAsync(["-N", url + "/v1/chat/completions", "-H", Json, "-d", """{"messages":[{"role":"user","content":"Hi"}],"max_tokens":3,"stream":true}"""]), StringComparison.Ordinal);

        string lines = data.Write("lines.jsonl", """{"custom_id":"a","method":"POST","url":"/v1/completions","body":{"prompt":"a","max_tokens":2}}""");
        string file = (await Get("/v1/files", "-F", "purpose=batch", "-F", $"file=@{lines}")).GetProperty("id").GetString()!;
        Assert.Equal(file, (await Get($"/v1/files/{file}")).GetProperty("id").GetString());
        Assert.Contains("custom_id", await CurlAsync([$"{url}/v1/files/{file}/content"]), StringComparison.Ordinal);
        string batch = (await Get("/v1/batches", "-H", Json, "-d", $$"""{"input_file_id":"{{file}}","endpoint":"/v1/completions","completion_window":"24h"}""")).GetProperty("id").GetString()!;
        while ((await Get($"/v1/batches/{batch}")).GetProperty("status").GetString() != "completed") await Task.Delay(20);
        Assert.Equal("batch_not_cancellable", (await Get($"/v1/batches/{batch}/cancel", "-X", "POST")).GetProperty("error").GetProperty("code").GetString());
        Assert.True((await Get($"/v1/files/{file}", "-X", "DELETE")).GetProperty("deleted").GetBoolean());
        Assert.Equal("unknown_url", (await Get("/v1/nothing")).GetProperty("error").GetProperty("code").GetString());
    }

    private static async Task<string> CurlAsync(string[] arguments)
    {
        using Process curl = Process.Start(new ProcessStartInfo("curl", ["-sS", .. arguments]) { UseShellExecute = false, RedirectStandardOutput = true, RedirectStandardError = true })!;
        Task<string> errors = curl.StandardError.ReadToEndAsync();
        string text = await curl.StandardOutput.ReadToEndAsync();
        await curl.WaitForExitAsync();
        Assert.Equal("", await errors);
        return text;
    }

    [AttributeUsage(AttributeTargets.Method)]
    private sealed class CurlFactAttribute : FactAttribute
    {
        public CurlFactAttribute() => Skip = (Environment.GetEnvironmentVariable("PATH") ?? "").Split(Path.PathSeparator).Any(folder => File.Exists(Path.Combine(folder, "curl"))) ? null : "curl is not there.";
    }
}
