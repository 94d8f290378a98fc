using System.Text;
using Microsoft.Win32.SafeHandles;

namespace Coppice.Loading;

/// <summary>Reads files that are taken into memory whole: settings, vocabularies, templates, schemas. Never more than a kind of file may have.</summary>
internal static class SmallFile
{
    /// <summary>The most bytes of a vocabulary, or of the questions of an evaluation.</summary>
    public const int LargestData = 1 << 29;

    /// <summary>The most bytes of a file of settings.</summary>
    public const int LargestSettings = 1 << 24;

    /// <summary>The most bytes of a template, a schema, or another text that a person wrote.</summary>
    public const int LargestText = 1 << 24;

    private const int LeastBuffer = 1 << 12;
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>A whole file.</summary>
    /// <param name="path">The file.</param>
    /// <param name="mostBytes">Beyond it, the file is refused.</param>
    /// <exception cref="ModelFormatException">There is no such file, it is no regular one, it is too large, or it cannot be read.</exception>
    public static byte[] Read(string path, int mostBytes)
    {
        using FileStream stream = OpenStream(path);
        // Its length first: what is too long is not read in vain.
        ModelFormatException TooLong() => new(path, $"The file has more than {mostBytes} bytes, and no more are read of a file of this kind.");
        if (stream.CanSeek && stream.Length > mostBytes) throw TooLong();
        byte[] bytes = ReadTo(stream, path, mostBytes + 1);
        return bytes.Length <= mostBytes ? bytes : throw TooLong();
    }

    /// <summary>A whole file of text in UTF-8, or in another encoding that its first bytes name.</summary>
    /// <inheritdoc cref="Read"/>
    public static string ReadText(string path, int mostBytes = LargestText)
    {
        try
        {
            using StreamReader reader = new(new MemoryStream(Read(path, mostBytes)), s_strict);
            return reader.ReadToEnd();
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(path, "The file is not UTF-8 text.", e);
        }
    }

    /// <summary>The first bytes of a file, or all of them where it has fewer.</summary>
    /// <inheritdoc cref="Read"/>
    public static byte[] ReadBeginning(string path, int mostBytes)
    {
        using FileStream stream = OpenStream(path);
        return ReadTo(stream, path, mostBytes);
    }

    private static FileStream OpenStream(string path) => new(RegularFile.Open(path), FileAccess.Read, bufferSize: 0);

    private static byte[] ReadTo(FileStream stream, string path, int mostBytes)
    {
        try
        {
            // A file has a length, and as many bytes are asked for. A pipe has none, and a file may grow meanwhile: it is read to its end, wherever that is.
            byte[] bytes = new byte[Math.Min(mostBytes, stream.CanSeek && stream.Length > 0 ? stream.Length : LeastBuffer)];
            int count = 0;
            for (int read; count < mostBytes && (read = Next(stream, ref bytes, count, mostBytes)) > 0;) count += read;
            return count == bytes.Length ? bytes : bytes[..count];
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ModelFormatException(path, $"The file cannot be read: {e.Message}", e);
        }
    }

    /// <summary>Reads on behind <paramref name="count"/> bytes. A buffer that is full grows only where more bytes do come.</summary>
    private static int Next(FileStream stream, ref byte[] bytes, int count, int mostBytes)
    {
        if (count < bytes.Length) return stream.Read(bytes, count, bytes.Length - count);
        Span<byte> more = stackalloc byte[LeastBuffer];
        int read = stream.Read(more[..Math.Min(more.Length, mostBytes - count)]);
        if (read == 0) return 0;
        Array.Resize(ref bytes, (int)Math.Min(mostBytes, Math.Max(2L * count, count + (long)read)));
        more[..read].CopyTo(bytes.AsSpan(count));
        return read;
    }
}
