namespace Coppice.Kernels.Emitted;

/// <summary>What one 32-bit lane of an <see cref="EmittedTile"/>'s operands holds, and so what a step multiplies.</summary>
internal enum DotFormat
{
    /// <summary>One float: c = a · b + c, rounded once (vfmadd231ps). The bits of <see cref="Tile"/>.</summary>
    F32,

    /// <summary>
    /// Two bf16: c = (c + a1 · b1) + a0 · b0 (vdpbf16ps). The products are exact; each addition rounds to nearest; numbers below the normal
    /// range, given or resulting, count as zeros of the same sign.
    /// </summary>
    BF16,

    /// <summary>Four times an unsigned byte of a with a signed byte of b, summed exactly into an int (vpdpbusd); it wraps around.</summary>
    Int8,
}

/// <summary>The definitions of <see cref="DotFormat"/>, lane by lane.</summary>
internal static class Dot
{
    /// <summary>One step of one lane; a, b and c are the bits.</summary>
    public static uint Reference(DotFormat format, uint a, uint b, uint c) => format switch
    {
        DotFormat.F32 => BitConverter.SingleToUInt32Bits(MathF.FusedMultiplyAdd(Float(a), Float(b), Float(c))),
        DotFormat.BF16 => BitConverter.SingleToUInt32Bits(Accumulate(a << 16, b << 16, Accumulate(a & 0xFFFF0000, b & 0xFFFF0000, Flush(Float(c))))),
        _ => (uint)(Bytes(a, b, 0) + Bytes(a, b, 8) + Bytes(a, b, 16) + Bytes(a, b, 24) + (int)c),
    };

    private static float Accumulate(uint a, uint b, float c) => Flush(MathF.FusedMultiplyAdd(Flush(Float(a)), Flush(Float(b)), c));

    private static int Bytes(uint a, uint b, int shift) => (byte)(a >> shift) * (sbyte)(b >> shift);

    private static float Flush(float x) => MathF.Abs(x) < 1.17549435E-38f ? MathF.CopySign(0f, x) : x;

    private static float Float(uint bits) => BitConverter.UInt32BitsToSingle(bits);
}
