using System.Collections.Concurrent;
using Coppice.Server.Access;
using Coppice.Server.Wire;

namespace Coppice.Server.Batches;

/// <summary>Files that callers stored, and the results of batches.</summary>
internal sealed class FileStore
{
    private readonly DataFolder _folder;
    private readonly TimeProvider _time;
    private readonly ConcurrentDictionary<string, Owned<StoredFile>> _files = new(StringComparer.Ordinal);
    private readonly ConcurrentDictionary<string, long> _used = new(StringComparer.Ordinal);        // bytes, by owner

    public FileStore(DataFolder folder, TimeProvider time)
    {
        (_folder, _time) = (folder, time);
        foreach (Owned<StoredFile> file in folder.ReadAll("files", StoredJson.Default.OwnedStoredFile, file => file.Value?.Id))
        {
            _files[file.Value.Id] = file;
            Use(file.Owner, file.Value.Bytes);
        }
    }

    public IEnumerable<StoredFile> Of(Caller caller) => _files.Values.Where(file => file.Owner == caller.Name).Select(file => file.Value);

    /// <exception cref="ApiException">The caller has no such file.</exception>
    public StoredFile Find(Caller caller, string id) => _files.TryGetValue(id, out Owned<StoredFile>? file) && file.Owner == caller.Name
        ? file.Value
        : throw new ApiException(404, $"No such File object: {Field.Shortened(id)}") { Param = "id", Code = "file_not_found", Type = "invalid_request_error" };

    public string ContentOf(StoredFile file) => _folder.Content(file.Id);

    public static string NewId() => $"file-{Guid.NewGuid():N}";

    /// <summary>Stores what a stream has. When this returns, it is on the disk.</summary>
    /// <exception cref="ApiException">It is too long, the caller has stored what it may, or there is no room.</exception>
    public async Task<StoredFile> AddAsync(Caller caller, string name, string purpose, Stream content, ServerLimits limits)
    {
        string id = NewId(), path = _folder.Content(id), unfinished = path + ".new";
        long bytes = 0;
        try
        {
            using (FileStream file = new(unfinished, FileMode.CreateNew, FileAccess.Write))
            {
                byte[] buffer = new byte[1 << 16];
                for (int read; (read = await ArrivingAsync(content, buffer)) > 0;)
                {
                    bytes += read;
                    long used = Use(caller.Name, read);
                    if (bytes > limits.FileBytes) throw new ApiException(413, $"The file has more than {limits.FileBytes} bytes, which is what this server takes.") { Param = "file", Code = "file_too_large" };
                    if (used > limits.StoredBytesPerKey) throw new ApiException(413, $"With this file your key would have stored more than {limits.StoredBytesPerKey} bytes, which is what it may. Delete files first.") { Param = "file", Code = "storage_limit_exceeded" };
                    await file.WriteAsync(buffer.AsMemory(0, read));
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path);
            return Publish(caller.Name, new StoredFile(id, bytes, _time.GetUtcNow().ToUnixTimeSeconds(), name, purpose));
        }
        catch (Exception e) when (e is UnauthorizedAccessException or IOException && !FileUpload.IsOfConnection(e))
        {
            throw DataFolder.Refused(e);
        }
        finally
        {
            if (!_files.ContainsKey(id))
            {
                Use(caller.Name, -bytes);
                foreach (string left in (string[])[unfinished, path]) File.Delete(left);
            }
        }
    }

    /// <summary>Makes a file known whose bytes are there already.</summary>
    public StoredFile Register(string owner, StoredFile file)
    {
        long before = _files.TryGetValue(file.Id, out Owned<StoredFile>? known) ? known.Value.Bytes : 0;
        Use(owner, file.Bytes - before);
        return Publish(owner, file);
    }

    /// <summary>Counts bytes that an owner has on the disk, those of files that are arriving among them, and returns how many there are.</summary>
    private long Use(string owner, long more) => _used.AddOrUpdate(owner, more, (_, bytes) => bytes + more);

    // A body that ends too early is the client's fault, and not the disk's.
    private static async Task<int> ArrivingAsync(Stream content, byte[] buffer)
    {
        try
        {
            return await content.ReadAsync(buffer);
        }
        catch (IOException e) when (!FileUpload.IsOfConnection(e))
        {
            throw new InvalidDataException(FileUpload.EndsEarly, e);
        }
    }

    private StoredFile Publish(string owner, StoredFile file)
    {
        Owned<StoredFile> owned = new(owner, file);
        _folder.Write("files", file.Id, owned, StoredJson.Default.OwnedStoredFile);
        _files[file.Id] = owned;
        return file;
    }

    public void Delete(Caller caller, string id)
    {
        _ = Find(caller, id);
        _folder.Delete(id);
        if (_files.TryRemove(id, out Owned<StoredFile>? file)) Use(file.Owner, -file.Value.Bytes);
    }
}
