using System.Text;
using Coppice.Cli.BatchFiles;
using Coppice.Server.Batches;

namespace Coppice.Cli.Chat;

/// <summary>Reads what the user says, a line a turn; a line that ends in a backslash goes on, and so does all between two lines of three quotes.</summary>
internal sealed class TurnReader(Stream input)
{
    public const string Quotes = "\"\"\"";

    private static readonly UTF8Encoding s_utf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    private readonly IAsyncEnumerator<InputLine> _lines = LineReader.ReadAsync(input, BatchFile.MostRequestBytes, CancellationToken.None).GetAsyncEnumerator(CancellationToken.None);

    /// <summary>The next turn; null at the end of the input.</summary>
    /// <param name="more">Called before each further line of a turn.</param>
    /// <param name="cancellation">Ends the wait; the line that comes later is lost.</param>
    /// <exception cref="UsageException">The input is not UTF-8.</exception>
    public async Task<string?> ReadAsync(Action more, CancellationToken cancellation)
    {
        if (await LineAsync(cancellation) is not string line) return null;
        StringBuilder turn = new();
        if (line.Trim() == Quotes)
        {
            more();
            while (await LineAsync(cancellation) is string inside && inside.Trim() != Quotes)
            {
                turn.Append(inside).Append('\n');
                more();
            }
            return turn.ToString();
        }
        while (line.EndsWith('\\'))
        {
            turn.Append(line, 0, line.Length - 1).Append('\n');
            more();
            line = await LineAsync(cancellation) ?? "";
        }
        return turn.Append(line).ToString();
    }

    private async Task<string?> LineAsync(CancellationToken cancellation)
    {
        if (!await _lines.MoveNextAsync().AsTask().WaitAsync(cancellation)) return null;
        if (_lines.Current.IsTooLong) throw new UsageException($"Line {_lines.Current.Number} of standard input has {_lines.Current.ByteCount} bytes and may have {BatchFile.MostRequestBytes}.");
        try
        {
            return s_utf8.GetString(_lines.Current.Bytes.Span);
        }
        catch (DecoderFallbackException)
        {
            throw new UsageException($"Line {_lines.Current.Number} of standard input is not UTF-8.");
        }
    }
}
