using System.Diagnostics.CodeAnalysis;
using System.Numerics;

namespace Coppice.Loading;

/// <summary>A GGUF file of version 2 or 3: header, metadata, tensor descriptions, then data at aligned offsets.</summary>
internal sealed class GgufFile : IWeightFile
{
    private const uint Magic = 0x46554747; // "GGUF"
    private const string AlignmentKey = "general.alignment";
    private const uint DefaultAlignment = 32;
    private const int MaxTensors = 1 << 20;
    private const int MaxDimensions = 4;
    private const int MaxNameBytes = 63; // ggml keeps names in 64 bytes with a zero at the end
    private const int LeastTensorBytes = sizeof(ulong) + sizeof(uint) + sizeof(uint) + sizeof(ulong);

    private readonly ModelFile _file;
    private readonly List<WeightTensor> _tensors = [];
    private readonly Dictionary<string, WeightTensor> _byName = new(StringComparer.Ordinal);

    private GgufFile(ModelFile file)
    {
        _file = file;
        FileWindow header = new(file);
        GgufCursor cursor = new(header);
        uint magic = cursor.UInt32("The magic number");
        if (magic != Magic) throw new ModelFormatException(file.Path, $"The file begins with 0x{magic:X8}; a GGUF file begins with 0x{Magic:X8} (\"GGUF\").");
        Version = cursor.UInt32("The version");
        if (Version is not (2 or 3))
            throw new ModelFormatException(file.Path, (Version & 0xFFFF) == 0
                ? $"The version is {Version}, as in a big-endian file; only little-endian GGUF is read."
                : $"The version is {Version}; versions 2 and 3 are read.");
        long tensorCount = cursor.Count("The number of tensors", LeastTensorBytes);
        if (tensorCount > MaxTensors) throw new ModelFormatException(file.Path, $"The number of tensors is {tensorCount}; at most {MaxTensors} are allowed.");
        long keyCount = cursor.Count("The number of metadata keys", 1);
        Metadata = GgufMetadata.Read(header, cursor, keyCount);
        ReadTensors(cursor, tensorCount, ReadAlignment());
    }

    public string Path => _file.Path;

    public uint Version { get; }

    public GgufMetadata Metadata { get; }

    public IReadOnlyList<WeightTensor> Tensors => _tensors;

    /// <exception cref="ModelFormatException">The file cannot be opened or is not a GGUF file.</exception>
    public static GgufFile Open(string path)
    {
        ModelFile file = ModelFile.Open(path);
        try
        {
            return new GgufFile(file);
        }
        catch
        {
            file.Dispose();
            throw;
        }
    }

    public bool TryGetTensor(string name, [NotNullWhen(true)] out WeightTensor? tensor) => _byName.TryGetValue(name, out tensor);

    public void Dispose() => _file.Dispose();

    private uint ReadAlignment()
    {
        uint alignment = Metadata.OptionalUInt32(AlignmentKey) ?? DefaultAlignment;
        return BitOperations.IsPow2(alignment) ? alignment : throw Metadata.Wrong(AlignmentKey, alignment.ToString(System.Globalization.CultureInfo.InvariantCulture), "a power of two");
    }

    private void ReadTensors(GgufCursor cursor, long tensorCount, uint alignment)
    {
        List<Description> descriptions = [];
        for (long i = 0; i < tensorCount; i++) descriptions.Add(ReadDescription(cursor, i));

        long dataOffset = (cursor.Position + alignment - 1) & -(long)alignment;
        long dataBytes = Math.Max(0, _file.Length - dataOffset);
        foreach (Description d in descriptions)
        {
            if (d.Offset % alignment != 0) throw Wrong(d.Name, $"offset {d.Offset}", $"a multiple of the alignment {alignment}");
            if (d.ByteCount > dataBytes || d.Offset > (ulong)(dataBytes - d.ByteCount))
                throw Wrong(d.Name, $"{d.ByteCount} bytes at offset {d.Offset}", $"a place within the {dataBytes} bytes of data. The file may have been cut short");
            FileTensor tensor = new(_file, d.Name, d.Type.Name, d.Type.Weight, d.Shape, dataOffset + (long)d.Offset, d.ByteCount);
            if (!_byName.TryAdd(d.Name, tensor)) throw new ModelFormatException(Path, $"The file has tensor {Quoted.Of(d.Name)} twice.");
            _tensors.Add(tensor);
        }
        CheckApart(descriptions);
    }

    private Description ReadDescription(GgufCursor cursor, long index)
    {
        string name = cursor.String($"the name of tensor {index}", MaxNameBytes);
        string field = $"Tensor {Quoted.Of(name)}";
        uint dimensions = cursor.UInt32(field);
        if (dimensions > MaxDimensions) throw Wrong(name, $"{dimensions} dimensions", $"at most {MaxDimensions}");
        long[] shape = new long[dimensions];
        long elements = 1;
        // The file lists the contiguous dimension first.
        for (int i = shape.Length - 1; i >= 0; i--)
        {
            ulong dimension = cursor.UInt64(field);
            // Zeros count as one here, so that the number of rows cannot overflow either.
            UInt128 product = (UInt128)elements * Math.Max(dimension, 1);
            if (dimension > long.MaxValue || product > long.MaxValue) throw Wrong(name, $"a dimension of {dimension} beside {elements} elements", "fewer than 2^63 elements");
            shape[i] = (long)dimension;
            elements = (long)product;
        }
        if (shape.Contains(0)) elements = 0;
        uint typeId = cursor.UInt32(field);
        if (!GgmlType.TryFind(typeId, out GgmlType type)) throw Wrong(name, $"type id {typeId}", "a type of ggml that this version knows");
        if (type.IsRemoved) throw Wrong(name, $"type {type.Name} (id {typeId}), which was removed from the format", "a current type; convert the model again");
        long rowElements = dimensions == 0 ? 1 : shape[^1];
        if (rowElements % type.BlockElements != 0) throw Wrong(name, $"rows of {rowElements} elements", $"a multiple of {type.BlockElements}, the block of {type.Name}");
        UInt128 byteCount = (UInt128)(elements / type.BlockElements) * (UInt128)type.BlockBytes;
        if (byteCount > long.MaxValue) throw Wrong(name, $"{elements} elements of {type.Name}", "fewer than 2^63 bytes");
        return new(name, type, shape, cursor.UInt64(field), (long)byteCount);
    }

    private void CheckApart(List<Description> descriptions)
    {
        Description? before = null;
        foreach (Description d in descriptions.Where(d => d.ByteCount > 0).OrderBy(d => d.Offset))
        {
            if (before is Description b && d.Offset < b.Offset + (ulong)b.ByteCount)
                throw Wrong(d.Name, $"offset {d.Offset}", $"one behind tensor {Quoted.Of(b.Name)}, which ends at {b.Offset + (ulong)b.ByteCount}");
            before = d;
        }
    }

    private ModelFormatException Wrong(string tensor, string found, string needed) => new(Path, $"Tensor {Quoted.Of(tensor)} has {found}; needed: {needed}.");

    /// <summary>Offset: from the beginning of the data.</summary>
    private readonly record struct Description(string Name, GgmlType Type, long[] Shape, ulong Offset, long ByteCount);
}
