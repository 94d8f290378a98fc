using System.Diagnostics;
using System.Diagnostics.Metrics;
using Coppice.Server.Access;
using Coppice.Server.Serving;

namespace Coppice.Server.Telemetry;

/// <summary>The server's instruments, by OpenTelemetry's names for generative AI where there is one. /metrics shows them, and any OpenTelemetry exporter can.</summary>
internal sealed class ServerMeter : IDisposable
{
    /// <summary>The name by which exporters subscribe.</summary>
    public const string Name = "Coppice";

    private static readonly ActivitySource s_activities = new(Name);
    private static readonly InstrumentAdvice<double> s_seconds = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] };

    private readonly ServedModel _model;
    private readonly Histogram<double> _firstToken, _betweenTokens, _duration;
    private readonly Counter<long> _answers, _failures;

    public ServerMeter(ServedModel model, Admission admission)
    {
        _model = model;
        Meter = new Meter(Name);
        _firstToken = Meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "From a streamed request's arrival to its first token.", null, s_seconds);
        _betweenTokens = Meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "Between the tokens of a streamed answer. The prefill chunk bounds it.", null, s_seconds);
        _duration = Meter.CreateHistogram("gen_ai.server.request.duration", "s", "From a request's arrival to its end.", null, s_seconds);
        _answers = Meter.CreateCounter<long>("coppice.answers", "{answer}", "Answers that ended, by reason.");
        _failures = Meter.CreateCounter<long>("coppice.request.failures", "{request}", "Requests for answers that failed, by error.");

        Engine engine = model.Engine;
        Gauge("coppice.samples.running", "{sample}", "Samples in the batch.", m => m.RunningSamples);
        Gauge("coppice.samples.waiting", "{sample}", "Samples that wait for a place in the batch.", m => m.WaitingSamples);
        Meter.CreateObservableGauge("coppice.samples.admitted", () => (long)admission.Samples, "{sample}", "Samples of all requests that have not ended.");
        Gauge("coppice.kv.limit", "By", "Bytes that keys and values may take.", m => m.KvBytesLimit);
        Gauge("coppice.kv.held", "By", "Bytes of keys and values held by running samples.", m => m.KvBytesHeld);
        Gauge("coppice.kv.pinned", "By", "Bytes of keys and values that declared prefixes take, each counted whole.", m => m.KvBytesPinned);
        Gauge("coppice.kv.cached", "By", "Bytes of keys and values that nobody holds and the cache keeps.", m => m.KvBytesCached);
        Meter.CreateObservableGauge("coppice.kv.usage", () => (double)engine.Metrics.KvBytesHeld / engine.Metrics.KvBytesLimit, "1", "Share of the keys' and values' memory that running samples hold.");
        Count("coppice.tokens.prompt", "{token}", "Prompt tokens of all requests.", m => m.PromptTokens);
        Count("coppice.tokens.generated", "{token}", "Tokens generated.", m => m.GeneratedTokens);
        Count("coppice.prefix.queries", "{token}", "Prompt tokens looked up in the prefix tree.", m => m.ComputedPromptTokens + m.CachedPromptTokens + m.SharedPromptTokens);
        Count("coppice.prefix.hits", "{token}", "Prompt tokens found in the prefix tree.", m => m.CachedPromptTokens + m.SharedPromptTokens);
        Count("coppice.tokens.recomputed", "{token}", "Tokens computed again after a pause for lack of pages.", m => m.RecomputedTokens);
        Count("coppice.steps", "{step}", "Forward passes over a batch.", m => m.Steps);
        Count("coppice.kv.read", "By", "Bytes of keys and values that attention read.", m => m.KvBytesRead);
        Count("coppice.kv.saved", "By", "Bytes of keys and values that sharing spared attention.", m => m.KvBytesReadPerSequence - m.KvBytesRead);

        void Gauge(string name, string unit, string description, Func<EngineMetrics, long> read) => Meter.CreateObservableGauge(name, () => read(engine.Metrics), unit, description);
        void Count(string name, string unit, string description, Func<EngineMetrics, long> read) => Meter.CreateObservableCounter(name, () => read(engine.Metrics), unit, description);
    }

    public Meter Meter { get; }

    /// <summary>Begins to watch a request; disposing the record ends it.</summary>
    public RequestRecord Begin(string operation, Generation generation)
    {
        string name = operation.StartsWith("chat", StringComparison.Ordinal) ? "chat" : "text_completion";
        Activity? activity = s_activities.StartActivity($"{name} {_model.Name}", ActivityKind.Server);
        activity?.SetTag("gen_ai.operation.name", name).SetTag("gen_ai.provider.name", "coppice").SetTag("gen_ai.request.model", _model.Name)
            .SetTag("gen_ai.request.temperature", generation.Options.Temperature).SetTag("gen_ai.request.max_tokens", generation.Options.MaxTokens)
            .SetTag("gen_ai.request.choice.count", generation.Options.N).SetTag("gen_ai.request.seed", generation.Options.Seed);
        return new RequestRecord(this, activity, generation.Samples);
    }

    public void FirstToken(double seconds) => _firstToken.Record(seconds);

    public void BetweenTokens(double seconds) => _betweenTokens.Record(seconds);

    public void Answer(FinishReason reason) => _answers.Add(1, new KeyValuePair<string, object?>("finished_reason", reason == FinishReason.Stop ? "stop" : "length"));

    public void Failure(string code) => _failures.Add(1, new KeyValuePair<string, object?>("error", code));

    public void Duration(double seconds) => _duration.Record(seconds);

    public void Dispose() => Meter.Dispose();
}
