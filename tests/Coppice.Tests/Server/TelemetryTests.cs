using System.Collections.Concurrent;
using System.Diagnostics;
using System.Text;
using Coppice.Server;
using Microsoft.Extensions.Logging;
using OpenTelemetry;
using OpenTelemetry.Metrics;
using OpenTelemetry.Trace;

namespace Coppice.Tests.Server;

/// <summary>What OpenTelemetry's own exporters and a log get of a server.</summary>
public sealed class TelemetryTests
{
    private const string Secret = "Zanzibar";

    [Fact]
    public async Task OpenTelemetry_gets_instruments_and_spans_under_its_own_names()
    {
        string model = $"telemetry-{Guid.NewGuid():N}";
        Spans spans = new();
        using TracerProvider tracing = Sdk.CreateTracerProviderBuilder().AddSource("Coppice").SetSampler(new ParentBasedSampler(new AlwaysOnSampler())).AddProcessor(new SimpleActivityExportProcessor(spans)).Build();
        Instruments instruments = new(model);
        using MeterProvider metering = Sdk.CreateMeterProviderBuilder().AddMeter("Coppice").AddReader(new BaseExportingMetricReader(instruments)).Build();
        await using RunningServer server = await RunningServer.StartAsync(new ServerOptions { ModelName = model });
        const string Trace = "0af7651916cd43dd8448eb211c80319c", Parent = "b7ad6b7169203331";
        await SendAsync(server, """{"prompt":["The prince","Who"],"max_tokens":4,"ignore_eos":true,"stream":true,"seed":3}""", $"00-{Trace}-{Parent}-01");
        await SendAsync(server, """{"prompt":"The prince","max_tokens":4,"n":2,"ignore_eos":true}""", null);
        metering.ForceFlush();

        Activity continued = Assert.Single(spans.Of(model), span => span.TraceId.ToHexString() == Trace);
        Assert.Equal(Parent, continued.ParentSpanId.ToHexString());
        Assert.Equal(($"text_completion {model}", ActivityKind.Server), (continued.DisplayName, continued.Kind));
        Assert.Equal("text_completion", continued.GetTagItem("gen_ai.operation.name"));
        Assert.Equal(8, continued.GetTagItem("gen_ai.usage.output_tokens"));
        Assert.Equal(3UL, Convert.ToUInt64(continued.GetTagItem("gen_ai.request.seed")));
        Assert.Equal(["length", "length"], Assert.IsType<string[]>(continued.GetTagItem("gen_ai.response.finish_reasons")));
        Activity own = Assert.Single(spans.Of(model), span => span.TraceId.ToHexString() != Trace);     // a trace of its own
        Assert.Equal(default, own.ParentSpanId);

        Assert.Equal(1, instruments.Count("gen_ai.server.time_to_first_token"));
        Assert.Equal(6, instruments.Count("gen_ai.server.time_per_output_token"));
        Assert.Equal(2, instruments.Count("gen_ai.server.request.duration"));
        Assert.Equal(4, instruments.Count("gen_ai.client.token.usage"));       // read and generated
        foreach (string tag in (string[])["gen_ai.operation.name=text_completion", "gen_ai.provider.name=coppice", "gen_ai.token.type=input", "gen_ai.token.type=output"])
            Assert.Contains(tag, instruments.Tags);
    }

    [Fact]
    public async Task The_log_has_a_line_for_each_request_and_nothing_of_its_text()
    {
        using Lines lines = new();
        using Engine engine = Engine.Open(TestData.SampleModel, new EngineOptions { KvBytes = 16 << 20, Threads = 1 });
        await using CoppiceServer server = await CoppiceServer.StartAsync(engine, "sample", new ServerOptions { Port = 0 }, logging => logging.SetMinimumLevel(LogLevel.Debug).AddProvider(lines));
        using HttpClient client = new() { BaseAddress = server.Address };
        foreach (string body in (string[])[$$"""{"prompt":"{{Secret}}","max_tokens":3,"ignore_eos":true}""", $$"""{"prompt":"{{Secret}}","n":0}""", $$"""{"prompt":{"{{Secret}}":1} }""", $$"""{"prompt":"{{Secret}} """])
        {
            using StringContent content = new(body, Encoding.UTF8, "application/json");
            await (await client.PostAsync("/v1/completions", content)).Content.ReadAsStringAsync();
        }

        await server.StopAsync();
        (string _, Dictionary<string, object?> answered) = Assert.Single(lines.All, line => line.Text.Contains("tokens generated", StringComparison.Ordinal));
        Assert.Equal((1, 3, "/v1/completions"), ((int)answered["Answers"]!, (int)answered["CompletionTokens"]!, answered["Path"]!.ToString()));
        Assert.StartsWith("req_", (string)answered["Id"]!, StringComparison.Ordinal);
        Assert.Equal(3, lines.All.Count(line => line.Text.Contains("refused with 400", StringComparison.Ordinal)));
        Assert.All(lines.All, line => Assert.DoesNotContain(Secret, line.Text, StringComparison.Ordinal));
    }

    private static async Task SendAsync(RunningServer server, string body, string? parent)
    {
        // Else the client's own span would be the parent.
        using HttpClient client = new(new SocketsHttpHandler { ActivityHeadersPropagator = null }) { BaseAddress = server.Server.Address };
        using HttpRequestMessage request = new(HttpMethod.Post, "/v1/completions") { Content = new StringContent(body, Encoding.UTF8, "application/json") };
        if (parent is not null) request.Headers.Add("traceparent", parent);
        using HttpResponseMessage response = await client.SendAsync(request);
        Assert.Equal(200, (int)response.StatusCode);
        await response.Content.ReadAsStringAsync();
    }

    private sealed class Spans : BaseExporter<Activity>
    {
        private readonly ConcurrentQueue<Activity> _all = new();

        public IEnumerable<Activity> Of(string model) => _all.Where(span => (string?)span.GetTagItem("gen_ai.request.model") == model);

        public override ExportResult Export(in Batch<Activity> batch)
        {
            foreach (Activity span in batch) _all.Enqueue(span);
            return ExportResult.Success;
        }
    }

    private sealed class Instruments(string model) : BaseExporter<Metric>
    {
        private readonly Dictionary<string, long> _counts = [];

        public HashSet<string> Tags { get; } = [];

        public long Count(string name) => _counts.GetValueOrDefault(name);

        public override ExportResult Export(in Batch<Metric> batch)
        {
            foreach (Metric metric in batch)
            {
                if (metric.MetricType != MetricType.Histogram) continue;
                long count = 0;
                foreach (ref readonly MetricPoint point in metric.GetMetricPoints())
                {
                    List<string> tags = [];
                    foreach ((string name, object? value) in point.Tags) tags.Add($"{name}={value}");
                    if (!tags.Contains($"gen_ai.request.model={model}")) continue;
                    Tags.UnionWith(tags);
                    count += point.GetHistogramCount();
                }

                _counts[metric.Name] = count;
            }

            return ExportResult.Success;
        }
    }

    private sealed class Lines : ILoggerProvider, ILogger
    {
        public ConcurrentQueue<(string Text, Dictionary<string, object?> Values)> All { get; } = new();

        public ILogger CreateLogger(string categoryName) => this;

        public IDisposable? BeginScope<TState>(TState state)
            where TState : notnull => null;

        public bool IsEnabled(LogLevel logLevel) => true;

        public void Log<TState>(LogLevel logLevel, EventId eventId, TState state, Exception? exception, Func<TState, Exception?, string> formatter) =>
            All.Enqueue((formatter(state, exception), state is IEnumerable<KeyValuePair<string, object?>> values ? values.ToDictionary(pair => pair.Key, pair => pair.Value) : []));

        public void Dispose()
        {
        }
    }
}
