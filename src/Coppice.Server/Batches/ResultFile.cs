using System.Text.Json;

namespace Coppice.Server.Batches;

/// <summary>
/// Results of a batch, one a line, behind those that are there. A line is handed to the system whole before <see cref="Append"/> returns:
/// the death of the process does not take it.
/// </summary>
internal sealed class ResultFile : IDisposable
{
    private readonly FileStream _file;
    private long _whole;

    /// <summary>Opens a file and drops what a kill left of its last line.</summary>
    /// <param name="path">The file; it may be missing.</param>
    /// <param name="finished">Gets the custom_id of each result.</param>
    public ResultFile(string path, ISet<string> finished)
    {
        _file = new FileStream(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.Read | FileShare.Delete, bufferSize: 0);
        try
        {
            byte[] bytes = new byte[_file.Length];
            _file.ReadExactly(bytes);
            for (int end; (end = bytes.AsSpan((int)_whole).IndexOf((byte)'\n')) >= 0; _whole += end + 1)
            {
                using JsonDocument line = JsonDocument.Parse(bytes.AsMemory((int)_whole, end));
                finished.Add(line.RootElement.GetProperty("custom_id").GetString()!);
                Count++;
            }

            Cut();
        }
        catch
        {
            _file.Dispose();
            throw;
        }
    }

    public int Count { get; private set; }

    public long Bytes => _whole;

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
}
