using System.Buffers;

namespace Coppice.Cli.BatchFiles;

/// <summary>Reads a file of requests, one a line.</summary>
internal static class BatchFile
{
    /// <summary>The most bytes of a line. Input may be endless, and one request is far shorter.</summary>
    public const int LongestRequest = 1 << 26;

    /// <summary>The most bytes of a line of results, which may have many samples with all their log probabilities.</summary>
    public const int LongestResult = 1 << 30;

    /// <summary>All requests for answers but blank lines, in the file's order.</summary>
    public static Task<List<BatchLine>> ReadAsync(Stream stream, CancellationToken cancellation) => ReadAsync(stream, new LineParser(), cancellation);

    /// <summary>All lines but blank ones, in the file's order.</summary>
    public static async Task<List<BatchLine>> ReadAsync(Stream stream, LineParser parser, CancellationToken cancellation)
    {
        List<BatchLine> lines = [];
        await foreach ((int number, ReadOnlyMemory<byte> line) in LinesAsync(stream, LongestRequest, cancellation))
            if (!IsBlank(line.Span)) lines.Add(parser.Parse(number, line));
        return lines;
    }

    /// <summary>Lines without their ends, numbered from 1; a line's bytes are valid until the next one is asked for.</summary>
    public static async IAsyncEnumerable<(int Number, ReadOnlyMemory<byte> Line)> LinesAsync(Stream stream, int longest, [System.Runtime.CompilerServices.EnumeratorCancellation] CancellationToken cancellation)
    {
        byte[] buffer = new byte[1 << 16];
        int from = 0, to = 0, number = 0;   // bytes [from, to) of the buffer are read and not yet returned
        bool ended = false;
        while (!ended)
        {
            if (from > 0) buffer.AsSpan(from, to - from).CopyTo(buffer);
            (from, to) = (0, to - from);
            if (to > longest) throw new UsageException($"Line {number + 1} has more than {longest} bytes, the most of a line of JSON. Is this the file you meant?");
            if (to == buffer.Length) Array.Resize(ref buffer, (int)Math.Min(2L * buffer.Length, longest + 1L));

            // A console read cannot be cancelled: it is left behind.
            int scanned = to;
            int read = await stream.ReadAsync(buffer.AsMemory(to), cancellation).AsTask().WaitAsync(cancellation);
            to += read;
            ended = read == 0;
            if (number == 0 && buffer.AsSpan(0, to).StartsWith("\uFEFF"u8)) from = 3;

            int end;
            while ((end = buffer.AsSpan(Math.Max(from, scanned), to - Math.Max(from, scanned)).IndexOf((byte)'\n')) >= 0)
            {
                end += Math.Max(from, scanned);
                yield return (++number, WithoutReturn(buffer.AsMemory(from, end - from)));
                from = end + 1;
            }
            if (ended && to > from) yield return (++number, WithoutReturn(buffer.AsMemory(from, to - from)));
        }
    }

    private static ReadOnlyMemory<byte> WithoutReturn(ReadOnlyMemory<byte> line) => line.Span.EndsWith("\r"u8) ? line[..^1] : line;

    private static bool IsBlank(ReadOnlySpan<byte> line) => line.IndexOfAnyExcept(SearchValues.Create(" \t\r"u8)) < 0;
}
