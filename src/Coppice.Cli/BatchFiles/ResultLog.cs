using System.Text.Json;

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
    private long _syncedAt = Environment.TickCount64;

    private ResultLog(Stream stream) => _stream = stream;

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
        if (file.CanSeek) file.SetLength(0);
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
            int number = 0;
            await foreach ((int at, ReadOnlyMemory<byte> line) in BatchFile.LinesAsync(file, BatchFile.LongestResult, cancellation))
            {
                number = at;
                bool isTorn = whole + line.Length >= file.Length;   // no line end behind it
                if (isTorn && IsBeginning(line.Span)) break;
                finished(Read(line) ?? throw new UsageException($"{path} line {number} is not a result of this tool. Name another file with -o; this one was left as it was."));
                whole += line.Length + 1;
            }
            file.SetLength(whole);
            file.Position = whole;
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
        if (_stream is not FileStream { CanSeek: true } file) return;   // the process owns its standard output
        Sync();
        file.Dispose();
    }

    private void Sync()
    {
        if (_stream is FileStream { CanSeek: true } file) file.Flush(flushToDisk: true);
        _syncedAt = Environment.TickCount64;
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
