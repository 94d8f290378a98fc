using Coppice.Server.Batches;

namespace Coppice.Cli.BatchFiles;

/// <summary>Reads a file of requests, one a line.</summary>
internal static class BatchFile
{
    /// <summary>The most bytes of a request: many times what the longest context has as text or as token ids.</summary>
    public const int MostRequestBytes = 64 << 20;

    /// <summary>The most bytes of a result, which may have many samples with all their log probabilities.</summary>
    public const int MostResultBytes = 1 << 30;

    /// <summary>All requests for answers but blank lines, in the file's order.</summary>
    public static Task<List<BatchLine>> ReadAsync(Stream stream, CancellationToken cancellation) => ReadAsync(stream, new LineParser(), cancellation);

    /// <summary>All lines but blank ones, in the file's order.</summary>
    /// <exception cref="IOException">A line does not end, or the file is a device that never does.</exception>
    public static async Task<List<BatchLine>> ReadAsync(Stream stream, LineParser parser, CancellationToken cancellation)
    {
        List<BatchLine> lines = [];
        await foreach (InputLine line in LineReader.ReadFilledAsync(stream, MostRequestBytes, cancellation))
            lines.Add(line.IsTooLong ? parser.TooLong(line.Number, line.ByteCount, MostRequestBytes) : parser.Parse(line.Number, line.Bytes));
        return lines;
    }
}
