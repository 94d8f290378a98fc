namespace Coppice.Loading;

/// <summary>A view of a file for headers, which are read a few bytes at a time and nearly in order: a part of it is kept in memory. For one thread at a time.</summary>
internal sealed class FileWindow(ModelFile file)
{
    private const int WindowBytes = 1 << 16;

    private byte[] _window = [];
    private long _from;

    public string Path => file.Path;

    /// <inheritdoc cref="ModelFile.Length"/>
    public long Length => file.Length;

    /// <summary>Bytes [offset, offset + byteCount), valid until the next call.</summary>
    /// <exception cref="ModelFormatException">The file has become shorter.</exception>
    public ReadOnlySpan<byte> Bytes(long offset, int byteCount)
    {
        if (byteCount < 0 || offset < 0 || offset > Length - byteCount)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Bytes [{offset}, {offset} + {byteCount}) must lie within the file's {Length}.");
        if (byteCount > WindowBytes)
        {
            byte[] whole = GC.AllocateUninitializedArray<byte>(byteCount);
            file.Read(offset, whole);
            return whole;
        }
        if (offset < _from || offset + byteCount > _from + _window.Length)
        {
            int kept = (int)Math.Min(WindowBytes, Length - offset);
            if (_window.Length != kept) _window = new byte[kept];
            _from = offset;
            file.Read(offset, _window);
        }
        return _window.AsSpan((int)(offset - _from), byteCount);
    }
}
