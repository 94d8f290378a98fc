using System.Buffers.Binary;
using System.Text;

namespace Coppice.Loading;

/// <summary>
/// Reads a GGUF header front to back. Nothing is read past the end of the file and nothing is allocated before its length was checked.
/// A file may be long and hold next to nothing (zeros that take no room on disk), so the header has a limit of its own.
/// </summary>
internal sealed class GgufCursor(FileWindow file)
{
    private const string LengthOf = "The length of ";
    private const int MaxHeaderBytes = SmallFile.LargestData;

    private static readonly UTF8Encoding s_strictUtf8 = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    /// <summary>The next byte.</summary>
    public long Position { get; private set; }

    public long Remaining => file.Length - Position;

    public uint UInt32(string field) => BinaryPrimitives.ReadUInt32LittleEndian(Take(sizeof(uint), field));

    public ulong UInt64(string field) => BinaryPrimitives.ReadUInt64LittleEndian(Take(sizeof(ulong), field));

    /// <summary>How many of something follow, each of at least <paramref name="leastBytes"/> bytes.</summary>
    public long Count(string field, int leastBytes) => Count(field, leastBytes, "");

    // What is counted is put into words for an error only: a header may have a hundred thousand texts.
    private long Count(string field, int leastBytes, string what)
    {
        ulong count = UInt64(field);
        if (count > (ulong)(Remaining / leastBytes))
            throw new ModelFormatException(file.Path, $"{what}{field} is {count}, and the {Remaining} bytes that follow have room for {Remaining / leastBytes}.");
        return (long)count;
    }

    /// <summary>A string: 64 bits of length, then UTF-8.</summary>
    public string String(string field, int maxBytes)
    {
        long byteCount = Count(field, 1, LengthOf);
        if (byteCount > maxBytes) throw new ModelFormatException(file.Path, $"{LengthOf}{field} is {byteCount}; at most {maxBytes} bytes are allowed.");
        return Decode(file, Take((int)byteCount, field), field);
    }

    public void SkipString(string field) => Skip(Count(field, 1, LengthOf), field);

    public void Skip(long byteCount, string field)
    {
        Need(byteCount, field);
        Position += byteCount;
    }

    /// <exception cref="ModelFormatException">The bytes are not UTF-8.</exception>
    public static string Decode(FileWindow file, ReadOnlySpan<byte> utf8, string field)
    {
        try
        {
            return s_strictUtf8.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(file.Path, $"{field} is not UTF-8: {e.Message}", e);
        }
    }

    private ReadOnlySpan<byte> Take(int byteCount, string field)
    {
        Need(byteCount, field);
        ReadOnlySpan<byte> bytes = file.Bytes(Position, byteCount);
        Position += byteCount;
        return bytes;
    }

    private void Need(long byteCount, string field)
    {
        if (byteCount > Remaining)
            throw new ModelFormatException(file.Path, $"{field} needs {byteCount} bytes at byte {Position}, and the file ends after {Remaining}. It may have been cut short.");
        if (byteCount > MaxHeaderBytes - Position)
            throw new ModelFormatException(file.Path, $"{field} ends behind byte {MaxHeaderBytes}; a header has at most that many bytes.");
    }
}
