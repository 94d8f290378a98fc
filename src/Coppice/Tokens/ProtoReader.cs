using System.Buffers.Binary;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Walks the fields of one protobuf message. (protobuf.dev, Encoding)</summary>
internal ref struct ProtoReader(string file, ReadOnlySpan<byte> message)
{
    private const int Varint = 0, Fixed64 = 1, Bytes = 2, Fixed32 = 5;
    private ReadOnlySpan<byte> _rest = message;
    private ulong _number;
    private ReadOnlySpan<byte> _bytes;
    private int _wire;

    /// <summary>The current field's number in its message.</summary>
    public int Field { get; private set; }

    public bool Next()
    {
        if (_rest.IsEmpty) return false;
        ulong tag = ReadVarint();
        Field = (int)(tag >> 3);
        _wire = (int)(tag & 7);
        if (tag > uint.MaxValue || Field == 0) throw Broken($"a field has the tag {tag}");
        switch (_wire)
        {
            case Varint:
                _number = ReadVarint();
                break;
            case Fixed64:
                _bytes = Take(8);
                break;
            case Bytes:
                _bytes = Take(ReadVarint());
                break;
            case Fixed32:
                _bytes = Take(4);
                break;
            default:
                throw Broken($"field {Field} has the wire type {_wire}");
        }
        return true;
    }

    public readonly long Integer() => _wire == Varint ? (long)_number : throw Kind("a number");

    public readonly bool Flag() => Integer() != 0;

    public readonly float Float() => _wire == Fixed32 ? BinaryPrimitives.ReadSingleLittleEndian(_bytes) : throw Kind("a float");

    public readonly ReadOnlySpan<byte> Message() => _wire == Bytes ? _bytes : throw Kind("a text or a message");

    private readonly ModelFormatException Kind(string expected) => Broken($"field {Field} has the wire type {_wire} and should be {expected}");

    private readonly ModelFormatException Broken(string what) => new(file, $"This is not a SentencePiece model: {what}.");

    private ReadOnlySpan<byte> Take(ulong bytes)
    {
        if (bytes > (ulong)_rest.Length) throw Broken($"field {Field} has {bytes} bytes where {_rest.Length} are left");
        ReadOnlySpan<byte> taken = _rest[..(int)bytes];
        _rest = _rest[(int)bytes..];
        return taken;
    }

    private ulong ReadVarint()
    {
        ulong value = 0;
        for (int shift = 0; shift < 64; shift += 7)
        {
            byte next = Take(1)[0];
            value |= (ulong)(next & 0x7F) << shift;
            if (next < 0x80) return value;
        }
        throw Broken("a number has more than ten bytes");
    }
}
