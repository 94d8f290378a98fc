using System.Text;
using System.Text.Json;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Server;

/// <summary>What a batch does when the server dies or is stopped, again and again, while its lines run.</summary>
public sealed class BatchCrashTests : IDisposable
{
    private const string Endless = """{"prompt":"The prince","n":4,"max_tokens":1500,"ignore_eos":true}""";

    private readonly TempFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task A_line_that_ran_alone_at_a_second_death_gets_an_error_and_all_others_their_answers()
    {
        string id;
        using (ServerProcess first = await StartAsync())
        {
            id = await BeginAsync(first, Line("a", Endless), Line("b", Endless), Line("c", Endless), Line("short", """{"prompt":"x","max_tokens":1}"""));
            await RunningAsync(running => running.Count >= 2);
            first.Signal("KILL");
            await first.EndAsync();
        }

        string condemned;
        using (ServerProcess second = await StartAsync())
        {
            condemned = (await RunningAsync(running => running.Count == 1)).Single();
            second.Signal("KILL");
            await second.EndAsync();
        }

        using ServerProcess third = await StartAsync();
        JsonElement batch = await EndAsync(third, id);
        Assert.Equal(("completed", 3, 1), (batch.GetProperty("status").GetString(), batch.GetProperty("request_counts").GetProperty("completed").GetInt32(), batch.GetProperty("request_counts").GetProperty("failed").GetInt32()));
        JsonElement error = JsonDocument.Parse(await third.Client.GetStringAsync($"/v1/files/{batch.GetProperty("error_file_id").GetString()}/content")).RootElement;
        Assert.Equal(condemned, $"{id} {1 + "abc".IndexOf(error.GetProperty("custom_id").GetString()!, StringComparison.Ordinal)}");
        Assert.Equal((500, "line_crashed_server"), (error.GetProperty("response").GetProperty("status_code").GetInt32(), error.GetProperty("response").GetProperty("body").GetProperty("error").GetProperty("code").GetString()));
    }

    [Fact]
    public async Task Stopped_in_order_however_often_no_line_is_blamed()
    {
        for (int i = 0; i < 3; i++)
        {
            using ServerProcess server = await StartAsync();
            if (i == 0) await BeginAsync(server, Line("a", Endless), Line("b", Endless));
            await RunningAsync(running => running.Count == 2);      // together: neither is suspect
            server.Signal("TERM");
            Assert.Equal(0, await server.EndAsync());
            Assert.False(File.Exists(_data.File("begun")));
        }
    }

    private Task<ServerProcess> StartAsync() => ServerProcess.Start(["--data", _data.Path, "--max-batch", "64", "--drain", "0"]).ListeningAsync();

    /// <summary>Waits until the lines in flight are as wished, and the same for a while: until then some only begin.</summary>
    private async Task<IReadOnlyCollection<string>> RunningAsync(Func<IReadOnlyCollection<string>, bool> isWished)
    {
        for (int tries = 0, same = 0; tries < 6000; tries++, await Task.Delay(10))
        {
            HashSet<string> running = [];
            foreach (string[] record in (File.Exists(_data.File("begun")) ? File.ReadAllLines(_data.File("begun")) : []).Select(line => line.Split(' ', 2)))
            {
                if (record[0] == "begin") running.Add(record[1]);
                else if (record[0] is "end" or "pause") running.Remove(record[1]);
            }

            same = isWished(running) ? same + 1 : 0;
            if (same == 10) return running;
        }

        throw new TimeoutException("The lines do not run.");
    }

    private static string Line(string id, string body) => $$"""{"custom_id":"{{id}}","method":"POST","url":"/v1/completions","body":{{body}}}""";

    private static async Task<string> BeginAsync(ServerProcess server, params string[] lines)
    {
        using MultipartFormDataContent form = new() { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(Encoding.UTF8.GetBytes(string.Join('\n', lines))), "file", "lines.jsonl" } };
        string input = await IdAsync(await server.Client.PostAsync("/v1/files", form));
        return await IdAsync(await server.PostAsync("/v1/batches", $$"""{"input_file_id":"{{input}}","endpoint":"/v1/completions","completion_window":"24h"}"""));
    }

    private static async Task<string> IdAsync(HttpResponseMessage response)
    {
        using (response) return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<JsonElement> EndAsync(ServerProcess server, string id)
    {
        for (int i = 0; i < 12_000; i++, await Task.Delay(10))
        {
            JsonElement batch = JsonDocument.Parse(await server.Client.GetStringAsync($"/v1/batches/{id}")).RootElement;
            if (batch.GetProperty("status").GetString() is "completed" or "failed" or "cancelled") return batch;
        }

        throw new TimeoutException($"The batch {id} does not end. The server said: {server.Log}");
    }
}
