namespace Coppice.KvCache;

/// <summary>bfloat16, the upper half of a 32-bit float.</summary>
internal static class Bf16
{
    /// <summary>Nearest, ties to even; NaN stays NaN.</summary>
    public static ushort Round(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>Exact.</summary>
    public static float Widen(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);
}
