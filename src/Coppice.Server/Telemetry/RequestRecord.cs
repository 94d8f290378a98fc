using System.Diagnostics;

namespace Coppice.Server.Telemetry;

/// <summary>What the instruments hear of one request.</summary>
internal sealed class RequestRecord(ServerMeter meter, Activity? activity, int samples) : IDisposable
{
    private readonly long _start = Stopwatch.GetTimestamp();
    private readonly long[] _lastToken = new long[samples];
    private bool _begun;

    /// <summary>A token of a streamed answer came.</summary>
    public void Token(int sample)
    {
        long now = Stopwatch.GetTimestamp();
        if (!_begun) meter.FirstToken(Stopwatch.GetElapsedTime(_start, now).TotalSeconds);
        _begun = true;
        if (_lastToken[sample] != 0) meter.BetweenTokens(Stopwatch.GetElapsedTime(_lastToken[sample], now).TotalSeconds);
        _lastToken[sample] = now;
    }

    /// <summary>Answers ended.</summary>
    public void Ended(IEnumerable<FinishReason> reasons, Usage usage)
    {
        foreach (FinishReason reason in reasons) meter.Answer(reason);
        if (usage.PromptTokens > 0) activity?.SetTag("gen_ai.usage.input_tokens", usage.PromptTokens).SetTag("gen_ai.usage.output_tokens", usage.CompletionTokens);
    }

    public void Failed(string code)
    {
        meter.Failure(code);
        activity?.SetTag("error.type", code).SetStatus(ActivityStatusCode.Error);
    }

    public void Dispose()
    {
        meter.Duration(Stopwatch.GetElapsedTime(_start).TotalSeconds);
        activity?.Dispose();
    }
}
