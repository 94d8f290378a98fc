using System.Buffers;
using System.Runtime.CompilerServices;

namespace Coppice.Server.Batches;

/// <summary>A line of a file.</summary>
/// <param name="Number">From 1; blank lines count.</param>
/// <param name="Bytes">Without the line's end; valid until the next line is asked for. Empty if the line is too long.</param>
/// <param name="ByteCount">How many bytes it has, whether or not they were kept.</param>
/// <param name="End">Where in the stream the next line begins.</param>
/// <param name="HasEnd">Whether a line feed stands behind it: the last line may be torn.</param>
internal readonly record struct InputLine(int Number, ReadOnlyMemory<byte> Bytes, long ByteCount, long End, bool HasEnd)
{
    public bool IsTooLong => ByteCount > Bytes.Length;
}

/// <summary>Reads lines one after another, and holds no more than one of them.</summary>
internal static class LineReader
{
    /// <summary>A line that is still not over here never ends: the stream is no file of lines, but a device, say.</summary>
    public const long EndlessBytes = 1L << 32;

    private const int UsualBytes = 1 << 16, KeptBytes = 1 << 20;

    private static readonly SearchValues<byte> s_blank = SearchValues.Create(" \t\r"u8);

    /// <summary>All lines. A byte order mark at the beginning and a carriage return at a line's end belong to no line.</summary>
    /// <param name="stream">Read from where it is.</param>
    /// <param name="mostBytes">Of a line; of a longer one only the length is told.</param>
    /// <param name="cancellation">Ends the reading.</param>
    /// <exception cref="IOException">A line does not end, or the stream is a device that never does.</exception>
    public static IAsyncEnumerable<InputLine> ReadAsync(Stream stream, int mostBytes, CancellationToken cancellation) => ReadAsync(stream, mostBytes, skipsBlank: false, cancellation);

    /// <summary>Lines but blank ones, of which a file may have millions.</summary>
    /// <inheritdoc cref="ReadAsync(Stream, int, CancellationToken)"/>
    public static IAsyncEnumerable<InputLine> ReadFilledAsync(Stream stream, int mostBytes, CancellationToken cancellation) => ReadAsync(stream, mostBytes, skipsBlank: true, cancellation);

    private static async IAsyncEnumerable<InputLine> ReadAsync(Stream stream, int mostBytes, bool skipsBlank, [EnumeratorCancellation] CancellationToken cancellation)
    {
        byte[] buffer = new byte[UsualBytes];
        int from = 0, to = 0, number = 1;       // bytes [from, to) of the buffer are read and belong to no line yet
        long skipped = 0, end = 0;              // skipped: bytes of the line at hand that were not kept; end: where the last line ended
        bool isFirst = true, ended = false;
        while (!ended)
        {
            if (to - from > mostBytes || skipped > 0)
            {
                skipped += to - from;
                (from, to) = (0, 0);
                if (skipped > EndlessBytes) throw new IOException($"Line {number} does not end within {EndlessBytes} bytes; this is no file of lines.");
            }

            buffer = Room(buffer, ref from, ref to, mostBytes);
            int scanned = to;
            // A console read cannot be cancelled: it is left behind.
            int read = await stream.ReadAsync(buffer.AsMemory(to), cancellation).AsTask().WaitAsync(cancellation);
            if (isFirst && read > 0 && stream is FileStream { CanSeek: true, Length: 0 } device) throw new IOException($"{device.Name} is a device; it must be a file of lines.");
            to += read;
            ended = read == 0;
            if (isFirst && (to >= 3 || ended))
            {
                if (number == 1 && buffer.AsSpan(0, to).StartsWith("\uFEFF"u8)) (from, end) = (3, 3);
                isFirst = false;
            }

            while (true)
            {
                scanned = Math.Max(from, scanned);
                int found = buffer.AsSpan(scanned, to - scanned).IndexOf((byte)'\n');
                if (found < 0 && !(ended && (to > from || skipped > 0))) break;
                int stop = found < 0 ? to : scanned + found;
                ReadOnlyMemory<byte> line = buffer.AsMemory(from, stop - from);
                long bytes = skipped + line.Length;
                end += bytes + (found < 0 ? 0 : 1);
                if (skipped > 0 || line.Length > mostBytes) line = default;
                else if (line.Span.EndsWith("\r"u8)) (line, bytes) = (line[..^1], bytes - 1);
                bool isLeftOut = skipsBlank && skipped == 0 && bytes <= mostBytes && line.Span.IndexOfAnyExcept(s_blank) < 0;
                (from, skipped) = (found < 0 ? to : stop + 1, 0);
                if (!isLeftOut) yield return new InputLine(number, line, bytes, end, found >= 0);
                number++;
                if (found < 0) break;
            }
        }
    }

    /// <summary>A buffer that begins with the bytes [from, to) and has room behind them. What a long line needed is given back.</summary>
    private static byte[] Room(byte[] buffer, ref int from, ref int to, int mostBytes)
    {
        int held = to - from;
        byte[] next = held == buffer.Length ? new byte[Math.Min(2L * held, mostBytes + (long)UsualBytes)]
            : buffer.Length > KeptBytes && held < UsualBytes ? new byte[UsualBytes]
            : buffer;
        if (from > 0 || next != buffer) buffer.AsSpan(from, held).CopyTo(next);
        (from, to) = (0, held);
        return next;
    }
}
