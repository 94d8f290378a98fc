using System.Buffers;

namespace Coppice.Server.Batches;

/// <summary>A request that came on a line of a file, read and checked.</summary>
/// <param name="Samples">How many answers it counts for.</param>
/// <param name="Bytes">What they may take in memory.</param>
/// <param name="AnswerAsync">Has it answered, and writes the answer's JSON.</param>
internal sealed record LineWork(int Samples, long Bytes, Func<IBufferWriter<byte>, CancellationToken, Task> AnswerAsync)
{
    /// <summary>Behind every request that somebody waits for.</summary>
    public const int Priority = 1000;
}
