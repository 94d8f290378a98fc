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

    public FileStore(DataFolder folder, TimeProvider time)
    {
        (_folder, _time) = (folder, time);
        foreach (Owned<StoredFile> file in folder.ReadAll("files", StoredJson.Default.OwnedStoredFile, file => file.Value?.Id)) _files[file.Value.Id] = file;
    }

    public IEnumerable<StoredFile> Of(Caller caller) => _files.Values.Where(file => file.Owner == caller.Name).Select(file => file.Value);

    /// <exception cref="ApiException">The caller has no such file.</exception>
    public StoredFile Find(Caller caller, string id) => _files.TryGetValue(id, out Owned<StoredFile>? file) && file.Owner == caller.Name
        ? file.Value
        : throw new ApiException(404, $"No such File object: {Field.Shortened(id)}") { Param = "id", Code = "file_not_found", Type = "invalid_request_error" };

    public string ContentOf(StoredFile file) => _folder.Content(file.Id);

    public static string NewId() => $"file-{Guid.NewGuid():N}";

    /// <summary>Stores what a stream has. When this returns, it is on the disk.</summary>
    /// <exception cref="ApiException">It is too long, or there is no room.</exception>
    public async Task<StoredFile> AddAsync(Caller caller, string name, string purpose, Stream content, long mostBytes, CancellationToken cancellation)
    {
        string id = NewId(), path = _folder.Content(id), unfinished = path + ".new";
        long bytes = 0;
        try
        {
            using (FileStream file = new(unfinished, FileMode.CreateNew, FileAccess.Write))
            {
                byte[] buffer = new byte[1 << 16];
                for (int read; (read = await content.ReadAsync(buffer, cancellation)) > 0;)
                {
                    bytes += read;
                    if (bytes > mostBytes) throw new ApiException(413, $"The file has more than {mostBytes} bytes, which is what this server takes.") { Param = "file", Code = "file_too_large" };
                    await file.WriteAsync(buffer.AsMemory(0, read), cancellation);
                }

                file.Flush(flushToDisk: true);
            }

            File.Move(unfinished, path);
            return Register(caller.Name, new StoredFile(id, bytes, _time.GetUtcNow().ToUnixTimeSeconds(), name, purpose));
        }
        catch (Exception e) when (e is not ApiException and (IOException or UnauthorizedAccessException) and not Microsoft.AspNetCore.Http.BadHttpRequestException)
        {
            throw DataFolder.Refused(e);
        }
        finally
        {
            if (File.Exists(unfinished)) File.Delete(unfinished);
        }
    }

    /// <summary>Makes a file known whose bytes are there already.</summary>
    public StoredFile Register(string owner, StoredFile file)
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
        _files.TryRemove(id, out _);
    }
}
