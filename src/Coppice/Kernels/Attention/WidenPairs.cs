using System.Runtime.Intrinsics;

namespace Coppice.Kernels.Attention;

/// <summary>bf16 pairs of rows to rows of floats, exactly: x [pairs][columns][2] to y [2 · pairs][columns]. Columns are a multiple of 16.</summary>
internal static unsafe class WidenPairs
{
    public static void Run(ushort* x, int pairs, int columns, float* y)
    {
        if (Isa.Width >= 512)
        {
            for (int pair = 0; pair < pairs; pair++, y += 2 * columns)
            {
                for (int i = 0; i < columns; i += 16, x += 32)
                {
                    Vector512<uint> both = Vector512.Load((uint*)x);
                    (both << 16).AsSingle().Store(y + i);
                    (both & Vector512.Create(0xFFFF0000u)).AsSingle().Store(y + columns + i);
                }
            }
        }
        else if (Isa.Width >= 128)
        {
            for (int pair = 0; pair < pairs; pair++, y += 2 * columns)
            {
                for (int i = 0; i < columns; i += 4, x += 8)
                {
                    Vector128<uint> both = Vector128.Load((uint*)x);
                    (both << 16).AsSingle().Store(y + i);
                    (both & Vector128.Create(0xFFFF0000u)).AsSingle().Store(y + columns + i);
                }
            }
        }
        else
        {
            Reference(x, pairs, columns, y);
        }
    }

    /// <summary>The definition.</summary>
    public static void Reference(ushort* x, int pairs, int columns, float* y)
    {
        for (int pair = 0; pair < pairs; pair++)
            for (int i = 0; i < columns; i++)
                for (int half = 0; half < 2; half++)
                    y[(2 * pair + half) * columns + i] = BitConverter.UInt32BitsToSingle((uint)x[(pair * columns + i) * 2 + half] << 16);
    }
}
