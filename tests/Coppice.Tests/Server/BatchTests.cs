#pragma warning disable OPENAI001      // the batch client is called experimental
using System.ClientModel;
using System.ClientModel.Primitives;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using System.Text.Json;
using Coppice.Server;
using Coppice.Server.Batches;
using Coppice.Server.Wire;
using Coppice.Tests.Loading;
using OpenAI;
using OpenAI.Batch;
using OpenAI.Files;

namespace Coppice.Tests.Server;

public sealed class BatchTests : IDisposable
{
    private readonly TempFolder _data = new();

    public void Dispose() => _data.Dispose();

    [Fact]
    public async Task A_batch_has_the_answers_of_the_library_and_an_error_for_each_bad_line()
    {
        await using RunningServer server = await StartAsync();
        string input = await UploadAsync(server.Client, Line("a", """{"prompt":"The prince looked at","temperature":0,"max_tokens":5}"""), Line("b", """{"prompt":"x","n":0}"""), Line("c", """{"prompt":["Who","What"],"seed":3,"n":2,"max_tokens":4}"""), Line("d", """{"prompt":"x","stream":true}"""));
        JsonElement batch = await EndAsync(server.Client, await BeginAsync(server.Client, input, ",\"metadata\":{\"who\":\"me\"}"));
        Assert.Equal(("completed", "me"), (batch.GetProperty("status").GetString(), batch.GetProperty("metadata").GetProperty("who").GetString()));
        Assert.Equal((4, 2, 2), (batch.GetProperty("request_counts").GetProperty("total").GetInt32(), batch.GetProperty("request_counts").GetProperty("completed").GetInt32(), batch.GetProperty("request_counts").GetProperty("failed").GetInt32()));
        Dictionary<string, JsonElement> answers = await ResultsAsync(server.Client, batch.GetProperty("output_file_id").GetString()!), errors = await ResultsAsync(server.Client, batch.GetProperty("error_file_id").GetString()!);
        Assert.Equal(["a", "c"], answers.Keys.Order());
        Assert.Equal(["b", "d"], errors.Keys.Order());
        GenerateResult expected = await server.Engine.CompleteAsync("The prince looked at", new GenerateOptions { Temperature = 0, MaxTokens = 5 });
        Assert.Equal(expected.Choices[0].Text, answers["a"].GetProperty("body").GetProperty("choices")[0].GetProperty("text").GetString());
        Assert.Equal(4, answers["c"].GetProperty("body").GetProperty("choices").GetArrayLength());
        Assert.Equal("n", errors["b"].GetProperty("body").GetProperty("error").GetProperty("param").GetString());
        Assert.Equal(HttpStatusCode.OK, (await server.Client.DeleteAsync($"/v1/files/{input}")).StatusCode);
        Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync($"/v1/files/{input}")).StatusCode);
    }

    [Fact]
    public async Task Embeddings_of_a_batch_are_the_librarys_bits()
    {
        await using RunningServer server = await StartAsync();
        string input = await UploadAsync(server.Client, [.. ((string[])["""{"input":["The prince","Who?"],"encoding_format":"base64"}""", """{"input":"The prince","dimensions":3}"""]).Select((body, i) => Line($"{i}", body, "/v1/embeddings"))]);
        JsonElement batch = await EndAsync(server.Client, await BeginAsync(server.Client, input, endpoint: "/v1/embeddings"));
        Assert.Equal("completed", batch.GetProperty("status").GetString());
        JsonElement answer = (await ResultsAsync(server.Client, batch.GetProperty("output_file_id").GetString()!))["0"].GetProperty("body");
        JsonElement[] vectors = [.. answer.GetProperty("data").EnumerateArray()];
        Assert.Equal(2, vectors.Length);
        Assert.Equal((await server.Engine.EmbedAsync(server.Engine.Tokenizer.Encode("Who?"))).Values, MemoryMarshal.Cast<byte, float>(vectors[1].GetProperty("embedding").GetBytesFromBase64()).ToArray());
        JsonElement error = (await ResultsAsync(server.Client, batch.GetProperty("error_file_id").GetString()!))["1"].GetProperty("body").GetProperty("error");
        Assert.Equal("dimensions", error.GetProperty("param").GetString());
    }

    [Fact]
    public async Task A_pipe_in_place_of_a_files_bytes_is_not_waited_for()
    {
        if (!OperatingSystem.IsLinux()) return;
        await using RunningServer server = await StartAsync();
        string input = await UploadAsync(server.Client, Line("a", """{"prompt":"x","max_tokens":1}"""));
        string content = _data.File($"files/{input}.bin");
        File.Delete(content);
        await Obstacle.MakeAsync(content, "pipe");
        HttpResponseMessage answer = await server.Client.GetAsync($"/v1/files/{input}/content");
        Assert.Equal(HttpStatusCode.NotFound, answer.StatusCode);
        Assert.Contains("file_content_missing", await answer.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        JsonElement batch = await EndAsync(server.Client, await BeginAsync(server.Client, input));
        Assert.Equal("failed", batch.GetProperty("status").GetString());
        Assert.Contains("input_file_missing", batch.GetProperty("errors").GetRawText(), StringComparison.Ordinal);
    }

    [Fact]
    public async Task OpenAIs_client_stores_finds_and_deletes_files()
    {
        await using RunningServer server = await StartAsync();
        OpenAIFileClient client = new OpenAIClient(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(server.Server.Address, "/v1") }).GetOpenAIFileClient();
        byte[] content = Encoding.UTF8.GetBytes(Line("a", "{}"));
        OpenAIFile file = await client.UploadFileAsync(BinaryData.FromBytes(content), "lines.jsonl", FileUploadPurpose.Batch);
        Assert.Equal(("lines.jsonl", content.Length), (file.Filename, file.SizeInBytes));
        Assert.Equal(content, (await client.DownloadFileAsync(file.Id)).Value.ToArray());
        Assert.Equal(file.Id, Assert.Single((await client.GetFilesAsync()).Value).Id);
        Assert.True((await client.DeleteFileAsync(file.Id)).Value.Deleted);
        Assert.Empty((await client.GetFilesAsync()).Value);
    }

    [Fact]
    public async Task OpenAIs_client_begins_finds_lists_and_cancels_batches()
    {
        await using RunningServer server = await StartAsync();
        BatchClient client = new OpenAIClient(new ApiKeyCredential("none"), new OpenAIClientOptions { Endpoint = new Uri(server.Server.Address, "/v1") }).GetBatchClient();
        string input = await UploadAsync(server.Client, [.. Enumerable.Range(0, 100).Select(i => Line($"{i}", """{"prompt":"The prince","max_tokens":2000,"ignore_eos":true}"""))]);
        using BinaryContent body = BinaryContent.Create(BinaryData.FromString($$"""{"input_file_id":"{{input}}","endpoint":"/v1/completions","completion_window":"24h"}"""));
        CreateBatchOperation batch = await client.CreateBatchAsync(body, waitUntilCompleted: false);
        Assert.Equal(input, Json(await batch.GetBatchAsync(new RequestOptions())).GetProperty("input_file_id").GetString());
        List<string> listed = [];
        await foreach (ClientResult page in client.GetBatchesAsync(after: null, limit: 5, new RequestOptions()).GetRawPagesAsync())
            listed.AddRange(Json(page).GetProperty("data").EnumerateArray().Select(one => one.GetProperty("id").GetString()!));
        Assert.Equal([batch.BatchId], listed);
        Assert.Equal("cancelling", Json(await batch.CancelAsync(new RequestOptions())).GetProperty("status").GetString());
        Assert.Equal("cancelled", (await EndAsync(server.Client, batch.BatchId)).GetProperty("status").GetString());

        static JsonElement Json(ClientResult result) => JsonDocument.Parse(result.GetRawResponse().Content).RootElement;
    }

    [Theory]
    [InlineData("""{"custom_id":"a"}""", "missing_required_parameter")]
    [InlineData("nonsense", "invalid_json_line")]
    [InlineData("""{"custom_id":"a","\ud800":1}""", "invalid_json_line")]
    [InlineData("""{"custom_id":"a","method":"POST","url":"/v1/embeddings","body":{}}""", "mismatched_url")]
    [InlineData("\n", "empty_file")]
    [InlineData("""{"custom_id":"first","method":"POST","url":"/v1/completions","body":{}}""", "duplicate_custom_id")]
    public async Task A_file_that_is_no_batch_is_refused_before_anything_runs(string line, string code)
    {
        await using RunningServer server = await StartAsync();
        string first = line == "\n" ? "" : Line("first", "{}");
        JsonElement batch = await EndAsync(server.Client, await BeginAsync(server.Client, await UploadAsync(server.Client, first, line)));
        Assert.Equal(("failed", code), (batch.GetProperty("status").GetString(), batch.GetProperty("errors").GetProperty("data")[0].GetProperty("code").GetString()));
    }

    [Fact]
    public async Task A_file_with_more_requests_than_a_batch_may_have_or_a_line_that_no_request_may_be_is_refused()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = _data.Path, Limits = new ServerLimits { BatchRequests = 2, BodyBytes = 10_000 } });
        JsonElement many = await EndAsync(server.Client, await BeginAsync(server.Client, await UploadAsync(server.Client, Line("a", "{}"), "", Line("b", "{}"), Line("c", "{}"))));
        Assert.Equal(("too_many_requests", 4), Error(many));
        JsonElement longLine = await EndAsync(server.Client, await BeginAsync(server.Client, await UploadAsync(server.Client, Line("a", "{}"), Line("b", $$"""{"prompt":"{{new string('x', 100_000)}}"}"""), Line("c", "{}"))));
        Assert.Equal(("line_too_long", 2), Error(longLine));
        Assert.Contains("bytes and may have 10000", longLine.GetProperty("errors").GetProperty("data")[0].GetProperty("message").GetString(), StringComparison.Ordinal);

        static (string, int) Error(JsonElement batch)
        {
            JsonElement error = Assert.Single(batch.GetProperty("errors").GetProperty("data").EnumerateArray());
            return (error.GetProperty("code").GetString()!, error.GetProperty("line").GetInt32());
        }
    }

    [Fact]
    public async Task A_key_may_have_so_many_batches_open_and_more_when_one_has_ended()
    {
        ApiKey ann = new("ann", "secret-of-ann"), ben = new("ben", "secret-of-ben");
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = _data.Path, DrainTime = TimeSpan.Zero, Keys = [ann, ben], Limits = new ServerLimits { BatchesPerKey = 2 } });
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", ann.Secret);
        string input = await UploadAsync(server.Client, Line("a", """{"prompt":"The prince","max_tokens":3000,"n":16,"ignore_eos":true}"""));
        string first = await BeginAsync(server.Client, input);
        await BeginAsync(server.Client, input);
        (int status, JsonElement refused) = await server.AskAsync("/v1/batches", $$"""{"input_file_id":"{{input}}","endpoint":"/v1/completions","completion_window":"24h"}""", ann.Secret);
        Assert.Equal((429, "batch_limit_exceeded"), (status, refused.GetProperty("error").GetProperty("code").GetString()));
        using HttpClient other = new() { BaseAddress = server.Client.BaseAddress };
        other.DefaultRequestHeaders.Authorization = new("Bearer", ben.Secret);
        await BeginAsync(other, await UploadAsync(other, Line("a", """{"prompt":"x","max_tokens":1}""")));
        using HttpResponseMessage cancel = await server.Client.PostAsync($"/v1/batches/{first}/cancel", null);
        await EndAsync(server.Client, first);
        await BeginAsync(server.Client, input);
    }

    [Fact]
    public async Task A_batch_whose_file_has_lost_its_bytes_fails_and_says_so()
    {
        await using RunningServer server = await StartAsync();
        string input = await UploadAsync(server.Client, Line("a", "{}"));
        File.Delete(_data.File($"files/{input}.bin"));
        JsonElement batch = await EndAsync(server.Client, await BeginAsync(server.Client, input));
        Assert.Equal("input_file_missing", batch.GetProperty("errors").GetProperty("data")[0].GetProperty("code").GetString());
    }

    [Fact]
    public async Task A_cancelled_batch_keeps_what_is_finished()
    {
        await using RunningServer server = await StartAsync();
        string input = await UploadAsync(server.Client, [.. Enumerable.Range(0, 200).Select(i => Line($"{i}", """{"prompt":"The prince","max_tokens":3000,"ignore_eos":true}"""))]);
        string id = await BeginAsync(server.Client, input);
        Assert.Equal(HttpStatusCode.Conflict, (await server.Client.DeleteAsync($"/v1/files/{input}")).StatusCode);
        using HttpResponseMessage cancel = await server.Client.PostAsync($"/v1/batches/{id}/cancel", null);
        Assert.Contains("\"cancelling\"", await cancel.Content.ReadAsStringAsync(), StringComparison.Ordinal);
        Assert.Equal("cancelled", (await EndAsync(server.Client, id)).GetProperty("status").GetString());
        await server.ExpectRestAsync();
    }

    [Fact]
    public async Task Callers_see_only_their_own_files_and_batches()
    {
        ApiKey ann = new("ann", "secret-of-ann"), ben = new("ben", "secret-of-ben");
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { DataFolder = _data.Path, Keys = [ann, ben] });
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", ann.Secret);
        string input = await UploadAsync(server.Client, Line("a", """{"prompt":"x","max_tokens":1}""")), id = await BeginAsync(server.Client, input);
        await EndAsync(server.Client, id);
        server.Client.DefaultRequestHeaders.Authorization = new("Bearer", ben.Secret);
        foreach (string path in (string[])[$"/v1/files/{input}", $"/v1/files/{input}/content", $"/v1/batches/{id}"]) Assert.Equal(HttpStatusCode.NotFound, (await server.Client.GetAsync(path)).StatusCode);
        Assert.Contains("\"data\":[]", await server.Client.GetStringAsync("/v1/batches"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task Killed_in_the_middle_a_batch_goes_on_and_has_each_line_once()
    {
        const int Lines = 400;
        string id;
        using (ServerProcess process = await ServerProcess.Start(["--data", _data.Path, "--max-batch", "8"]).ListeningAsync())
        {
            id = await BeginAsync(process.Client, await UploadAsync(process.Client, [.. Enumerable.Range(0, Lines).Select(i => Line($"{i}", $$"""{"prompt":"Question {{i}}:","seed":{{i}},"max_tokens":60,"ignore_eos":true}"""))]));
            for (int i = 0; i < 2000 && await DoneAsync(process.Client, id) < 20; i++) await Task.Delay(5);
            process.Signal("KILL");
            await process.EndAsync();
        }

        // What a kill in the middle of a write would leave.
        string output = Directory.GetFiles(_data.File("files"), "*.bin").Single(file => File.ReadLines(file).FirstOrDefault()?.StartsWith("""{"id":"batch_req_""", StringComparison.Ordinal) == true);
        int before = File.ReadLines(output).Count();
        Assert.InRange(before, 1, Lines - 1);
        await File.AppendAllTextAsync(output, "{\"id\":\"batch_req_torn");

        await using RunningServer server = await StartAsync();
        JsonElement batch = await EndAsync(server.Client, id);
        Assert.Equal("completed", batch.GetProperty("status").GetString());
        Dictionary<string, JsonElement> answers = await ResultsAsync(server.Client, batch.GetProperty("output_file_id").GetString()!);
        Assert.Equal(Lines, answers.Count);     // and a line that came twice would have thrown
        GenerateResult expected = await server.Engine.CompleteAsync("Question 7:", new GenerateOptions { Seed = 7, MaxTokens = 60, IgnoreEndOfText = true });
        Assert.Equal(expected.Choices[0].Text, answers["7"].GetProperty("body").GetProperty("choices")[0].GetProperty("text").GetString());
    }

    [Fact]
    public async Task A_folder_that_cannot_be_used_is_named_at_the_start()
    {
        string file = _data.Write("file", "");
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 1 << 20, Threads = 1 });
        IOException error = await Assert.ThrowsAsync<IOException>(() => CoppiceServer.StartAsync(engine, "sample", new ServerOptions { Port = 0, DataFolder = file }, _ => { }));
        Assert.Contains("--data", error.Message, StringComparison.Ordinal);
        await using RunningServer first = await StartAsync();
        error = await Assert.ThrowsAsync<IOException>(() => CoppiceServer.StartAsync(engine, "sample", new ServerOptions { Port = 0, DataFolder = _data.Path }, _ => { }));
        Assert.Contains("another server", error.Message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData(28, "disk is full")]
    [InlineData(30, "read-only")]
    public void A_disk_that_refuses_is_an_error_that_says_so(int error, string message)
    {
        ApiException refused = Assert.Throws<ApiException>(() => DataFolder.Guard(() => throw new IOException("no", error)));
        Assert.Equal(507, refused.Status);
        Assert.Contains(message, refused.Message, StringComparison.Ordinal);
    }

    private Task<RunningServer> StartAsync() => RunningServer.StartAsync(new ServerOptions { DataFolder = _data.Path, DrainTime = TimeSpan.Zero });

    private static string Line(string id, string body, string url = "/v1/completions") => $$"""{"custom_id":"{{id}}","method":"POST","url":"{{url}}","body":{{body}}}""";

    private static async Task<string> UploadAsync(HttpClient client, params string[] lines)
    {
        using MultipartFormDataContent form = new() { { new StringContent("batch"), "purpose" }, { new ByteArrayContent(Encoding.UTF8.GetBytes(string.Join('\n', lines))), "file", "lines.jsonl" } };
        using HttpResponseMessage response = await client.PostAsync("/v1/files", form);
        return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<string> BeginAsync(HttpClient client, string input, string more = "", string endpoint = "/v1/completions")
    {
        using StringContent body = new($$"""{"input_file_id":"{{input}}","endpoint":"{{endpoint}}","completion_window":"24h"{{more}}}""", Encoding.UTF8, "application/json");
        using HttpResponseMessage response = await client.PostAsync("/v1/batches", body);
        return JsonDocument.Parse(await response.EnsureSuccessStatusCode().Content.ReadAsStringAsync()).RootElement.GetProperty("id").GetString()!;
    }

    private static async Task<JsonElement> BatchAsync(HttpClient client, string id) => JsonDocument.Parse(await client.GetStringAsync($"/v1/batches/{id}")).RootElement;

    private static async Task<int> DoneAsync(HttpClient client, string id) => (await BatchAsync(client, id)).GetProperty("request_counts").GetProperty("completed").GetInt32();

    private static async Task<JsonElement> EndAsync(HttpClient client, string id)
    {
        for (int i = 0; i < 6000; i++)
        {
            JsonElement batch = await BatchAsync(client, id);
            if (batch.GetProperty("status").GetString() is "completed" or "failed" or "cancelled") return batch;
            await Task.Delay(10);
        }

        throw new TimeoutException($"The batch {id} does not end.");
    }

    private static async Task<Dictionary<string, JsonElement>> ResultsAsync(HttpClient client, string file) =>
        (await client.GetStringAsync($"/v1/files/{file}/content")).Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)
            .ToDictionary(result => result.GetProperty("custom_id").GetString()!, result => result.GetProperty("response"));
}
