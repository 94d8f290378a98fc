using System.Diagnostics;
using System.Diagnostics.Metrics;
using System.Globalization;
using Coppice.Server.Access;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Telemetry;

/// <summary>The server's instruments, by OpenTelemetry's names for generative AI where there is one. /metrics shows them, and any OpenTelemetry exporter can.</summary>
internal sealed class ServerMeter : IDisposable
{
    /// <summary>The name by which exporters subscribe.</summary>
    public const string Name = "Coppice";

    /// <summary>The instrument of tokens by <see cref="TokenType"/>.</summary>
    public const string TokenUsage = "gen_ai.client.token.usage", TokenType = "gen_ai.token.type";

    private static readonly ActivitySource s_activities = new(Name);
    private static readonly InstrumentAdvice<long> s_tokens = new() { HistogramBucketBoundaries = [1, 4, 16, 64, 256, 1024, 4096, 16_384, 65_536, 262_144, 1_048_576] };
    private static readonly InstrumentAdvice<double> s_seconds = new() { HistogramBucketBoundaries = [0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60, 300] };

    private readonly ServedModel _model;
    private readonly ILogger _logger;
    private readonly Histogram<double> _firstToken, _betweenTokens, _duration;
    private readonly Histogram<long> _tokens;
    private readonly Counter<long> _answers, _failures;

    public ServerMeter(ServedModel model, Admission admission, ILogger logger)
    {
        (_model, _logger) = (model, logger);
        Meter = new Meter(Name);
        _firstToken = Meter.CreateHistogram("gen_ai.server.time_to_first_token", "s", "From a streamed request's arrival to its first token.", null, s_seconds);
        _betweenTokens = Meter.CreateHistogram("gen_ai.server.time_per_output_token", "s", "Between the tokens of a streamed answer. The prefill chunk bounds it.", null, s_seconds);
        _duration = Meter.CreateHistogram("gen_ai.server.request.duration", "s", "From a request's arrival to its end.", null, s_seconds);
        _tokens = Meter.CreateHistogram(TokenUsage, "{token}", "Tokens of a request, by whether they were read or generated.", null, s_tokens);
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
        Count("coppice.kv.evicted", "By", "Bytes of keys and values that the cache gave up because the room was needed.", m => m.KvBytesEvicted);
        Meter.CreateObservableCounter("coppice.kv.level.read", () => engine.Metrics.Sharing.Levels.Select(level => Tagged(level.BytesRead, "level", LevelName(level.Level))), "By", "Bytes of keys and values that attention read, by level of the tree of running samples; 7 takes all deeper ones.");
        Meter.CreateObservableCounter("coppice.kv.level.saved", () => engine.Metrics.Sharing.Levels.Select(level => Tagged(level.BytesSaved, "level", LevelName(level.Level))), "By", "Bytes that sharing spared attention, by level.");
        Meter.CreateObservableCounter("coppice.kv.rows.read", () => engine.Metrics.Sharing.RowsPerRead.Select(rows => Tagged(rows.BytesRead, "rows", SharingNames.Of(rows))), "By", "Bytes that attention read, by how many samples one read served.");
        Meter.CreateObservableCounter("coppice.kv.not_shared", () => engine.Metrics.Sharing.NotShared.Select(pair => Tagged(pair.Value, "reason", SharingNames.Of(pair.Key))), "By", "Bytes that were read for one sample or again for others, by why.");

        static Measurement<long> Tagged(long bytes, string name, string value) => new(bytes, new KeyValuePair<string, object?>(name, value));
        static string LevelName(int level) => level.ToString(CultureInfo.InvariantCulture);
        void Gauge(string name, string unit, string description, Func<EngineMetrics, long> read) => Meter.CreateObservableGauge(name, () => read(engine.Metrics), unit, description);
        void Count(string name, string unit, string description, Func<EngineMetrics, long> read) => Meter.CreateObservableCounter(name, () => read(engine.Metrics), unit, description);
    }

    public Meter Meter { get; }

    /// <summary>Begins to watch a request; disposing the record ends it.</summary>
    public RequestRecord Begin(string operation, GenerationRequest request, HttpContext context)
    {
        string name = operation.StartsWith("chat", StringComparison.Ordinal) ? "chat" : "text_completion";
        TagList tags = new()
        {
            { "gen_ai.operation.name", name },
            { "gen_ai.provider.name", "coppice" },
            { "gen_ai.request.model", _model.Name },
            { "gen_ai.response.model", _model.Name },
        };
        Activity? activity = s_activities.StartActivity($"{name} {_model.Name}", ActivityKind.Server, ParentOf(context.Request));
        if (activity is not null)
        {
            foreach ((string tag, object? value) in tags) activity.SetTag(tag, value);
            GenerateOptions options = request.Options;
            activity.SetTag("gen_ai.request.temperature", options.Temperature).SetTag("gen_ai.request.max_tokens", options.MaxTokens)
                .SetTag("gen_ai.request.choice.count", options.N).SetTag("gen_ai.request.seed", options.Seed);
        }

        return new RequestRecord(this, activity, tags, request.Samples, _logger, context);
    }

    public void FirstToken(double seconds, in TagList tags) => _firstToken.Record(seconds, tags);

    public void BetweenTokens(double seconds, in TagList tags) => _betweenTokens.Record(seconds, tags);

    public void Answer(FinishReason reason) => _answers.Add(1, new KeyValuePair<string, object?>("finished_reason", reason == FinishReason.Stop ? "stop" : "length"));

    public void Failure(string code) => _failures.Add(1, new KeyValuePair<string, object?>("error", code));

    public void Duration(double seconds, in TagList tags) => _duration.Record(seconds, tags);

    public void Tokens(Usage usage, TagList tags)
    {
        int type = tags.Count;
        tags.Add(TokenType, "input");
        _tokens.Record(usage.PromptTokens, tags);
        tags[type] = new(TokenType, "output");
        _tokens.Record(usage.CompletionTokens, tags);
    }

    public void Dispose() => Meter.Dispose();

    /// <summary>
    /// The span that this one belongs under. The web framework makes a span of its own for its log even where nobody records it;
    /// under that one the trace would have a gap, and a sampler that follows the parent would drop it: then the client's span is the parent.
    /// </summary>
    private static ActivityContext ParentOf(HttpRequest request)
    {
        if (Activity.Current is { Source.Name.Length: > 0 } recorded) return recorded.Context;
        Activity.Current = null;
        return ActivityContext.TryParse(request.Headers.TraceParent, request.Headers.TraceState, isRemote: true, out ActivityContext client) ? client : default;
    }
}
