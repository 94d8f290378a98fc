using System.Buffers;
using System.IO.Pipelines;
using System.Text.Json;
using Coppice.Server.Wire;

namespace Coppice.Server.Serving;

/// <summary>
/// Writes JSON of any length in bounded memory: who writes a long list drains between its items, and then waits for a client that reads
/// slowly. What cannot wait, the buffer of a batch's line, takes all of it.
/// </summary>
internal sealed class AnswerWriter(IBufferWriter<byte> output) : IDisposable
{
    private const int MostUnsent = 1 << 16;

    private readonly PipeWriter? _pipe = output as PipeWriter;

    public Utf8JsonWriter Json { get; } = new(output, AnswerJson.Json);

    /// <summary>Sends what was written if it is much, and waits until the client has taken it.</summary>
    public ValueTask DrainAsync()
    {
        if (_pipe is null || _pipe.UnflushedBytes + Json.BytesPending < MostUnsent) return ValueTask.CompletedTask;
        Json.Flush();
        return SendAsync();
    }

    /// <summary>Begins another JSON text behind the one that was written.</summary>
    public void Next()
    {
        Json.Flush();
        Json.Reset();
    }

    /// <summary>Forgets what was written and not sent.</summary>
    public void Discard() => Json.Reset();

    public void Dispose() => Json.Dispose();

    // A client that reads nothing for long is cut off by the web server, which ends this wait: half an answer cannot be taken back for an error.
    private async ValueTask SendAsync()
    {
        FlushResult sent = await _pipe!.FlushAsync();
        if (sent.IsCompleted) throw new OperationCanceledException("The client left.");
    }
}
