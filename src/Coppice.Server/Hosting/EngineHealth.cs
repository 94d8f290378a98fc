using Microsoft.Extensions.Diagnostics.HealthChecks;

namespace Coppice.Server.Hosting;

/// <summary>Whether the engine still takes steps.</summary>
internal sealed class EngineHealth(Engine engine) : IHealthCheck
{
    private static readonly GenerateOptions s_oneToken = new() { MaxTokens = 1, Temperature = 0 };

    public async Task<HealthCheckResult> CheckHealthAsync(HealthCheckContext context, CancellationToken cancellationToken = default)
    {
        try
        {
            await engine.CompleteAsync(new int[] { 0 }, s_oneToken, cancellationToken);
            EngineMetrics metrics = engine.Metrics;
            return HealthCheckResult.Healthy($"{metrics.RunningSamples} samples running, {metrics.WaitingSamples} waiting.");
        }
        catch (Exception error) when (error is not OperationCanceledException)
        {
            return new HealthCheckResult(context.Registration.FailureStatus, "The engine does not answer.", error);
        }
    }
}
