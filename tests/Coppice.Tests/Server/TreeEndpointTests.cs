using System.Net;
using System.Net.Http.Headers;
using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

public sealed class TreeEndpointTests
{
    private const string Endless = """{"prompt":[1,5,6,7,8,9,10,11,12,13,14,15,16,17,18,19,20,21,22,23,24,25,26,27,28,29,30,31,32,33,34,35,36],"n":2,"max_tokens":3000,"ignore_eos":true,"stream":true}""";
    private static readonly ApiKey s_ann = new("ann", "secret-of-ann"), s_anna = new("anna", "secret-of-anna");

    [Fact]
    public async Task The_tree_shows_rows_while_they_run_and_idle_pages_afterwards()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        Assert.Equal(0, (await TreeAsync(server)).GetProperty("tree").GetProperty("nodes").GetArrayLength());
        using (CancellationTokenSource seen = new())
        {
            // Again and again: on a busy machine one request may be over before anybody looks.
            Task running = AskAgainAsync(server, seen.Token);
            JsonElement trunk = await NodeWith(server, node => node.GetProperty("rows").GetInt32() == 2);
            Assert.Equal((0, 32), (trunk.GetProperty("first_token").GetInt32(), trunk.GetProperty("tokens").GetInt32()));
            Assert.NotEqual("", trunk.GetProperty("text").GetString());
            await seen.CancelAsync();
            await running;
        }

        // The server may notice only now that a client has left.
        JsonElement idle = await NodeWith(server, node => node.GetProperty("first_token").GetInt32() == 0 && node.GetProperty("tokens").GetInt32() == 32 && node.GetProperty("rows").GetInt32() == 0);
        Assert.Equal("none", idle.GetProperty("reading").GetString());
        await server.ExpectRestAsync();
    }

    [Fact]
    public async Task A_declared_prefix_shows_as_pinned_and_is_no_running_row()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        string tokens = string.Join(',', Enumerable.Range(1, 40));
        Assert.InRange((await server.AskAsync("/v1/prefixes", $$"""{"name":"head","tokens":[{{tokens}}]}""")).Status, 200, 201);
        Assert.Equal(200, (await server.AskAsync("/v1/completions", $$"""{"prompt":[{{tokens}},41,42,43,44,45,46,47,48,49,50,51,52,53,54,55,56,57,58,59,60],"max_tokens":1}""")).Status);
        JsonElement head = await NodeWith(server, node => node.GetProperty("pinned").GetBoolean()), rest = await NodeWith(server, node => !node.GetProperty("pinned").GetBoolean());
        Assert.Equal((0, 32, 0), (head.GetProperty("first_token").GetInt32(), head.GetProperty("tokens").GetInt32(), head.GetProperty("rows").GetInt32()));
        Assert.Equal(32, rest.GetProperty("first_token").GetInt32());
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task A_key_sees_its_own_part_and_texts_only_where_nobody_elses_can_be(bool share)
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [s_ann, s_anna], ShareBetweenKeys = share });
        foreach (ApiKey key in (ApiKey[])[s_ann, s_anna])
            Assert.Equal(200, (await server.AskAsync("/v1/completions", """{"prompt":"The prince looked at the old man and did not say a word for a long time","max_tokens":20,"ignore_eos":true}""", key.Secret)).Status);
        Assert.Equal(200, (await server.AskAsync("/v1/completions", """{"prompt":"The prince looked at the old man and did not say a word for a long time","max_tokens":20,"ignore_eos":true,"cache_salt":"mine"}""", s_ann.Secret)).Status);
        Assert.Equal(HttpStatusCode.Unauthorized, (await server.Client.GetAsync("/v1/coppice/tree")).StatusCode);

        JsonElement ann = (await TreeAsync(server, s_ann)).GetProperty("tree"), anna = (await TreeAsync(server, s_anna)).GetProperty("tree");
        string?[] texts = [.. ann.GetProperty("nodes").EnumerateArray().Select(node => node.GetProperty("text").GetString())];
        Assert.Equal(share, Array.TrueForAll(texts, text => text is null));
        Assert.Equal(share ? [null, null] : [null, "mine"], Salts(ann));
        Assert.Equal(share ? [null, null] : [null], Salts(anna));
        Assert.Equal(share ? 0 : 1, ann.GetProperty("other_partitions").GetInt32());
        Assert.Equal(1, ann.GetProperty("nodes")[0].GetProperty("same_beginning_elsewhere").GetInt32());
        Assert.Equal(share ? 1 : 0, anna.GetProperty("nodes")[0].GetProperty("same_beginning_elsewhere").GetInt32());
    }

    [Fact]
    public async Task Open_to_anybody_it_shows_no_texts()
    {
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { AllowAnybody = true });
        await server.AskAsync("/v1/completions", """{"prompt":"The prince looked at the old man and did not say a word for a long time","max_tokens":20,"ignore_eos":true}""");
        JsonElement nodes = (await TreeAsync(server)).GetProperty("tree").GetProperty("nodes");
        Assert.NotEqual(0, nodes.GetArrayLength());
        Assert.All(nodes.EnumerateArray(), node => Assert.Equal(JsonValueKind.Null, node.GetProperty("text").ValueKind));
    }

    [Fact]
    public async Task The_metrics_say_where_reads_were_shared()
    {
        await using RunningServer server = await RunningServer.StartAsync();
        await server.AskAsync("/v1/completions", Endless.Replace("3000", "30", StringComparison.Ordinal).Replace(",\"stream\":true", "", StringComparison.Ordinal).Replace("[1,5", $"[1,{string.Join(',', Enumerable.Range(40, 64))},5", StringComparison.Ordinal));
        string[] lines = (await server.Client.GetStringAsync("/metrics")).Split('\n');
        long Sum(string family) => lines.Where(line => line.StartsWith($"{family}{{", StringComparison.Ordinal)).Sum(line => long.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        long Value(string series) => lines.Where(line => line.Contains(series, StringComparison.Ordinal)).Sum(line => long.Parse(line[(line.LastIndexOf(' ') + 1)..], System.Globalization.CultureInfo.InvariantCulture));
        Assert.Equal(Sum("coppice:kv_read_bytes_total"), Sum("coppice:kv_level_read_bytes_total"));
        Assert.Equal(Sum("coppice:kv_saved_bytes_total"), Sum("coppice:kv_level_saved_bytes_total"));
        Assert.Equal(Sum("coppice:kv_read_bytes_total"), Sum("coppice:kv_rows_read_bytes_total"));
        Assert.True(Value("level=\"0\"}") > 0 && Value("rows=\"2\"}") > 0 && Value("reason=\"one_row\"}") > 0);
        Assert.Equal(0, Value("reason=\"mode\"}"));
    }

    private static string?[] Salts(JsonElement tree) => [.. tree.GetProperty("partitions").EnumerateArray().Select(partition => partition.GetProperty("cache_salt").GetString())];

    private static async Task<JsonElement> TreeAsync(RunningServer server, ApiKey? key = null)
    {
        using HttpRequestMessage request = new(HttpMethod.Get, "/v1/coppice/tree");
        if (key is not null) request.Headers.Authorization = new AuthenticationHeaderValue("Bearer", key.Secret);
        using HttpResponseMessage response = await server.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);
        return JsonDocument.Parse(await response.Content.ReadAsStringAsync()).RootElement;
    }

    private static async Task AskAgainAsync(RunningServer server, CancellationToken until)
    {
        try
        {
            while (true)
            {
                using HttpResponseMessage response = await server.PostAsync("/v1/completions", Endless, cancellation: until);
                await response.Content.ReadAsStringAsync(until);
            }
        }
        catch (OperationCanceledException)
        {
            // The client leaves.
        }
    }

    private static async Task<JsonElement> NodeWith(RunningServer server, Func<JsonElement, bool> wanted)
    {
        for (int i = 0; i < 500; i++)
        {
            foreach (JsonElement node in (await TreeAsync(server)).GetProperty("tree").GetProperty("nodes").EnumerateArray())
                if (wanted(node)) return node;
            await Task.Delay(20);
        }

        throw new InvalidOperationException("There was no such node.");
    }
}
