using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;

namespace Coppice.KvCache;

/// <summary>bfloat16, the upper half of a 32-bit float.</summary>
internal static class Bf16
{
    /// <summary>Nearest, ties to even; NaN stays NaN.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static ushort Round(float x)
    {
        uint bits = BitConverter.SingleToUInt32Bits(x);
        if (float.IsNaN(x)) return (ushort)((bits >> 16) | 0x40);
        return (ushort)((bits + 0x7FFF + ((bits >> 16) & 1)) >> 16);
    }

    /// <summary>y[i] = x[i] · scale, rounded twice: to float, then to bf16.  x, y: [n].</summary>
    public static unsafe void Round(float* x, float scale, int n, ushort* y)
    {
        int i = 0;
        for (; i <= n - 16; i += 16)
        {
            Vector512<float> scaled = Vector512.Load(x + i) * scale;
            Vector512<uint> bits = scaled.AsUInt32(), rounded = bits + Vector512.Create(0x7FFFu) + ((bits >> 16) & Vector512<uint>.One);
            rounded = Vector512.ConditionalSelect(Vector512.Equals(scaled, scaled).AsUInt32(), rounded, bits | Vector512.Create(0x400000u)) >> 16;
            Vector512.Narrow(rounded, rounded).GetLower().Store(y + i);
        }

        for (; i < n; i++) y[i] = Round(x[i] * scale);
    }

    /// <summary>Exact.</summary>
    public static float Widen(ushort x) => BitConverter.UInt32BitsToSingle((uint)x << 16);
}
