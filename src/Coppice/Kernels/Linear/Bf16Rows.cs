using System.Runtime.Intrinsics;
using Coppice.KvCache;

namespace Coppice.Kernels;

/// <summary>Floats to bf16, nearest, ties to even; the bits of <see cref="Bf16.Round(float)"/>.</summary>
internal static unsafe class Bf16Rows
{
    /// <param name="x">[count].</param>
    /// <param name="count">Up to <paramref name="filled"/>.</param>
    /// <param name="y">[filled]; zeros behind count.</param>
    /// <param name="filled">Any.</param>
    public static void Round(float* x, int count, ushort* y, int filled)
    {
        int i = 0;
        if (Isa.Width >= 512)
            for (; i <= count - 32; i += 32) Vector512.Narrow(Upper(Vector512.Load(x + i)), Upper(Vector512.Load(x + i + 16))).Store(y + i);
        else if (Isa.Width >= 128)
            for (; i <= count - 8; i += 8) Vector128.Narrow(Upper(Vector128.Load(x + i)), Upper(Vector128.Load(x + i + 4))).Store(y + i);
        for (; i < count; i++) y[i] = Bf16.Round(x[i]);
        for (; i < filled; i++) y[i] = 0;
    }

    private static Vector512<uint> Upper(Vector512<float> x)
    {
        Vector512<uint> bits = x.AsUInt32(), rounded = (bits + Vector512.Create(0x7FFFu) + ((bits >>> 16) & Vector512<uint>.One)) >>> 16;
        return Vector512.ConditionalSelect(Vector512.Equals(x, x).AsUInt32(), rounded, (bits >>> 16) | Vector512.Create(0x40u));
    }

    private static Vector128<uint> Upper(Vector128<float> x)
    {
        Vector128<uint> bits = x.AsUInt32(), rounded = (bits + Vector128.Create(0x7FFFu) + ((bits >>> 16) & Vector128<uint>.One)) >>> 16;
        return Vector128.ConditionalSelect(Vector128.Equals(x, x).AsUInt32(), rounded, (bits >>> 16) | Vector128.Create(0x40u));
    }
}
