using System.CommandLine;
using Coppice;
using Coppice.Load;
using Coppice.Server;
using Microsoft.Extensions.Logging;

// Many streams that share a system prompt, with clients that leave and requests that are bad; each answer is compared with the
// same request alone. Without --url it serves a model itself and looks for lost pages afterwards.
Option<string?> url = new("--url") { Description = "A server to load. Default: one of its own" };
Option<string?> key = new("--api-key") { Description = "Its API key" };
Option<string> model = new("--model", "-m") { Description = "What its own server serves", DefaultValueFactory = _ => "models/sample" };
Option<int> streams = new("--streams") { DefaultValueFactory = _ => 256, Description = "Requests at once" };
Option<int> seconds = new("--seconds") { DefaultValueFactory = _ => 30, Description = "How long" };
Option<int> prefix = new("--prefix") { DefaultValueFactory = _ => 2000, Description = "Tokens of the shared system prompt" };
Option<int> tokens = new("--max-tokens") { DefaultValueFactory = _ => 48, Description = "Tokens of an answer" };
Option<double> leave = new("--disconnects") { DefaultValueFactory = _ => 0.1, Description = "Share of clients that leave in the middle" };
Option<double> bad = new("--bad") { DefaultValueFactory = _ => 0.05, Description = "Share of bad requests" };
RootCommand root = new("Loads a server and reports times to the first token and between tokens.") { url, key, model, streams, seconds, prefix, tokens, leave, bad };
root.SetAction(async (parsed, cancellation) =>
{
    LoadPlan plan = new(parsed.GetValue(streams), TimeSpan.FromSeconds(parsed.GetValue(seconds)), parsed.GetValue(prefix), parsed.GetValue(tokens), parsed.GetValue(leave), parsed.GetValue(bad));
    if (parsed.GetValue(url) is string address) return await Load.RunAsync(new Uri(address), parsed.GetValue(key), plan, cancellation) ? 0 : 1;

    using Engine engine = Engine.Open(parsed.GetValue(model)!);
    await using CoppiceServer server = await CoppiceServer.StartAsync(engine, "model", new ServerOptions { Port = 0 }, logging => logging.AddSimpleConsole());
    MemoryWatch memory = new();
    using CancellationTokenSource over = new();
    Task watching = memory.WatchAsync(over.Token);
    long allocated = GC.GetTotalAllocatedBytes(), generated = engine.Metrics.GeneratedTokens;
    bool right = await Load.RunAsync(server.Address, null, plan, cancellation);
    Console.WriteLine($"allocated                  {(GC.GetTotalAllocatedBytes() - allocated) / Math.Max(1, engine.Metrics.GeneratedTokens - generated):N0} bytes a token, by server and clients");
    await over.CancelAsync();
    await watching;
    bool flat = memory.Print();
    await server.StopAsync();
    while (engine.Core.HasWork) await Task.Delay(10, CancellationToken.None);
    engine.Core.CheckInvariants();
    Console.WriteLine($"pages held after the load  {engine.Core.Pool.InUse}");
    Console.WriteLine($"keys and values read       {engine.Metrics.KvBytesRead:N0} bytes, {(double)engine.Metrics.KvBytesReadPerSequence / Math.Max(1, engine.Metrics.KvBytesRead):0.0}x less than per sequence");
    return right && flat && engine.Core.Pool.InUse == 0 ? 0 : 1;
});
return await root.Parse(args).InvokeAsync();
