namespace Coppice.Server.Serving;

/// <summary>The parts of one request, at the same time.</summary>
internal static class AllOrNone
{
    /// <summary>What every part gives; the first that fails ends the others, for nobody waits for them.</summary>
    public static async Task<T[]> RunAsync<T>(int count, Func<int, CancellationToken, Task<T>> part, CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        Task<T>[] running = [.. Enumerable.Range(0, count).Select(i => part(i, stop.Token))];
        try
        {
            await foreach (Task<T> ended in Task.WhenEach(running)) await ended;
        }
        finally
        {
            await stop.CancelAsync();
        }

        return [.. running.Select(task => task.Result)];
    }
}
