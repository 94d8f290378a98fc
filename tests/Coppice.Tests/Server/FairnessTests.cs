using System.Text.Json;
using Coppice.Server;

namespace Coppice.Tests.Server;

public sealed class FairnessTests
{
    private const string Completions = "/v1/completions";

    [Fact]
    public async Task A_flood_from_one_key_does_not_starve_another()
    {
        ApiKey ann = new("ann", "secret-of-ann"), ben = new("ben", "secret-of-ben");
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { Keys = [ann, ben] }, new EngineOptions { MaxBatch = 4, MaxBatchPerOwner = 3, KvBytes = 32 << 20, Threads = 1 });
        int ended = 0;
        Task[] flood = [.. Enumerable.Range(0, 120).Select(async i =>
        {
            Assert.Equal(200, (await server.AskAsync(Completions, $$"""{"prompt":"Flood {{i}}","max_tokens":120,"ignore_eos":true}""", ann.Secret)).Status);
            Interlocked.Increment(ref ended);
        })];
        for (int i = 0; i < 5000 && server.Engine.Metrics.WaitingSamples < 30; i++) await Task.Delay(1);
        for (int i = 0; i < 3; i++) Assert.Equal(200, (await server.AskAsync(Completions, $$"""{"prompt":"Mine {{i}}","max_tokens":20,"ignore_eos":true}""", ben.Secret)).Status);
        Assert.True(Volatile.Read(ref ended) < 100, $"{ended} of the flood were answered first.");
        await Task.WhenAll(flood);
        await server.ExpectRestAsync();
    }

    [Fact]
    public async Task What_matters_less_waits_for_what_matters_more()
    {
        await using RunningServer server = await RunningServer.StartAsync(engineOptions: new EngineOptions { MaxBatch = 1, KvBytes = 16 << 20, Threads = 1 });
        // Its samples run one after another, longer than any machine needs to let the others in; then its client leaves.
        HttpResponseMessage running = await server.PostAsync(Completions, """{"prompt":"First","n":8,"max_tokens":3900,"ignore_eos":true,"stream":true}""");
        List<int> order = [];
        List<Task> waiting = [];
        foreach (int priority in (int[])[7, 5, 3, 0])      // the least first; their answers are long, so that a busy client sees them end in the order in which they end
        {
            long before = server.Engine.Metrics.WaitingSamples;
            waiting.Add(AskAsync(priority));
            for (int i = 0; i < 5000 && server.Engine.Metrics.WaitingSamples <= before; i++) await Task.Delay(1);
        }

        running.Dispose();
        await Task.WhenAll(waiting);
        Assert.Equal([0, 3, 5, 7], order);

        async Task AskAsync(int priority)
        {
            (int status, JsonElement _) = await server.AskAsync(Completions, $$"""{"prompt":"Then","priority":{{priority}},"max_tokens":1500,"ignore_eos":true}""");
            Assert.Equal(200, status);
            lock (order) order.Add(priority);
        }
    }
}
