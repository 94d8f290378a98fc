using System.Diagnostics;
using Coppice.Server.Serving;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Telemetry;

/// <summary>What the instruments and the log hear of one request.</summary>
internal sealed class RequestRecord(ServerMeter meter, Activity? activity, TagList tags, int samples, ILogger logger, HttpContext context) : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly long[] _lastToken = new long[samples];
    private readonly List<string> _reasons = [];
    private Usage _usage = new(0, 0, 0);
    private bool _begun, _failed;

    /// <summary>A token of a streamed answer came.</summary>
    public void Token(int sample)
    {
        long now = Stopwatch.GetTimestamp();
        if (!_begun) meter.FirstToken(Stopwatch.GetElapsedTime(_start, now).TotalSeconds, tags);
        _begun = true;
        if (_lastToken[sample] != 0) meter.BetweenTokens(Stopwatch.GetElapsedTime(_lastToken[sample], now).TotalSeconds, tags);
        _lastToken[sample] = now;
    }

    /// <summary>An answer ended.</summary>
    public void Ended(FinishReason reason)
    {
        meter.Answer(reason);
        _reasons.Add(reason == FinishReason.Stop ? "stop" : "length");
    }

    /// <summary>All answers ended.</summary>
    public void Ended(Usage usage)
    {
        _usage = usage;
        meter.Tokens(usage, tags);
        activity?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens).SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens)
            .SetTag("gen_ai.usage.cache_read.input_tokens", usage.CachedTokens).SetTag("gen_ai.response.finish_reasons", _reasons.ToArray());
    }

    public void Failed(string code)
    {
        _failed = true;
        meter.Failure(code);
        tags.Add("error.type", code);
        activity?.SetTag("error.type", code).SetStatus(ActivityStatusCode.Error);
    }

    public void Dispose()
    {
        TimeSpan time = Stopwatch.GetElapsedTime(_start);
        meter.Duration(time.TotalSeconds, tags);
        if (!_failed) Log.Answered(logger, context.Response.Headers["x-request-id"].ToString(), context.Request.Path, _reasons.Count, _usage.PromptTokens, _usage.CachedTokens, _usage.CompletionTokens, time.TotalMilliseconds);
        activity?.Dispose();
    }
}
