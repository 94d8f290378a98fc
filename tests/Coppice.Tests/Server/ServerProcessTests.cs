using System.Diagnostics;
using System.Net;
using System.Text;
using System.Text.Json;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>What signals and disks do to a server that is a process of its own.</summary>
public sealed class ServerProcessTests : IDisposable
{
    private readonly TempFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task Asked_to_end_it_lets_running_streams_end_and_exits_without_error()
    {
        using ServerProcess server = await ServerProcess.Start(["--drain", "600"]).ListeningAsync();
        using HttpResponseMessage running = await server.PostAsync("/v1/completions", """{"prompt":"The prince","max_tokens":1000,"n":4,"ignore_eos":true,"stream":true}""");
        server.Signal("TERM");
        Assert.EndsWith("data: [DONE]\n\n", await running.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal(0, await server.EndAsync());
    }

    [Fact]
    public async Task What_runs_longer_than_the_drain_ends_with_an_error_and_the_process_ends_in_time()
    {
        using ServerProcess server = await ServerProcess.Start(["--drain", "1"]).ListeningAsync();
        using HttpResponseMessage running = await server.PostAsync("/v1/completions", """{"prompt":"The prince","max_tokens":3900,"n":64,"ignore_eos":true,"stream":true}""");
        server.Signal("TERM");
        string text = await running.Content.ReadAsStringAsync();
        Assert.Contains("\"code\":\"shutting_down\"", text[text.LastIndexOf("data: ", StringComparison.Ordinal)..], StringComparison.Ordinal);
        Assert.Equal(0, await server.EndAsync());
    }

    [SmallDiskFact]
    public async Task A_full_disk_is_said_and_what_was_stored_is_kept_and_a_batch_waits_for_room()
    {
        const int Lines = 12;
        using ServerProcess server = await ServerProcess.Start(["--data", _data.Path], $"mount -t tmpfs -o size=1m tmpfs '{_data.Path}'").ListeningAsync();
        string content = string.Join('\n', Enumerable.Range(0, Lines).Select(i => $$"""{"custom_id":"{{i}}","method":"POST","url":"/v1/completions","body":{"prompt":"Question {{i}}:","n":8,"logprobs":10,"max_tokens":30,"ignore_eos":true} }"""));
        string input = await UploadedAsync(server, content), filler = await UploadedAsync(server, new string('x', 900_000));
        using (HttpResponseMessage refused = await UploadAsync(server, new string('x', 500_000)))
        {
            Assert.Equal(HttpStatusCode.InsufficientStorage, refused.StatusCode);
            Assert.Contains("disk is full", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(content, await server.Client.GetStringAsync($"/v1/files/{input}/content"));
        using HttpResponseMessage begun = await server.PostAsync("/v1/batches", $$"""{"input_file_id":"{{input}}","endpoint":"/v1/completions","completion_window":"24h"}""");
        string id = Id(await begun.EnsureSuccessStatusCode().Content.ReadAsStringAsync());
        await UntilAsync(() => Task.FromResult(server.Log.Contains("A batch waits for the disk: ", StringComparison.Ordinal)), server);
        Assert.Contains("\"in_progress\"", await server.Client.GetStringAsync($"/v1/batches/{id}"), StringComparison.Ordinal);

        (await server.Client.DeleteAsync($"/v1/files/{filler}")).EnsureSuccessStatusCode();
        await ExpectEachLineOnceAsync(server, id, Lines);
    }

    [SmallDiskFact]
    public async Task A_folder_that_becomes_read_only_refuses_what_is_new_and_a_batch_waits()
    {
        const int Lines = 6;
        using ServerProcess server = await ServerProcess.Start(["--data", _data.Path], $"mount -t tmpfs -o size=4m tmpfs '{_data.Path}'").ListeningAsync();
        string content = string.Join('\n', Enumerable.Range(0, Lines).Select(i => $$"""{"custom_id":"{{i}}","method":"POST","url":"/v1/completions","body":{"prompt":"Question {{i}}:","n":4,"max_tokens":1500,"ignore_eos":true} }"""));
        string input = await UploadedAsync(server, content), body = $$"""{"input_file_id":"{{input}}","endpoint":"/v1/completions","completion_window":"24h"}""";
        using HttpResponseMessage begun = await server.PostAsync("/v1/batches", body);
        string id = Id(await begun.EnsureSuccessStatusCode().Content.ReadAsStringAsync());
        // Made read-only where the server does not look: a mount with a file open for writing cannot become so, nor one with any file open end.
        server.InItsMounts($"mount --bind '{_data.Path}' /mnt && mount -o remount,bind,ro /mnt && mount --bind /mnt '{_data.Path}'");

        using HttpResponseMessage refusedFile = await UploadAsync(server, content), refusedBatch = await server.PostAsync("/v1/batches", body);
        foreach (HttpResponseMessage refused in new[] { refusedFile, refusedBatch })
        {
            Assert.Equal(HttpStatusCode.InsufficientStorage, refused.StatusCode);
            Assert.Contains("read-only", await refused.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        }

        Assert.Equal(content, await server.Client.GetStringAsync($"/v1/files/{input}/content"));
        await UntilAsync(() => Task.FromResult(server.Log.Contains("A batch waits for the disk: ", StringComparison.Ordinal)), server);
        server.InItsMounts($"umount --lazy '{_data.Path}'");
        await ExpectEachLineOnceAsync(server, id, Lines);
    }

    [SmallDiskFact]
    public async Task A_read_only_folder_is_named_at_the_start()
    {
        using ServerProcess server = ServerProcess.Start(["--data", _data.Path], $"mount -t tmpfs -o ro tmpfs '{_data.Path}'");
        Assert.NotEqual(0, await server.EndAsync());
        Assert.Contains($"The data folder {_data.Path} cannot be written", server.Log, StringComparison.Ordinal);
        Assert.Contains("--data", server.Log, StringComparison.Ordinal);
        Assert.DoesNotContain("   at ", server.Log, StringComparison.Ordinal);
    }

    private static async Task ExpectEachLineOnceAsync(ServerProcess server, string id, int lines)
    {
        JsonElement batch = default;
        await UntilAsync(async () => (batch = JsonDocument.Parse(await server.Client.GetStringAsync($"/v1/batches/{id}")).RootElement).GetProperty("status").GetString() == "completed", server);
        string results = await server.Client.GetStringAsync($"/v1/files/{batch.GetProperty("output_file_id").GetString()}/content");
        Assert.Equal(Enumerable.Range(0, lines), results.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => int.Parse(JsonDocument.Parse(line).RootElement.GetProperty("custom_id").GetString()!)).Order());
    }

    private static async Task UntilAsync(Func<Task<bool>> happened, ServerProcess server)
    {
        for (Stopwatch clock = Stopwatch.StartNew(); !await happened(); await Task.Delay(20))
            Assert.True(clock.Elapsed < TimeSpan.FromMinutes(2), $"It did not happen within two minutes. The server said: {server.Log}");
    }

    private static string Id(string json) => JsonDocument.Parse(json).RootElement.GetProperty("id").GetString()!;

    private static Task<HttpResponseMessage> UploadAsync(ServerProcess server, string content) =>
        server.Client.PostAsync("/v1/files", new MultipartFormDataContent { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(Encoding.UTF8.GetBytes(content)), "file", "lines.jsonl" } });

    private static async Task<string> UploadedAsync(ServerProcess server, string content)
    {
        using HttpResponseMessage response = await UploadAsync(server, content);
        return Id(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync());
    }
}
