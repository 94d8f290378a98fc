using System.Diagnostics.Metrics;
using System.Globalization;
using System.Text;

namespace Coppice.Server.Telemetry;

/// <summary>
/// Listens to a meter and writes what it heard in Prometheus' text format 0.0.4. Instruments that vLLM has too bear its names,
/// so that its dashboards show them.
/// </summary>
internal sealed class PrometheusText : IDisposable
{
    public const string ContentType = "text/plain; version=0.0.4; charset=utf-8";

    private static readonly Dictionary<string, string> s_names = new(StringComparer.Ordinal)
    {
        ["gen_ai.server.time_to_first_token"] = "vllm:time_to_first_token_seconds",
        ["gen_ai.server.time_per_output_token"] = "vllm:inter_token_latency_seconds",
        ["gen_ai.server.request.duration"] = "vllm:e2e_request_latency_seconds",
        [ServerMeter.TokenUsage] = "coppice:request_tokens",
        ["coppice.answers"] = "vllm:request_success_total",
        ["coppice.samples.running"] = "vllm:num_requests_running",
        ["coppice.samples.waiting"] = "vllm:num_requests_waiting",
        ["coppice.kv.usage"] = "vllm:kv_cache_usage_perc",
        ["coppice.tokens.prompt"] = "vllm:prompt_tokens_total",
        ["coppice.tokens.generated"] = "vllm:generation_tokens_total",
        ["coppice.prefix.queries"] = "vllm:prefix_cache_queries_total",
        ["coppice.prefix.hits"] = "vllm:prefix_cache_hits_total",
        ["coppice.request.failures"] = "coppice:request_failures_total",
        ["coppice.tokens.recomputed"] = "coppice:recomputed_tokens_total",
        ["coppice.steps"] = "coppice:steps_total",
        ["coppice.kv.read"] = "coppice:kv_read_bytes_total",
        ["coppice.kv.saved"] = "coppice:kv_saved_bytes_total",
        ["coppice.kv.level.read"] = "coppice:kv_level_read_bytes_total",
        ["coppice.kv.level.saved"] = "coppice:kv_level_saved_bytes_total",
        ["coppice.kv.rows.read"] = "coppice:kv_rows_read_bytes_total",
        ["coppice.kv.not_shared"] = "coppice:kv_not_shared_bytes_total",
        ["coppice.kv.evicted"] = "coppice:kv_evicted_bytes_total",
        ["coppice.kv.limit"] = "coppice:kv_limit_bytes",
        ["coppice.kv.held"] = "coppice:kv_held_bytes",
        ["coppice.kv.pinned"] = "coppice:kv_pinned_bytes",
        ["coppice.kv.cached"] = "coppice:kv_cached_bytes",
        ["coppice.samples.admitted"] = "coppice:samples_admitted",
    };

    private readonly Lock _lock = new();
    private readonly MeterListener _listener = new();
    private readonly SortedDictionary<string, Family> _families = new(StringComparer.Ordinal);
    private readonly string _label;

    public PrometheusText(Meter meter, string model)
    {
        _label = $"model_name=\"{Escaped(model)}\"";
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (instrument.Meter == meter) listener.EnableMeasurementEvents(instrument, FamilyOf(instrument));
        };
        _listener.SetMeasurementEventCallback<long>((_, value, tags, state) => Heard((Family)state!, value, tags));
        _listener.SetMeasurementEventCallback<double>((_, value, tags, state) => Heard((Family)state!, value, tags));
        _listener.Start();
    }

    public string Write()
    {
        _listener.RecordObservableInstruments();
        StringBuilder text = new();
        lock (_lock)
        {
            foreach (Family family in _families.Values)
            {
                text.Append(CultureInfo.InvariantCulture, $"# HELP {family.Name} {family.Help}\n# TYPE {family.Name} {family.Kind}\n");
                foreach ((string labels, Series series) in family.Series) Append(text, family, labels, series);
            }
        }

        return text.ToString();
    }

    public void Dispose() => _listener.Dispose();

    private static void Append(StringBuilder text, Family family, string labels, Series series)
    {
        if (family.Bounds is not { } bounds)
        {
            text.Append(CultureInfo.InvariantCulture, $"{family.Name}{{{labels}}} {series.Sum:R}\n");
            return;
        }

        long below = 0;
        for (int i = 0; i <= bounds.Length; i++)
        {
            below += series.Buckets[i];
            string bound = i < bounds.Length ? bounds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
            text.Append(CultureInfo.InvariantCulture, $"{family.Name}_bucket{{{labels},le=\"{bound}\"}} {below}\n");
        }

        text.Append(CultureInfo.InvariantCulture, $"{family.Name}_sum{{{labels}}} {series.Sum:R}\n{family.Name}_count{{{labels}}} {below}\n");
    }

    private Family FamilyOf(Instrument instrument)
    {
        double[]? bounds = instrument switch
        {
            Histogram<double> seconds => [.. seconds.Advice!.HistogramBucketBoundaries!],
            Histogram<long> tokens => [.. tokens.Advice!.HistogramBucketBoundaries!.Select(bound => (double)bound)],
            _ => null,
        };
        string kind = bounds is not null ? "histogram" : instrument.GetType().Name.Contains("Counter", StringComparison.Ordinal) ? "counter" : "gauge";
        Family family = new(s_names[instrument.Name], instrument.Description ?? "", kind, bounds, instrument.IsObservable);
        lock (_lock) _families.Add(family.Name, family);
        if (instrument is Histogram<double>) Heard(family, double.NaN, []);     // shown from the beginning, empty
        return family;
    }

    private void Heard(Family family, double value, ReadOnlySpan<KeyValuePair<string, object?>> tags)
    {
        string labels = _label;
        foreach ((string name, object? tag) in tags)
        {
            // OpenTelemetry's own attributes say what model_name says, or are counted on their own.
            if (name.Contains('.', StringComparison.Ordinal) && name != ServerMeter.TokenType) continue;
            labels += $",{name.Replace('.', '_')}=\"{Escaped(tag?.ToString() ?? "")}\"";
        }

        lock (_lock)
        {
            if (!family.Series.TryGetValue(labels, out Series? series)) family.Series.Add(labels, series = new Series(family.Bounds));
            if (double.IsNaN(value)) return;
            series.Sum = family.IsObservable ? value : series.Sum + value;
            if (family.Bounds is not { } bounds) return;
            int bucket = Array.BinarySearch(bounds, value);
            series.Buckets[bucket < 0 ? ~bucket : bucket]++;
        }
    }

    private static string Escaped(string label) => label.Replace("\\", "\\\\", StringComparison.Ordinal).Replace("\"", "\\\"", StringComparison.Ordinal).Replace("\n", "\\n", StringComparison.Ordinal);

    private sealed record Family(string Name, string Help, string Kind, double[]? Bounds, bool IsObservable)
    {
        public SortedDictionary<string, Series> Series { get; } = new(StringComparer.Ordinal);
    }

    private sealed class Series(double[]? bounds)
    {
        public double Sum { get; set; }

        public long[] Buckets { get; } = bounds is null ? [] : new long[bounds.Length + 1];
    }
}
