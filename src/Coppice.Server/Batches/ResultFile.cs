using System.Text.Json;

namespace Coppice.Server.Batches;

/// <summary>
/// Results of a batch, one a line, behind those that are there. A line is handed to the system whole before <see cref="Append"/> returns:
/// the death of the process does not take it.
/// </summary>
internal sealed class ResultFile : IDisposable
{
    private const int MostLineBytes = 1 << 30;

    private readonly FileStream _file;
    private long _whole;

    private ResultFile(FileStream file) => _file = file;

    public int Count { get; private set; }

    public long Bytes => _whole;

    /// <summary>Opens a file and drops what a kill left of its last line, or the death of the machine of its last lines.</summary>
    /// <param name="path">The file; it may be missing.</param>
    /// <param name="finished">Gets <see cref="BatchInput.Key"/> of each result.</param>
    /// <exception cref="IOException">The file cannot be opened.</exception>
    public static async Task<ResultFile> OpenAsync(string path, ISet<UInt128> finished)
    {
        if (Path.Exists(path)) DataFolder.OpenContent(path).Dispose();      // no pipe, whose end never comes
        ResultFile results = new(new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 0));
        try
        {
            await foreach (InputLine line in LineReader.ReadAsync(results._file, MostLineBytes, CancellationToken.None))
            {
                if (!line.HasEnd || IdOf(line.Bytes.Span) is not string id) break;
                finished.Add(BatchInput.Key(id));
                results.Count++;
                results._whole = line.End;
            }

            results.Cut();
            return results;
        }
        catch
        {
            results.Dispose();
            throw;
        }
    }

    /// <summary>Adds a line, with its end. If the disk refuses, the file is as it was.</summary>
    /// <exception cref="IOException">The disk refused.</exception>
    public void Append(ReadOnlySpan<byte> line)
    {
        try
        {
            _file.Write(line);
        }
        catch (IOException)
        {
            Cut();
            throw;
        }

        _whole += line.Length;
        Count++;
    }

    public void Sync() => _file.Flush(flushToDisk: true);

    public void Dispose() => _file.Dispose();

    private void Cut()
    {
        _file.SetLength(_whole);
        _file.Position = _whole;
    }

    /// <summary>The custom_id of a result, which stands near its beginning; null if this is none.</summary>
    private static string? IdOf(ReadOnlySpan<byte> line)
    {
        try
        {
            Utf8JsonReader json = new(line);
            while (json.Read() && json.CurrentDepth <= 1)
            {
                if (json.TokenType == JsonTokenType.PropertyName && json.ValueTextEquals("custom_id"u8)) return json.Read() ? json.GetString() : null;
            }

            return null;
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            return null;
        }
    }
}
