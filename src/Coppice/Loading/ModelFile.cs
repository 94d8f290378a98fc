using Microsoft.Win32.SafeHandles;

namespace Coppice.Loading;

/// <summary>
/// A file of weights, read by calls and not mapped: a program that cuts the file short while it is in use causes an error that says so,
/// where touching a mapped page that is gone would end the process. Any thread may read.
/// </summary>
internal sealed class ModelFile : IDisposable
{
    private readonly SafeFileHandle _file;

    private ModelFile(string path, SafeFileHandle file)
    {
        Path = path;
        _file = file;
        Length = RandomAccess.GetLength(file);
    }

    public string Path { get; }

    /// <summary>Bytes that the file had when it was opened.</summary>
    public long Length { get; }

    /// <exception cref="ModelFormatException">There is no such file, it is empty, a folder, a pipe or a device, or it cannot be opened.</exception>
    public static ModelFile Open(string path)
    {
        SafeFileHandle handle = RegularFile.Open(path);
        try
        {
            ModelFile file = new(path, handle);
            return file.Length > 0 ? file : throw new ModelFormatException(path, "The file is empty.");
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Fills <paramref name="destination"/> with the bytes from <paramref name="offset"/> on.</summary>
    /// <exception cref="ModelFormatException">The file has become shorter, or its disk fails.</exception>
    public void Read(long offset, Span<byte> destination)
    {
        if (offset < 0 || offset > Length - destination.Length)
            throw new ArgumentOutOfRangeException(nameof(offset), offset, $"Bytes [{offset}, {offset} + {destination.Length}) must lie within the file's {Length}.");
        try
        {
            while (!destination.IsEmpty)
            {
                int count = RandomAccess.Read(_file, destination, offset);
                if (count == 0)
                    throw new ModelFormatException(Path, $"The file ends at byte {offset}; it had {Length} bytes when it was opened. Another program cut it short: put the whole file back and open the model again.");
                destination = destination[count..];
                offset += count;
            }
        }
        catch (IOException e)
        {
            throw new ModelFormatException(Path, $"The file cannot be read at byte {offset}: {e.Message}", e);
        }
    }

    public void Dispose() => _file.Dispose();
}
