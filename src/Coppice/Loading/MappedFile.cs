using System.IO.MemoryMappedFiles;
using System.Security;

namespace Coppice.Loading;

/// <summary>
/// A file mapped for reading. Every read is checked against the length that the file had when it was opened.
/// Spans are valid until the file is disposed; another program that cuts the file short in the meantime ends the process.
/// </summary>
internal sealed unsafe class MappedFile : IDisposable
{
    private readonly MemoryMappedFile _map;
    private readonly MemoryMappedViewAccessor _view;
    private byte* _start;

    private MappedFile(string path, long length, MemoryMappedFile map, MemoryMappedViewAccessor view)
    {
        Path = path;
        Length = length;
        _map = map;
        _view = view;
        _view.SafeMemoryMappedViewHandle.AcquirePointer(ref _start);
        _start += _view.PointerOffset;
    }

    public string Path { get; }

    /// <summary>Bytes.</summary>
    public long Length { get; }

    /// <exception cref="ModelFormatException">There is no such file, it is empty or a folder, or it cannot be opened.</exception>
    public static MappedFile Open(string path)
    {
        FileStream? stream = null;
        MemoryMappedFile? map = null;
        MemoryMappedViewAccessor? view = null;
        try
        {
            if (Directory.Exists(path)) throw new ModelFormatException(path, "This is a folder; a file is needed.");
            FileInfo info = new(path);
            if (!info.Exists) throw new ModelFormatException(path, "There is no such file.");
            // Asked before opening: pipes and devices have no length, and opening one may wait for ever.
            if (info.Length == 0) throw new ModelFormatException(path, "The file is empty.");
            stream = new FileStream(path, FileMode.Open, FileAccess.Read, FileShare.Read, bufferSize: 0);
            long length = stream.Length;
            map = MemoryMappedFile.CreateFromFile(stream, mapName: null, length, MemoryMappedFileAccess.Read, HandleInheritability.None, leaveOpen: false);
            view = map.CreateViewAccessor(0, length, MemoryMappedFileAccess.Read);
            return new MappedFile(path, length, map, view);
        }
        catch (Exception e)
        {
            view?.Dispose();
            map?.Dispose();
            stream?.Dispose();
            if (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or SecurityException)
                throw new ModelFormatException(path, $"The file cannot be opened: {e.Message}", e);
            throw;
        }
    }

    /// <summary>Bytes [offset, offset + byteCount).</summary>
    public ReadOnlySpan<byte> Bytes(long offset, int byteCount)
    {
        ObjectDisposedException.ThrowIf(_start is null, this);
        if (byteCount < 0 || offset < 0 || offset > Length - byteCount)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Bytes [{offset}, {offset} + {byteCount}) must lie within the file's {Length}.");
        return new(_start + offset, byteCount);
    }

    public void Dispose()
    {
        if (_start is null) return;
        _start = null;
        _view.SafeMemoryMappedViewHandle.ReleasePointer();
        _view.Dispose();
        _map.Dispose();
    }
}
