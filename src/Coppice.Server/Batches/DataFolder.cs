using System.Text.Json;
using System.Text.Json.Serialization.Metadata;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>
/// The folder in which files and batches are kept: files/ID.json and ID.bin, batches/ID.json. A document is written beside its place,
/// to the disk, and then moved there: it is the old one or the new one, whatever happens.
/// </summary>
internal sealed class DataFolder : IDisposable
{
    private readonly string _path;
    private readonly FileStream _lock;

    /// <exception cref="IOException">The folder cannot be written, or another server uses it.</exception>
    public DataFolder(string path)
    {
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

    /// <summary>Where the bytes of a file are.</summary>
    public string Content(string fileId) => Path.Combine(_path, "files", fileId + ".bin");

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

    /// <summary>Everything of a kind that is stored.</summary>
    public IEnumerable<T> ReadAll<T>(string kind, JsonTypeInfo<T> type)
    {
        foreach (string path in Directory.GetFiles(Path.Combine(_path, kind), "*.json"))
        {
            using FileStream file = File.OpenRead(path);
            yield return JsonSerializer.Deserialize(file, type) ?? throw new IOException($"{path} is not what this server wrote.");
        }
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
