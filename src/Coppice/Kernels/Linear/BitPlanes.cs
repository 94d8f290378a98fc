using System.Runtime.CompilerServices;

namespace Coppice.Kernels;

/// <summary>
/// The integers of 32 inputs of 64 outputs, as few bits each as the format has. In whole bytes they would be [8][64][4], a quad of four inputs
/// of an output in a lane. Their bits lie in planes of that order: of four bits [4][64][4], quad p in the lower halves and quad p + 4 in the
/// upper; of two bits [2][64][4], quads p, p + 2, p + 4 and p + 6 from the lowest bits on; of one bit [64][4], quad p in bit p.
/// </summary>
internal unsafe interface IBitPlanes
{
    /// <summary>Quads p and p + 4 of the lanes at byte <paramref name="at"/> of a quad. p: 0 to 3, a constant.</summary>
    static abstract (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>;

    /// <summary>One output's integers, 32 bytes, into the planes' lanes.</summary>
    static abstract void Put(byte* q, byte* planes, int output);
}

/// <summary>Two bits.</summary>
internal readonly unsafe struct Planes2 : IBitPlanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>
    {
        V bits = V.Load(planes + p % 2 * Q8Layout.QuadBytes + at), mask = V.Fill(3);
        return (bits.Right(p / 2 * 2).And(mask), bits.Right(p / 2 * 2 + 4).And(mask));
    }

    public static void Put(byte* q, byte* planes, int output) => Planes.PutTwo(q, 0, planes, output);
}

/// <summary>Two bits, then one.</summary>
internal readonly unsafe struct Planes3 : IBitPlanes
{
    private const int UpperAt = 2 * Q8Layout.QuadBytes;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>
    {
        (V first, V second) = Planes2.Take<V>(planes, at, p);
        V upper = V.Load(planes + UpperAt + at), mask = V.Fill(4);
        return (first.Or((p <= 2 ? upper.Left(2 - p) : upper.Right(p - 2)).And(mask)), second.Or(upper.Right(p + 2).And(mask)));
    }

    public static void Put(byte* q, byte* planes, int output)
    {
        Planes.PutTwo(q, 0, planes, output);
        Planes.PutOne(q, 2, planes + UpperAt, output);
    }
}

/// <summary>Four bits.</summary>
internal readonly unsafe struct Planes4 : IBitPlanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>
    {
        V bits = V.Load(planes + p * Q8Layout.QuadBytes + at), mask = V.Fill(15);
        return (bits.And(mask), bits.Right(4).And(mask));
    }

    public static void Put(byte* q, byte* planes, int output) => Planes.PutFour(q, planes, output);
}

/// <summary>Four bits, then one.</summary>
internal readonly unsafe struct Planes5 : IBitPlanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>
    {
        (V first, V second) = Planes4.Take<V>(planes, at, p);
        V upper = V.Load(planes + Planes.UpperAt + at), mask = V.Fill(16);
        return (first.Or(upper.Left(4 - p).And(mask)), second.Or(upper.Right(p).And(mask)));
    }

    public static void Put(byte* q, byte* planes, int output)
    {
        Planes.PutFour(q, planes, output);
        Planes.PutOne(q, 4, planes + Planes.UpperAt, output);
    }
}

/// <summary>Four bits, then two.</summary>
internal readonly unsafe struct Planes6 : IBitPlanes
{
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static (V First, V Second) Take<V>(byte* planes, int at, int p) where V : struct, IByteLanes<V>
    {
        (V first, V second) = Planes4.Take<V>(planes, at, p);
        V upper = V.Load(planes + Planes.UpperAt + p % 2 * Q8Layout.QuadBytes + at), mask = V.Fill(48);
        // Quads p and p + 4 have bits 0 and 4 on, or 2 and 6 on; both must come to bit 4.
        return p < 2 ? (first.Or(upper.Left(4).And(mask)), second.Or(upper.And(mask))) : (first.Or(upper.Left(2).And(mask)), second.Or(upper.Right(2).And(mask)));
    }

    public static void Put(byte* q, byte* planes, int output)
    {
        Planes.PutFour(q, planes, output);
        Planes.PutTwo(q, 4, planes + Planes.UpperAt, output);
    }
}

/// <summary>One output's bits into its lanes of a plane, from 32 integers of a byte each.</summary>
internal static unsafe class Planes
{
    /// <summary>Behind a plane of four bits.</summary>
    public const int UpperAt = 4 * Q8Layout.QuadBytes;

    public static void PutFour(byte* q, byte* plane, int output)
    {
        uint* quads = (uint*)q;
        for (int p = 0; p < 4; p++) Lane(plane, p, output) = quads[p] & 0x0F0F0F0F | (quads[p + 4] & 0x0F0F0F0F) << 4;
    }

    public static void PutTwo(byte* q, int shift, byte* plane, int output)
    {
        uint* quads = (uint*)q;
        for (int p = 0; p < 2; p++)
        {
            uint lane = 0;
            for (int i = 0; i < 4; i++) lane |= (quads[p + 2 * i] >> shift & 0x03030303) << 2 * i;
            Lane(plane, p, output) = lane;
        }
    }

    public static void PutOne(byte* q, int shift, byte* plane, int output)
    {
        uint* quads = (uint*)q;
        uint lane = 0;
        for (int p = 0; p < 8; p++) lane |= (quads[p] >> shift & 0x01010101) << p;
        Lane(plane, 0, output) = lane;
    }

    private static ref uint Lane(byte* plane, int quad, int output) => ref *(uint*)(plane + quad * Q8Layout.QuadBytes + output * sizeof(uint));
}
