namespace Coppice.Kernels;

/// <summary>A number that the JIT sees as a constant.</summary>
internal interface ICount
{
    static abstract int Value { get; }
}

internal readonly struct N1 : ICount { public static int Value => 1; }
internal readonly struct N2 : ICount { public static int Value => 2; }
internal readonly struct N3 : ICount { public static int Value => 3; }
internal readonly struct N4 : ICount { public static int Value => 4; }
internal readonly struct N5 : ICount { public static int Value => 5; }
internal readonly struct N6 : ICount { public static int Value => 6; }

/// <summary>
/// The body of <see cref="Tile"/>: TRows rows (1 to 6) by TVectors vectors (1 to 4), all sums in registers. The JIT makes one body per
/// combination and drops what lies beyond it, which is why the 24 sums are spelled out: an array of them would live in memory.
/// </summary>
internal static unsafe class RegisterTile<V, TRows, TVectors>
    where V : struct, ILanes<V>
    where TRows : struct, ICount
    where TVectors : struct, ICount
{
    /// <summary>
    /// a: [TRows][k], rows aRowFloats apart. b0 to b3: one vector of columns each, [k], bStepFloats apart. c: [TRows][TVectors · V.Count],
    /// rows cRowFloats apart. With add the chains go on from what c holds, else they begin at zero.
    /// </summary>
    public static void Run(float* a, nint aRowFloats, float* b0, float* b1, float* b2, float* b3, nint bStepFloats, int k, float* c, nint cRowFloats, bool add)
    {
        V c00 = V.Zero, c01 = V.Zero, c02 = V.Zero, c03 = V.Zero;
        V c10 = V.Zero, c11 = V.Zero, c12 = V.Zero, c13 = V.Zero;
        V c20 = V.Zero, c21 = V.Zero, c22 = V.Zero, c23 = V.Zero;
        V c30 = V.Zero, c31 = V.Zero, c32 = V.Zero, c33 = V.Zero;
        V c40 = V.Zero, c41 = V.Zero, c42 = V.Zero, c43 = V.Zero;
        V c50 = V.Zero, c51 = V.Zero, c52 = V.Zero, c53 = V.Zero;
        if (add)
        {
            {
                float* row = c;
                c00 = V.Load(row);
                if (TVectors.Value > 1) c01 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c02 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c03 = V.Load(row + 3 * V.Count);
            }
            if (TRows.Value > 1)
            {
                float* row = c + 1 * cRowFloats;
                c10 = V.Load(row);
                if (TVectors.Value > 1) c11 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c12 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c13 = V.Load(row + 3 * V.Count);
            }
            if (TRows.Value > 2)
            {
                float* row = c + 2 * cRowFloats;
                c20 = V.Load(row);
                if (TVectors.Value > 1) c21 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c22 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c23 = V.Load(row + 3 * V.Count);
            }
            if (TRows.Value > 3)
            {
                float* row = c + 3 * cRowFloats;
                c30 = V.Load(row);
                if (TVectors.Value > 1) c31 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c32 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c33 = V.Load(row + 3 * V.Count);
            }
            if (TRows.Value > 4)
            {
                float* row = c + 4 * cRowFloats;
                c40 = V.Load(row);
                if (TVectors.Value > 1) c41 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c42 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c43 = V.Load(row + 3 * V.Count);
            }
            if (TRows.Value > 5)
            {
                float* row = c + 5 * cRowFloats;
                c50 = V.Load(row);
                if (TVectors.Value > 1) c51 = V.Load(row + V.Count);
                if (TVectors.Value > 2) c52 = V.Load(row + 2 * V.Count);
                if (TVectors.Value > 3) c53 = V.Load(row + 3 * V.Count);
            }
        }

        // Two bases and two multiples of the row stride address all six rows, which leaves general registers for the columns.
        float* a3 = a + 3 * aRowFloats;
        nint twoRows = 2 * aRowFloats;
        float* end = a + k;
        for (nint at = 0; a < end; a++, a3++, at += bStepFloats)
        {
            V w0 = V.Load(b0 + at);
            V w1 = TVectors.Value > 1 ? V.Load(b1 + at) : V.Zero;
            V w2 = TVectors.Value > 2 ? V.Load(b2 + at) : V.Zero;
            V w3 = TVectors.Value > 3 ? V.Load(b3 + at) : V.Zero;
            {
                V x = V.Broadcast(*a);
                c00 = V.Fma(x, w0, c00);
                if (TVectors.Value > 1) c01 = V.Fma(x, w1, c01);
                if (TVectors.Value > 2) c02 = V.Fma(x, w2, c02);
                if (TVectors.Value > 3) c03 = V.Fma(x, w3, c03);
            }
            if (TRows.Value > 1)
            {
                V x = V.Broadcast(a[aRowFloats]);
                c10 = V.Fma(x, w0, c10);
                if (TVectors.Value > 1) c11 = V.Fma(x, w1, c11);
                if (TVectors.Value > 2) c12 = V.Fma(x, w2, c12);
                if (TVectors.Value > 3) c13 = V.Fma(x, w3, c13);
            }
            if (TRows.Value > 2)
            {
                V x = V.Broadcast(a[twoRows]);
                c20 = V.Fma(x, w0, c20);
                if (TVectors.Value > 1) c21 = V.Fma(x, w1, c21);
                if (TVectors.Value > 2) c22 = V.Fma(x, w2, c22);
                if (TVectors.Value > 3) c23 = V.Fma(x, w3, c23);
            }
            if (TRows.Value > 3)
            {
                V x = V.Broadcast(*a3);
                c30 = V.Fma(x, w0, c30);
                if (TVectors.Value > 1) c31 = V.Fma(x, w1, c31);
                if (TVectors.Value > 2) c32 = V.Fma(x, w2, c32);
                if (TVectors.Value > 3) c33 = V.Fma(x, w3, c33);
            }
            if (TRows.Value > 4)
            {
                V x = V.Broadcast(a3[aRowFloats]);
                c40 = V.Fma(x, w0, c40);
                if (TVectors.Value > 1) c41 = V.Fma(x, w1, c41);
                if (TVectors.Value > 2) c42 = V.Fma(x, w2, c42);
                if (TVectors.Value > 3) c43 = V.Fma(x, w3, c43);
            }
            if (TRows.Value > 5)
            {
                V x = V.Broadcast(a3[twoRows]);
                c50 = V.Fma(x, w0, c50);
                if (TVectors.Value > 1) c51 = V.Fma(x, w1, c51);
                if (TVectors.Value > 2) c52 = V.Fma(x, w2, c52);
                if (TVectors.Value > 3) c53 = V.Fma(x, w3, c53);
            }
        }

        {
            float* row = c;
            V.Store(c00, row);
            if (TVectors.Value > 1) V.Store(c01, row + V.Count);
            if (TVectors.Value > 2) V.Store(c02, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c03, row + 3 * V.Count);
        }
        if (TRows.Value > 1)
        {
            float* row = c + 1 * cRowFloats;
            V.Store(c10, row);
            if (TVectors.Value > 1) V.Store(c11, row + V.Count);
            if (TVectors.Value > 2) V.Store(c12, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c13, row + 3 * V.Count);
        }
        if (TRows.Value > 2)
        {
            float* row = c + 2 * cRowFloats;
            V.Store(c20, row);
            if (TVectors.Value > 1) V.Store(c21, row + V.Count);
            if (TVectors.Value > 2) V.Store(c22, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c23, row + 3 * V.Count);
        }
        if (TRows.Value > 3)
        {
            float* row = c + 3 * cRowFloats;
            V.Store(c30, row);
            if (TVectors.Value > 1) V.Store(c31, row + V.Count);
            if (TVectors.Value > 2) V.Store(c32, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c33, row + 3 * V.Count);
        }
        if (TRows.Value > 4)
        {
            float* row = c + 4 * cRowFloats;
            V.Store(c40, row);
            if (TVectors.Value > 1) V.Store(c41, row + V.Count);
            if (TVectors.Value > 2) V.Store(c42, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c43, row + 3 * V.Count);
        }
        if (TRows.Value > 5)
        {
            float* row = c + 5 * cRowFloats;
            V.Store(c50, row);
            if (TVectors.Value > 1) V.Store(c51, row + V.Count);
            if (TVectors.Value > 2) V.Store(c52, row + 2 * V.Count);
            if (TVectors.Value > 3) V.Store(c53, row + 3 * V.Count);
        }
    }
}
