using System.Buffers.Binary;
using System.Text.Json;

namespace Coppice.Loading;

/// <summary>What a safetensors header says of one tensor. Bytes [Begin, End) of the data section.</summary>
internal readonly record struct SafetensorsEntry(string Name, SafetensorsType Type, long[] Shape, long Begin, long End);

/// <summary>
/// Reads the header: 8 bytes of length, then JSON {name: {"dtype", "shape", "data_offsets"}, "__metadata__": {string: string}}, then data.
/// The ranges must cover the data without gaps or overlaps, so that nothing else can hide in the file.
/// </summary>
internal static class SafetensorsHeader
{
    public const int LengthBytes = 8;
    public const int MaxHeaderBytes = 100_000_000;
    private const int MaxDimensions = 16;

    /// <summary>Entries in the header's order, and where the data begins.</summary>
    public static (List<SafetensorsEntry> Entries, long DataOffset) Read(FileWindow file)
    {
        if (file.Length < LengthBytes)
            throw new ModelFormatException(file.Path, $"The file has {file.Length} bytes; a safetensors file begins with {LengthBytes} bytes of header length.");
        ulong headerBytes = BinaryPrimitives.ReadUInt64LittleEndian(file.Bytes(0, LengthBytes));
        if (headerBytes > MaxHeaderBytes)
            throw new ModelFormatException(file.Path, $"The header length is {headerBytes}; at most {MaxHeaderBytes} bytes are allowed.");
        if ((long)headerBytes > file.Length - LengthBytes)
            throw new ModelFormatException(file.Path, $"The header length is {headerBytes}, and {file.Length - LengthBytes} bytes follow it. The file may have been cut short.");

        long dataOffset = LengthBytes + (long)headerBytes;
        List<SafetensorsEntry> entries;
        try
        {
            entries = ReadEntries(file, new Utf8JsonReader(file.Bytes(LengthBytes, (int)headerBytes)));
        }
        // InvalidOperationException: a string that is not UTF-8 or holds half a surrogate pair.
        catch (Exception e) when (e is JsonException or InvalidOperationException)
        {
            throw new ModelFormatException(file.Path, $"The header is not the JSON object of a safetensors file: {e.Message}", e);
        }
        CheckCover(file, entries, file.Length - dataOffset);
        return (entries, dataOffset);
    }

    private static List<SafetensorsEntry> ReadEntries(FileWindow file, Utf8JsonReader reader)
    {
        List<SafetensorsEntry> entries = [];
        HashSet<string> names = new(StringComparer.Ordinal);
        Next(ref reader, JsonTokenType.StartObject);
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string name = reader.GetString()!;
            if (!names.Add(name)) throw new ModelFormatException(file.Path, $"The header names tensor {Quoted.Of(name)} twice.");
            Next(ref reader, JsonTokenType.StartObject);
            if (name == "__metadata__") SkipMetadata(ref reader);
            else entries.Add(ReadEntry(file, name, ref reader));
        }
        if (reader.Read()) throw new JsonException("Text follows the object.");
        return entries;
    }

    private static void SkipMetadata(ref Utf8JsonReader reader)
    {
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName) Next(ref reader, JsonTokenType.String);
    }

    private static SafetensorsEntry ReadEntry(FileWindow file, string name, ref Utf8JsonReader reader)
    {
        SafetensorsType? type = null;
        long[]? shape = null;
        long[]? range = null;
        while (reader.Read() && reader.TokenType == JsonTokenType.PropertyName)
        {
            string field = reader.GetString()!;
            bool again = false;
            switch (field)
            {
                case "dtype":
                    again = type is not null;
                    Next(ref reader, JsonTokenType.String);
                    string typeName = reader.GetString()!;
                    type = SafetensorsType.TryFind(typeName, out SafetensorsType found) ? found : throw Wrong(file, name, "dtype", Quoted.Of(typeName), "a known type");
                    break;
                case "shape":
                    again = shape is not null;
                    shape = ReadCounts(file, name, field, MaxDimensions, ref reader);
                    break;
                case "data_offsets":
                    again = range is not null;
                    range = ReadCounts(file, name, field, 2, ref reader);
                    break;
                default:
                    reader.Read();
                    reader.Skip();
                    break;
            }
            if (again) throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} has {field} twice.");
        }
        if (type is null || shape is null || range is null)
            throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} needs dtype, shape and data_offsets.");
        if (range.Length != 2 || range[0] > range[1])
            throw Wrong(file, name, "data_offsets", Quoted.Shape(range), "[begin, end] with begin <= end");
        CheckSize(file, name, type.Value, shape, range[1] - range[0]);
        return new(name, type.Value, shape, range[0], range[1]);
    }

    private static long[] ReadCounts(FileWindow file, string tensor, string field, int most, ref Utf8JsonReader reader)
    {
        List<long> counts = [];
        Next(ref reader, JsonTokenType.StartArray);
        while (reader.Read() && reader.TokenType != JsonTokenType.EndArray)
        {
            if (counts.Count == most) throw Wrong(file, tensor, field, $"more than {most} numbers", $"at most {most}");
            if (reader.TokenType != JsonTokenType.Number || !reader.TryGetInt64(out long count) || count < 0)
                throw Wrong(file, tensor, field, $"an element that is {reader.TokenType} {Quoted.Of(System.Text.Encoding.UTF8.GetString(reader.ValueSpan))}", "whole numbers from 0 to 2^63-1");
            counts.Add(count);
        }
        return [.. counts];
    }

    private static void CheckSize(FileWindow file, string name, SafetensorsType type, long[] shape, long rangeBytes)
    {
        // UInt128: 2^63 elements of 64 bits fit, so only the running product needs a limit.
        UInt128 bits = (UInt128)type.Bits;
        foreach (long dimension in shape)
        {
            // Zeros count as one here, so that the number of rows cannot overflow either.
            bits *= (UInt128)Math.Max(dimension, 1);
            if (bits > long.MaxValue) throw Wrong(file, name, "shape", Quoted.Shape(shape), "fewer than 2^63 bits");
        }
        if (shape.Contains(0)) bits = 0;
        if (bits % 8 != 0) throw Wrong(file, name, "shape", $"{Quoted.Shape(shape)} of {type.Name}", "whole bytes");
        if (bits / 8 != (UInt128)rangeBytes)
            throw Wrong(file, name, "data_offsets", $"a range of {rangeBytes} bytes", $"{bits / 8} bytes, as shape {Quoted.Shape(shape)} of {type.Name} has");
    }

    private static void CheckCover(FileWindow file, List<SafetensorsEntry> entries, long dataBytes)
    {
        long covered = 0;
        foreach (SafetensorsEntry entry in entries.OrderBy(e => e.Begin).ThenBy(e => e.End))
        {
            if (entry.End > dataBytes)
                throw Wrong(file, entry.Name, "data_offsets", $"[{entry.Begin}, {entry.End}]", $"a range within the {dataBytes} bytes of data. The file may have been cut short");
            if (entry.Begin != covered)
                throw Wrong(file, entry.Name, "data_offsets", $"[{entry.Begin}, {entry.End}]", $"a range that begins at {covered}, where the tensor before it ends");
            covered = entry.End;
        }
        if (covered != dataBytes)
            throw new ModelFormatException(file.Path, $"{dataBytes - covered} bytes follow the last tensor; nothing may.");
    }

    private static void Next(ref Utf8JsonReader reader, JsonTokenType needed)
    {
        if (!reader.Read() || reader.TokenType != needed) throw new JsonException($"{needed} is needed at byte {reader.TokenStartIndex}, and {reader.TokenType} is there.");
    }

    private static ModelFormatException Wrong(FileWindow file, string tensor, string field, string found, string needed) =>
        new(file.Path, $"Tensor {Quoted.Of(tensor)}: {field} is {found}; needed: {needed}.");
}
