using System.Text;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

/// <summary>Writes GGUF files, wrong ones too.</summary>
internal sealed class GgufBuilder
{
    private readonly MemoryStream _metadata = new();
    private readonly List<(string Name, ulong[] Dimensions, uint Type, ulong? Offset, byte[] Data)> _tensors = [];
    private int _keys;

    public uint Version { get; init; } = 3;

    public uint Alignment { get; init; } = 32;

    public GgufBuilder Key(string key, GgufValueType type, byte[] value)
    {
        using BinaryWriter writer = new(_metadata, Encoding.UTF8, leaveOpen: true);
        writer.Write(Text(key));
        writer.Write((uint)type);
        writer.Write(value);
        _keys++;
        return this;
    }

    public GgufBuilder Key(string key, uint value) => Key(key, GgufValueType.UInt32, BitConverter.GetBytes(value));

    public GgufBuilder Key(string key, float value) => Key(key, GgufValueType.Float32, BitConverter.GetBytes(value));

    public GgufBuilder Key(string key, string value) => Key(key, GgufValueType.String, Text(value));

    public GgufBuilder Array(string key, GgufValueType element, int count, byte[] values) =>
        Key(key, GgufValueType.Array, [.. BitConverter.GetBytes((uint)element), .. BitConverter.GetBytes((ulong)count), .. values]);

    public GgufBuilder Array(string key, params string[] values) => Array(key, GgufValueType.String, values.Length, [.. values.SelectMany(Text)]);

    /// <param name="name">Its name.</param>
    /// <param name="dimensions">As the file lists them: contiguous first.</param>
    /// <param name="type">ggml's id.</param>
    /// <param name="data">Its bytes.</param>
    /// <param name="offset">Null: behind the tensor before it.</param>
    public GgufBuilder Tensor(string name, ulong[] dimensions, uint type, byte[] data, ulong? offset = null)
    {
        _tensors.Add((name, dimensions, type, offset, data));
        return this;
    }

    /// <summary>The same keys, without the tensors.</summary>
    public GgufBuilder Copy()
    {
        GgufBuilder copy = new() { Version = Version, Alignment = Alignment, _keys = _keys };
        copy._metadata.Write(_metadata.ToArray());
        return copy;
    }

    public byte[] Build()
    {
        using MemoryStream stream = new();
        using BinaryWriter writer = new(stream);
        writer.Write("GGUF"u8);
        writer.Write(Version);
        writer.Write((ulong)_tensors.Count);
        writer.Write((ulong)_keys);
        writer.Write(_metadata.ToArray());
        ulong offset = 0;
        foreach ((string name, ulong[] dimensions, uint type, ulong? own, byte[] data) in _tensors)
        {
            writer.Write(Text(name));
            writer.Write((uint)dimensions.Length);
            foreach (ulong dimension in dimensions) writer.Write(dimension);
            writer.Write(type);
            writer.Write(own ?? offset);
            offset = Aligned(offset + (ulong)data.Length);
        }
        foreach ((_, _, _, _, byte[] data) in _tensors)
        {
            writer.Write(new byte[Aligned((ulong)stream.Length) - (ulong)stream.Length]);
            writer.Write(data);
        }
        return stream.ToArray();
    }

    private ulong Aligned(ulong position) => (position + Alignment - 1) / Alignment * Alignment;

    private static byte[] Text(string text) => [.. BitConverter.GetBytes((ulong)Encoding.UTF8.GetByteCount(text)), .. Encoding.UTF8.GetBytes(text)];
}
