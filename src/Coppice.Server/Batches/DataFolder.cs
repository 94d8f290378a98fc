using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coppice.Loading;
using Coppice.Server.Serving;
using Coppice.Server.Wire;
using Microsoft.Extensions.Logging;

namespace Coppice.Server.Batches;

/// <summary>
/// The folder in which files and batches are kept: files/ID.json and ID.bin, batches/ID.json. A document is written beside its place,
/// to the disk, and then moved there: it is the old one or the new one, whatever happens.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    // A document has a few texts; one with errors of a hundred lines has some 100 KB.
    private const long MostDocumentBytes = 1 << 24;

    private readonly string _path;
    private readonly FileStream _lock;
    private readonly ILogger _logger;

    /// <exception cref="IOException">The folder cannot be written, or another server uses it.</exception>
    public DataFolder(string path, ILogger logger)
    {
        _logger = logger;
        _path = Path.GetFullPath(path);
        try
        {
            foreach (string name in (string[])["files", "batches"]) Directory.CreateDirectory(Path.Combine(_path, name));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The data folder {_path} cannot be written: {e.Message} Name another with --data.", e);
        }

        try
        {
            _lock = new FileStream(Path.Combine(_path, "lock"), FileMode.OpenOrCreate, FileAccess.ReadWrite, FileShare.None);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new IOException($"The data folder {_path} is in use by another server or cannot be written: {e.Message} Name another with --data.", e);
        }

        foreach (string left in Directory.GetFiles(_path, "*.new", SearchOption.AllDirectories)) File.Delete(left);
    }

    /// <summary>Opens the notes of which lines of batches the server is answering. What is no journal is named in the log, put aside, and not in the way.</summary>
    public LineJournal OpenJournal()
    {
        string path = Path.Combine(_path, "begun");
        try
        {
            return new LineJournal(path);
        }
        catch (ModelFormatException e)
        {
            // Where it cannot be moved, batches run and nothing is noted.
            return new LineJournal(PutAside(path, e.Message.Replace($"{path}: ", "", StringComparison.Ordinal)) ? path : null);
        }
    }

    /// <summary>Where the bytes of a file are.</summary>
    public string Content(string fileId) => Path.Combine(_path, "files", fileId + ".bin");

    /// <summary>Opens the bytes of a file that is there.</summary>
    /// <exception cref="FileNotFoundException">They are not, or something lies in their place that is no regular file: opening a pipe may wait for ever.</exception>
    public static FileStream OpenContent(string path)
    {
        try
        {
            return new FileStream(RegularFile.Open(path, FileShare.ReadWrite | FileShare.Delete), FileAccess.Read, bufferSize: 0);
        }
        catch (ModelFormatException e)
        {
            throw new FileNotFoundException(e.Message, path, e);
        }
    }

    public string Document(string kind, string id) => Path.Combine(_path, kind, id + ".json");

    /// <exception cref="ApiException">There is no room, or the folder cannot be written.</exception>
    public void Write<T>(string kind, string id, T value, JsonTypeInfo<T> type)
    {
        string path = Document(kind, id);
        Guard(() =>
        {
            using (FileStream file = new(path + ".new", FileMode.Create, FileAccess.Write))
            {
                JsonSerializer.Serialize(file, value, type);
                file.Flush(flushToDisk: true);
            }

            File.Move(path + ".new", path, overwrite: true);
        });
    }

    /// <summary>Everything of a kind that is stored. What is not what a server wrote is named in the log, put aside, and not in the way.</summary>
    /// <param name="kind">The folder.</param>
    /// <param name="type">How it is written.</param>
    /// <param name="id">The id of what was read, which is the document's name; null where it has none.</param>
    public IEnumerable<T> ReadAll<T>(string kind, JsonTypeInfo<T> type, Func<T, string?> id)
    {
        foreach (string path in Directory.GetFileSystemEntries(Path.Combine(_path, kind), "*.json"))
        {
            T? value = default;
            try
            {
                value = Read(path, type);
                if (value is null || id(value) != Path.GetFileNameWithoutExtension(path)) throw new InvalidDataException("it does not hold what its name says");
            }
            catch (Exception e) when (e is JsonException or NotSupportedException or InvalidOperationException or IOException or InvalidDataException or UnauthorizedAccessException)
            {
                PutAside(path, e is JsonException json ? $"it is not the JSON that a server wrote ({json.Path ?? "$"}, byte {json.BytePositionInLine + 1})" : e.Message);
                continue;
            }

            yield return value;
        }
    }

    private static T? Read<T>(string path, JsonTypeInfo<T> type)
    {
        FileInfo info = new(path);
        if (Directory.Exists(path)) throw new InvalidDataException("it is a folder");
        if (info.LinkTarget is not null) throw new InvalidDataException("it is a link");
        if (info.Length == 0) throw new InvalidDataException("it is empty");        // as a pipe is, which must not even be opened
        if (info.Length > MostDocumentBytes) throw new InvalidDataException($"it has {info.Length} bytes");
        using FileStream file = File.OpenRead(path);
        return JsonSerializer.Deserialize(file, type);
    }

    private bool PutAside(string path, string why)
    {
        string aside = path + ".corrupt";
        for (int i = 2; Path.Exists(aside); i++) aside = $"{path}.corrupt{i}";
        try
        {
            Directory.Move(path, aside);        // of a file as well
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            Log.NotPutAside(_logger, path, why, e.Message);
            return false;
        }

        Log.PutAside(_logger, path, why, aside);
        return true;
    }

    public void Delete(string fileId)
    {
        Guard(() =>
        {
            File.Delete(Document("files", fileId));     // first: without it there is no file
            File.Delete(Content(fileId));
        });
    }

    public void Dispose() => _lock.Dispose();

    /// <summary>Does something to the disk, and says what a caller can understand where the disk refuses.</summary>
    public static void Guard(Action write)
    {
        try
        {
            write();
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw Refused(e);
        }
    }

    public static ApiException Refused(Exception e) => new(507, $"The server could not store this: {WithoutPath(e)}. What was stored before is kept.") { Code = "storage_failed" };

    // The message names the path, which is the operator's business.
    private static string WithoutPath(Exception e) => (e.HResult & 0xFFFF) switch
    {
        28 or 112 => "its disk is full",
        30 or 19 => "its data folder is read-only",
        _ => e is UnauthorizedAccessException ? "its data folder cannot be written" : "its disk failed",
    };
}
