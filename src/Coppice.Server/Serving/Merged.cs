using System.Runtime.CompilerServices;
using System.Threading.Channels;

namespace Coppice.Server.Serving;

/// <summary>The answers to several prompts as one stream, in the order in which they come.</summary>
internal static class Merged
{
    private const int MostWaiting = 256;

    public static IAsyncEnumerable<(int Prompt, GenerateChunk Chunk)> Of(IReadOnlyList<IAsyncEnumerable<GenerateChunk>> answers, CancellationToken cancellation) =>
        answers.Count == 1 ? One(answers[0], cancellation) : Many(answers, cancellation);

    private static async IAsyncEnumerable<(int, GenerateChunk)> One(IAsyncEnumerable<GenerateChunk> answer, [EnumeratorCancellation] CancellationToken cancellation)
    {
        await foreach (GenerateChunk chunk in answer.WithCancellation(cancellation)) yield return (0, chunk);
    }

    private static async IAsyncEnumerable<(int, GenerateChunk)> Many(IReadOnlyList<IAsyncEnumerable<GenerateChunk>> answers, [EnumeratorCancellation] CancellationToken cancellation)
    {
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(cancellation);
        // Bounded: what a slow reader leaves waits in the engine, where it takes the least.
        Channel<(int, GenerateChunk)> merged = Channel.CreateBounded<(int, GenerateChunk)>(new BoundedChannelOptions(MostWaiting) { SingleReader = true });
        Task reading = Task.WhenAll(answers.Select((answer, prompt) => ReadAsync(answer, prompt, merged.Writer, stop)));
        _ = reading.ContinueWith(ended => merged.Writer.TryComplete(ended.Exception?.InnerException), CancellationToken.None, TaskContinuationOptions.ExecuteSynchronously, TaskScheduler.Default);
        try
        {
            await foreach ((int, GenerateChunk) chunk in merged.Reader.ReadAllAsync(CancellationToken.None)) yield return chunk;
        }
        finally
        {
            await stop.CancelAsync();
            await reading.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    private static async Task ReadAsync(IAsyncEnumerable<GenerateChunk> answer, int prompt, ChannelWriter<(int, GenerateChunk)> writer, CancellationTokenSource stop)
    {
        try
        {
            await foreach (GenerateChunk chunk in answer.WithCancellation(stop.Token)) await writer.WriteAsync((prompt, chunk), stop.Token);
        }
        catch (Exception error)
        {
            writer.TryComplete(error);      // the first error is the request's
            await stop.CancelAsync();
            throw;
        }
    }
}
