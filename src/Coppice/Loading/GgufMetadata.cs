using System.Buffers.Binary;
using System.Globalization;

namespace Coppice.Loading;

/// <summary>Types of GGUF metadata, with the format's ids.</summary>
internal enum GgufValueType : uint
{
    UInt8 = 0,
    Int8 = 1,
    UInt16 = 2,
    Int16 = 3,
    UInt32 = 4,
    Int32 = 5,
    Float32 = 6,
    Bool = 7,
    String = 8,
    Array = 9,
    UInt64 = 10,
    Int64 = 11,
    Float64 = 12,
}

/// <summary>Where a value lies: [Offset, End), a string's length included. Count and Element are for arrays, whose Offset is that of their first element.</summary>
internal readonly record struct GgufValue(GgufValueType Type, GgufValueType Element, long Count, long Offset, long End);

/// <summary>
/// The key-value part of a GGUF header. Values stay in the file and are read when asked for, arrays included:
/// use them before the file is disposed, by one thread at a time. A value of another type than asked for is a <see cref="ModelFormatException"/>.
/// </summary>
internal sealed class GgufMetadata
{
    private const int MaxKeys = 65_536;
    private const int MaxKeyBytes = 65_535;
    private const int LeastEntryBytes = sizeof(ulong) + sizeof(uint) + 1;
    private const int MaxElements = 1 << 24;
    private const int MaxStringBytes = 1 << 24;
    private const int CopiedBytes = 1 << 16;

    private readonly FileWindow _file;
    private readonly List<string> _keys = [];
    private readonly Dictionary<string, GgufValue> _values = new(StringComparer.Ordinal);

    private GgufMetadata(FileWindow file) => _file = file;

    /// <summary>All keys, in the file's order.</summary>
    public IReadOnlyList<string> Keys => _keys;

    public static GgufMetadata Read(FileWindow file, GgufCursor cursor, long count)
    {
        if (count > MaxKeys || count > cursor.Remaining / LeastEntryBytes)
            throw new ModelFormatException(file.Path, $"The number of metadata keys is {count}; the {cursor.Remaining} bytes that follow have room for {cursor.Remaining / LeastEntryBytes}, and at most {MaxKeys} are allowed.");
        GgufMetadata metadata = new(file);
        for (long i = 0; i < count; i++)
        {
            string key = cursor.String($"metadata key {i}", MaxKeyBytes);
            GgufValue value = ReadValue(file, cursor, key);
            if (!metadata._values.TryAdd(key, value)) throw new ModelFormatException(file.Path, $"The metadata has key {Quoted.Of(key)} twice.");
            metadata._keys.Add(key);
        }
        return metadata;
    }

    public bool Has(string key) => _values.ContainsKey(key);

    /// <summary>Where a value lies, for those who pass it on as it is.</summary>
    public GgufValue Value(string key) => _values[key];

    /// <summary>The bytes of a value, for those who pass it on as it is.</summary>
    public void CopyBytes(GgufValue value, Stream to)
    {
        for (long at = value.Offset; at < value.End; at += CopiedBytes) to.Write(_file.Bytes(at, (int)Math.Min(CopiedBytes, value.End - at)));
    }

    public uint RequiredUInt32(string key) => OptionalUInt32(key) ?? throw Missing(key, GgufValueType.UInt32);

    public uint? OptionalUInt32(string key) =>
        TryGet(key, GgufValueType.UInt32, out GgufValue value) ? BinaryPrimitives.ReadUInt32LittleEndian(_file.Bytes(value.Offset, sizeof(uint))) : null;

    public ushort? OptionalUInt16(string key) =>
        TryGet(key, GgufValueType.UInt16, out GgufValue value) ? BinaryPrimitives.ReadUInt16LittleEndian(_file.Bytes(value.Offset, sizeof(ushort))) : null;

    /// <summary>A UInt32 within limits.</summary>
    public int? OptionalInt32(string key, int min, int max)
    {
        if (OptionalUInt32(key) is not uint number) return null;
        return number >= (uint)min && number <= (uint)max ? (int)number : throw Wrong(key, number.ToString(CultureInfo.InvariantCulture), $"a number from {min} to {max}");
    }

    /// <inheritdoc cref="OptionalInt32"/>
    public int RequiredInt32(string key, int min, int max) => OptionalInt32(key, min, max) ?? throw Missing(key, GgufValueType.UInt32);

    public float RequiredFloat(string key) => OptionalFloat(key) ?? throw Missing(key, GgufValueType.Float32);

    public float? OptionalFloat(string key) =>
        TryGet(key, GgufValueType.Float32, out GgufValue value) ? BinaryPrimitives.ReadSingleLittleEndian(_file.Bytes(value.Offset, sizeof(float))) : null;

    public bool? OptionalBool(string key) => TryGet(key, GgufValueType.Bool, out GgufValue value) ? _file.Bytes(value.Offset, 1)[0] != 0 : null;

    public string RequiredString(string key) => OptionalString(key) ?? throw Missing(key, GgufValueType.String);

    public string? OptionalString(string key)
    {
        if (!TryGet(key, GgufValueType.String, out GgufValue value)) return null;
        long offset = value.Offset;
        return StringAt(key, ref offset);
    }

    /// <summary>The number of elements; null where there is no such key.</summary>
    public long? ArrayCount(string key) => TryGet(key, GgufValueType.Array, out GgufValue value) ? value.Count : null;

    public string[] StringArray(string key) => OptionalStringArray(key) ?? throw Missing(key, GgufValueType.String, "an array of ");

    public string[]? OptionalStringArray(string key)
    {
        if (!TryGetArray(key, out GgufValue value, GgufValueType.String)) return null;
        string[] strings = new string[value.Count];
        long offset = value.Offset;
        for (int i = 0; i < strings.Length; i++) strings[i] = StringAt(key, ref offset);
        return strings;
    }

    public float[] FloatArray(string key) => OptionalFloatArray(key) ?? throw Missing(key, GgufValueType.Float32, "an array of ");

    public float[]? OptionalFloatArray(string key)
    {
        if (!TryGetArray(key, out GgufValue value, GgufValueType.Float32)) return null;
        float[] numbers = new float[value.Count];
        for (int i = 0; i < numbers.Length; i++)
            numbers[i] = BinaryPrimitives.ReadSingleLittleEndian(_file.Bytes(value.Offset + (long)i * sizeof(float), sizeof(float)));
        return numbers;
    }

    public int[] IntArray(string key) => OptionalIntArray(key) ?? throw Missing(key, GgufValueType.Int32, "an array of ");

    /// <summary>Int32, or UInt32 below 2^31.</summary>
    public int[]? OptionalIntArray(string key)
    {
        if (!TryGetArray(key, out GgufValue value, GgufValueType.Int32, GgufValueType.UInt32)) return null;
        int[] numbers = new int[value.Count];
        for (int i = 0; i < numbers.Length; i++)
        {
            int number = BinaryPrimitives.ReadInt32LittleEndian(_file.Bytes(value.Offset + (long)i * sizeof(int), sizeof(int)));
            if (number < 0 && value.Element == GgufValueType.UInt32) throw Wrong(key, $"{(uint)number} at element {i}", "numbers below 2^31");
            numbers[i] = number;
        }
        return numbers;
    }

    /// <summary>UInt8 or Int8.</summary>
    public byte[]? OptionalByteArray(string key) =>
        TryGetArray(key, out GgufValue value, GgufValueType.UInt8, GgufValueType.Int8) ? _file.Bytes(value.Offset, (int)value.Count).ToArray() : null;

    public bool[] BoolArray(string key)
    {
        if (!TryGetArray(key, out GgufValue value, GgufValueType.Bool)) throw Missing(key, GgufValueType.Bool, "an array of ");
        bool[] flags = new bool[value.Count];
        for (int i = 0; i < flags.Length; i++) flags[i] = _file.Bytes(value.Offset + i, 1)[0] != 0;
        return flags;
    }

    /// <summary>The type as text, for listings and errors: "UInt32", "array of 512 String".</summary>
    public string TypeOf(string key) => _values.TryGetValue(key, out GgufValue value) ? Shown(value) : "nothing";

    /// <summary>The error for a value that is of the right type and still wrong.</summary>
    public ModelFormatException Wrong(string key, string found, string needed) => new(_file.Path, $"Metadata key {Quoted.Of(key)} is {found}; needed: {needed}.");

    public ModelFormatException Missing(string key, string needed) => new(_file.Path, $"Metadata key {Quoted.Of(key)} is missing; needed: {needed}.");

    private ModelFormatException Missing(string key, GgufValueType needed, string prefix = "") => Missing(key, $"{prefix}{needed}");

    private bool TryGet(string key, GgufValueType needed, out GgufValue value)
    {
        if (!_values.TryGetValue(key, out value)) return false;
        return value.Type == needed ? true : throw Wrong(key, $"of type {Shown(value)}", needed.ToString());
    }

    private bool TryGetArray(string key, out GgufValue value, params ReadOnlySpan<GgufValueType> needed)
    {
        if (!_values.TryGetValue(key, out value)) return false;
        if (value.Type != GgufValueType.Array || !needed.Contains(value.Element)) throw Wrong(key, $"of type {Shown(value)}", $"an array of {needed[0]}");
        return value.Count <= MaxElements ? true : throw Wrong(key, $"an array of {value.Count} elements", $"at most {MaxElements}");
    }

    private string StringAt(string key, ref long offset)
    {
        // The length was checked against the file when the header was read.
        long byteCount = BinaryPrimitives.ReadInt64LittleEndian(_file.Bytes(offset, sizeof(ulong)));
        if (byteCount > MaxStringBytes) throw Wrong(key, $"a string of {byteCount} bytes", $"at most {MaxStringBytes}");
        ReadOnlySpan<byte> bytes = _file.Bytes(offset + sizeof(ulong), (int)byteCount);
        offset += sizeof(ulong) + byteCount;
        return GgufCursor.Decode(_file, bytes, $"Metadata key {Quoted.Of(key)}");
    }

    private static GgufValue ReadValue(FileWindow file, GgufCursor cursor, string key)
    {
        string field = $"Metadata key {Quoted.Of(key)}";
        GgufValueType type = ReadType(file, cursor, field);
        if (type == GgufValueType.Array)
        {
            GgufValueType element = ReadType(file, cursor, field);
            if (element == GgufValueType.Array) throw new ModelFormatException(file.Path, $"{field} is an array of arrays, which is not supported.");
            int elementBytes = FixedBytes(element);
            long count = cursor.Count($"The length of the array {Quoted.Of(key)}", element == GgufValueType.String ? sizeof(ulong) : elementBytes);
            long start = cursor.Position;
            if (element == GgufValueType.String)
                for (long i = 0; i < count; i++) cursor.SkipString(field);
            else cursor.Skip(count * elementBytes, field);
            return new(type, element, count, start, cursor.Position);
        }

        long offset = cursor.Position;
        if (type == GgufValueType.String) cursor.SkipString(field);
        else cursor.Skip(FixedBytes(type), field);
        if (type == GgufValueType.Bool && file.Bytes(offset, 1)[0] > 1)
            throw new ModelFormatException(file.Path, $"{field} is a Bool of value {file.Bytes(offset, 1)[0]}; needed: 0 or 1.");
        return new(type, type, 1, offset, cursor.Position);
    }

    private static GgufValueType ReadType(FileWindow file, GgufCursor cursor, string field)
    {
        uint type = cursor.UInt32(field);
        return type <= (uint)GgufValueType.Float64 ? (GgufValueType)type : throw new ModelFormatException(file.Path, $"{field} has type id {type}; the highest known is {(uint)GgufValueType.Float64}.");
    }

    private static int FixedBytes(GgufValueType type) => type switch
    {
        GgufValueType.UInt8 or GgufValueType.Int8 or GgufValueType.Bool => 1,
        GgufValueType.UInt16 or GgufValueType.Int16 => 2,
        GgufValueType.UInt32 or GgufValueType.Int32 or GgufValueType.Float32 => 4,
        GgufValueType.UInt64 or GgufValueType.Int64 or GgufValueType.Float64 => 8,
        _ => 0,
    };

    private static string Shown(GgufValue value) => value.Type == GgufValueType.Array ? $"array of {value.Count} {value.Element}" : value.Type.ToString();
}
