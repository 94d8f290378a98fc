using System.Text.Json;
using Coppice.Server.Batches;

namespace Coppice.Cli.BatchFiles;

/// <summary>A result that an earlier run left.</summary>
internal sealed record FinishedResult(string CustomId, int Status, IReadOnlyList<string> Texts, JsonElement Body);

/// <summary>
/// Where results go, whole lines only. A result is handed to the system before <see cref="Append"/> returns, so that the death of
/// the process does not take it; to the disk it goes every second, against the death of the machine.
/// </summary>
internal sealed class ResultLog : IDisposable
{
    private static readonly TimeSpan s_syncEvery = TimeSpan.FromSeconds(1);

    private readonly Stream _stream;
    private readonly FileStream? _opened, _file;        // what this log opened, and that if it is a file and no pipe or device
    private long _syncedAt = Environment.TickCount64;

    private ResultLog(Stream stream) => _stream = stream;

    private ResultLog(FileStream opened) : this((Stream)opened) => (_opened, _file) = (opened, CanCut(opened) ? opened : null);

    /// <summary>
    /// Where a run with these results notes the lines that it is at: beside their file, with .begun behind its name. Null where results
    /// are not kept in a file, and no later run could go on.
    /// </summary>
    public string? Journal => _file is null ? null : (File.ResolveLinkTarget(_file.Name, returnFinalTarget: true)?.FullName ?? _file.Name) + ".begun";

    public static ResultLog To(Stream stream) => new(stream);

    /// <summary>Opens a file that is not there, or empty.</summary>
    /// <exception cref="UsageException">It holds something.</exception>
    public static ResultLog Create(string path)
    {
        RefuseFull(path);
        return new ResultLog(Open(path));
    }

    /// <summary>Opens a file and drops what it holds.</summary>
    public static ResultLog Overwrite(string path)
    {
        FileStream file = Open(path);
        Cut(file, 0);
        return new ResultLog(file);
    }

    /// <summary>Opens a file behind the results it holds. What a kill left of a line is cut off.</summary>
    /// <param name="path">The file; it may be missing.</param>
    /// <param name="finished">Told of every result in it.</param>
    /// <exception cref="UsageException">It holds something that no run wrote; it is left as it was.</exception>
    public static async Task<ResultLog> ResumeAsync(string path, Action<FinishedResult> finished, CancellationToken cancellation)
    {
        FileStream file = Open(path);
        try
        {
            long whole = 0;   // bytes of whole lines
            await foreach (InputLine line in LineReader.ReadAsync(file, BatchFile.MostResultBytes, cancellation))
            {
                if (!line.HasEnd && IsBeginning(line.Bytes.Span)) break;        // torn
                finished((line.IsTooLong ? null : Read(line.Bytes)) ?? throw new UsageException($"{path} line {line.Number} is not a result of this tool. Name another file with -o; this one was left as it was."));
                whole = line.End;
            }
            Cut(file, whole);
            return new ResultLog(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    /// <exception cref="UsageException">The file holds something.</exception>
    public static void RefuseFull(string path)
    {
        if (new FileInfo(path) is { Exists: true, Length: > 0 })
            throw new UsageException($"{path} exists. Add --resume to finish it, --overwrite to replace it, or name another file with -o.");
    }

    /// <summary>Adds a line, with its end.</summary>
    public void Append(ReadOnlySpan<byte> line)
    {
        _stream.Write(line);
        _stream.Flush();
        if (Environment.TickCount64 - _syncedAt >= s_syncEvery.TotalMilliseconds) Sync();
    }

    public void Dispose()
    {
        if (_opened is null) return;   // the process owns its standard output
        Sync();
        _opened.Dispose();
    }

    private void Sync()
    {
        _file?.Flush(flushToDisk: true);
        _syncedAt = Environment.TickCount64;
    }

    // A device has no length to set: what is written to it is gone.
    private static bool CanCut(FileStream file)
    {
        if (!file.CanSeek) return false;
        try
        {
            file.SetLength(file.Length);
            return true;
        }
        catch (IOException)
        {
            return false;
        }
    }

    private static void Cut(FileStream file, long length)
    {
        if (!file.CanSeek || file.Length == length) return;
        file.SetLength(length);
        file.Position = length;
    }

    // Unbuffered: one line is one write. The share mode keeps a second run out.
    private static FileStream Open(string path) => new(path, FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None, bufferSize: 0);

    private static bool IsBeginning(ReadOnlySpan<byte> torn) =>
        torn.StartsWith(ResultJson.Start) || ResultJson.Start.StartsWith(torn);

    private static FinishedResult? Read(ReadOnlyMemory<byte> line)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(line);
            JsonElement root = document.RootElement;
            if (root.ValueKind != JsonValueKind.Object || !root.TryGetProperty("id", out _)) return null;
            JsonElement response = root.GetProperty("response");
            string[] texts = response.GetProperty("body").TryGetProperty("choices", out JsonElement choices)
                ? [.. choices.EnumerateArray().Select(choice => (choice.TryGetProperty("message", out JsonElement message) ? message.GetProperty("content") : choice.GetProperty("text")).GetString()!)]
                : [];
            return new FinishedResult(root.GetProperty("custom_id").GetString()!, response.GetProperty("status_code").GetInt32(), texts, response.GetProperty("body").Clone());
        }
        catch (Exception e) when (e is JsonException or KeyNotFoundException or InvalidOperationException or FormatException)
        {
            return null;
        }
    }
}
