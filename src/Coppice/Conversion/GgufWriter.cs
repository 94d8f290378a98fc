using System.Text;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>A tensor that a GGUF file will have.</summary>
/// <param name="Name">At most 63 bytes.</param>
/// <param name="Shape">Outermost first.</param>
/// <param name="Type">Its rows are whole blocks of it.</param>
internal readonly record struct GgufTensor(string Name, IReadOnlyList<long> Shape, WeightType Type)
{
    public long ByteCount => BlockFormat.BytesOf(Type, Shape.Aggregate(1L, (product, size) => product * size));
}

/// <summary>Writes a GGUF file of version 3: metadata and tensors are told first, then the header is written, then each tensor's bytes in order.</summary>
internal sealed class GgufWriter(Stream output)
{
    private const uint Version = 3;
    internal const int Alignment = 32;

    private readonly MemoryStream _metadata = new();
    private readonly List<GgufTensor> _tensors = [];
    private readonly HashSet<string> _keys = new(StringComparer.Ordinal);
    private long _position;

    public void Key(string key, string value) => Write(key, GgufValueType.String, writer => Text(writer, value));

    public void Key(string key, uint value) => Write(key, GgufValueType.UInt32, writer => writer.Write(value));

    public void Key(string key, float value) => Write(key, GgufValueType.Float32, writer => writer.Write(value));

    public void Key(string key, bool value) => Write(key, GgufValueType.Bool, writer => writer.Write(value));

    public void Key(string key, IReadOnlyList<string> values) => WriteArray(key, GgufValueType.String, values, Text);

    public void Key(string key, IReadOnlyList<float> values) => WriteArray(key, GgufValueType.Float32, values, (writer, value) => writer.Write(value));

    public void Key(string key, IReadOnlyList<int> values) => WriteArray(key, GgufValueType.Int32, values, (writer, value) => writer.Write(value));

    public void Key(string key, IReadOnlyList<bool> values) => WriteArray(key, GgufValueType.Bool, values, (writer, value) => writer.Write(value));

    public void Key(string key, byte[] values) => WriteArray(key, GgufValueType.UInt8, values, (writer, value) => writer.Write(value));

    /// <summary>A model's settings, each by its type.</summary>
    public void Keys(GgufSettings settings)
    {
        foreach ((string key, object value) in settings.Values)
        {
            switch (value)
            {
                case int number:
                    Key(key, (uint)number);
                    break;
                case float number:
                    Key(key, number);
                    break;
                case bool flag:
                    Key(key, flag);
                    break;
                case string text:
                    Key(key, text);
                    break;
                case IReadOnlyList<bool> flags:
                    Key(key, flags);
                    break;
                default:
                    throw new ArgumentException($"{key} is a {value.GetType().Name}.", nameof(settings));
            }
        }
    }

    /// <summary>Another file's value, whatever it is.</summary>
    public void Copy(GgufMetadata metadata, string key)
    {
        GgufValue value = metadata.Value(key);
        Write(key, value.Type, writer =>
        {
            if (value.Type == GgufValueType.Array)
            {
                writer.Write((uint)value.Element);
                writer.Write((ulong)value.Count);
            }
            writer.Flush();
            metadata.CopyBytes(value, _metadata);
        });
    }

    public void Tensor(GgufTensor tensor) => _tensors.Add(tensor);

    /// <summary>All that comes before the first tensor's bytes.</summary>
    public void WriteHeader()
    {
        using MemoryStream header = new();
        using (BinaryWriter writer = new(header, Encoding.UTF8, leaveOpen: true))
        {
            writer.Write("GGUF"u8);
            writer.Write(Version);
            writer.Write((ulong)_tensors.Count);
            writer.Write((ulong)_keys.Count);
            writer.Write(_metadata.GetBuffer().AsSpan(0, (int)_metadata.Length));
            long offset = 0;
            foreach (GgufTensor tensor in _tensors)
            {
                Text(writer, tensor.Name);
                writer.Write((uint)tensor.Shape.Count);
                // The file lists the contiguous dimension first.
                foreach (long dimension in tensor.Shape.Reverse()) writer.Write((ulong)dimension);
                writer.Write(GgmlType.IdOf(tensor.Type));
                writer.Write((ulong)offset);
                offset = Aligned(offset + tensor.ByteCount);
            }
        }
        Append(header.GetBuffer().AsSpan(0, (int)header.Length));
        Pad();
    }

    /// <summary>Bytes of the tensor that is next, or of a part of it.</summary>
    public void Append(ReadOnlySpan<byte> bytes)
    {
        output.Write(bytes);
        _position += bytes.Length;
    }

    /// <summary>Ends a tensor.</summary>
    public void Pad() => Append(new byte[Aligned(_position) - _position]);

    private static long Aligned(long position) => (position + Alignment - 1) / Alignment * Alignment;

    private void Write(string key, GgufValueType type, Action<BinaryWriter> value)
    {
        if (!_keys.Add(key)) throw new ArgumentException($"The metadata has key {Quoted.Of(key)} twice.", nameof(key));
        using BinaryWriter writer = new(_metadata, Encoding.UTF8, leaveOpen: true);
        Text(writer, key);
        writer.Write((uint)type);
        value(writer);
    }

    private void WriteArray<T>(string key, GgufValueType element, IReadOnlyList<T> values, Action<BinaryWriter, T> write) => Write(key, GgufValueType.Array, writer =>
    {
        writer.Write((uint)element);
        writer.Write((ulong)values.Count);
        foreach (T value in values) write(writer, value);
    });

    private static void Text(BinaryWriter writer, string text)
    {
        writer.Write((ulong)Encoding.UTF8.GetByteCount(text));
        writer.Write(Encoding.UTF8.GetBytes(text));
    }
}
