using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Batches;

/// <summary>What a batch does while the disk refuses.</summary>
internal static class Disk
{
    private static readonly TimeSpan s_retry = TimeSpan.FromSeconds(5);

    /// <summary>Stores something, and waits for the disk rather than losing it.</summary>
    public static Task UntilStoredAsync(Action store, TimeProvider time, ILogger logger, CancellationToken cancellation) => UntilStoredAsync(() =>
    {
        store();
        return Task.FromResult(true);
    }, time, logger, cancellation);

    /// <inheritdoc cref="UntilStoredAsync(Action, TimeProvider, ILogger, CancellationToken)"/>
    public static async Task<T> UntilStoredAsync<T>(Func<Task<T>> store, TimeProvider time, ILogger logger, CancellationToken cancellation)
    {
        while (true)
        {
            try
            {
                return await store();
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException or ApiException)
            {
                Log.DiskRefused(logger, e.Message);
                await Task.Delay(s_retry, time, cancellation);
            }
        }
    }
}
