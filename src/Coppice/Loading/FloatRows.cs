using System.Numerics;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Coppice.Loading;

/// <summary>Half-precision rows of a file to floats. Every value of both formats is a float, so nothing is rounded.</summary>
internal static class FloatRows
{
    // A half's exponent and mantissa, moved to a float's place, read as a number that is 2^112 too small
    // (exponent biases 127 and 15). The product is exact for subnormals too.
    private const float HalfScale = 5192296858534827628530496329220096f; // 2^112
    private const uint HalfInfinity = 0x7C00u << 13;
    private const uint FloatInfinity = 0x7F800000u;

    /// <summary>IEEE halves, little-endian. source: 2 bytes for each element of <paramref name="destination"/>. NaN payloads are kept.</summary>
    public static void FromF16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        ReadOnlySpan<ushort> halves = MemoryMarshal.Cast<byte, ushort>(source)[..destination.Length];
        int i = 0;
        for (; i <= halves.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(halves[i..]), out Vector<uint> lower, out Vector<uint> upper);
            FromF16(lower).CopyTo(destination[i..]);
            FromF16(upper).CopyTo(destination[(i + Vector<uint>.Count)..]);
        }
        for (; i < halves.Length; i++) destination[i] = FromF16(new Vector<uint>(halves[i]))[0];
    }

    /// <summary>bfloat16s, little-endian. source: 2 bytes for each element of <paramref name="destination"/>.</summary>
    public static void FromBF16(ReadOnlySpan<byte> source, Span<float> destination)
    {
        ReadOnlySpan<ushort> upperHalves = MemoryMarshal.Cast<byte, ushort>(source)[..destination.Length];
        int i = 0;
        for (; i <= upperHalves.Length - Vector<ushort>.Count; i += Vector<ushort>.Count)
        {
            Vector.Widen(new Vector<ushort>(upperHalves[i..]), out Vector<uint> lower, out Vector<uint> upper);
            (lower << 16).As<uint, float>().CopyTo(destination[i..]);
            (upper << 16).As<uint, float>().CopyTo(destination[(i + Vector<uint>.Count)..]);
        }
        for (; i < upperHalves.Length; i++) destination[i] = BitConverter.UInt32BitsToSingle((uint)upperHalves[i] << 16);
    }

    /// <summary>Halves, each in the lower bits of a lane.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static Vector<float> FromF16(Vector<uint> halves)
    {
        Vector<uint> sign = (halves & new Vector<uint>(0x8000)) << 16;
        Vector<uint> magnitude = (halves & new Vector<uint>(0x7FFF)) << 13;
        Vector<uint> finite = (magnitude.As<uint, float>() * HalfScale).As<float, uint>();
        Vector<uint> notFinite = magnitude | new Vector<uint>(FloatInfinity);
        Vector<uint> bits = Vector.ConditionalSelect(Vector.GreaterThanOrEqual(magnitude, new Vector<uint>(HalfInfinity)), notFinite, finite);
        return (bits | sign).As<uint, float>();
    }
}
