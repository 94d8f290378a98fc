using System.Runtime.CompilerServices;

namespace Coppice.Kernels;

/// <summary>
/// The right operand of <see cref="Tile"/>: up to four units of 16 columns, each at its own address, element k of a unit
/// <paramref name="stepFloats"/> · k floats further. Weight panels put the four side by side; pages of keys each hold one.
/// </summary>
internal readonly unsafe struct TileColumns(float* unit0, float* unit1, float* unit2, float* unit3, nint stepFloats)
{
    public readonly float* Unit0 = unit0;
    public readonly float* Unit1 = unit1;
    public readonly float* Unit2 = unit2;
    public readonly float* Unit3 = unit3;
    public readonly nint StepFloats = stepFloats;

    /// <summary>Units side by side: rows of <paramref name="stepFloats"/> floats of which 16 · units are used.</summary>
    public static TileColumns SideBySide(float* b, nint stepFloats) => new(b, b + Tile.UnitFloats, b + 2 * Tile.UnitFloats, b + 3 * Tile.UnitFloats, stepFloats);

    public float* this[int unit] => unit switch { 0 => Unit0, 1 => Unit1, 2 => Unit2, _ => Unit3 };
}

/// <summary>
/// The matrix product that everything is made of: C[r, j] = Σ_k A[r, k] · B[k, j] for any number of rows and 16 to 64 columns.
/// Each element is one chain of fused multiply-adds over ascending k, so its bits depend neither on the instruction set nor on how rows
/// and columns are cut; and because C is f32 in memory as in registers, a chain may be cut anywhere in k and continued by MultiplyAdd.
/// C must not overlap A or B.
/// </summary>
internal static unsafe class Tile
{
    public const int UnitFloats = 16;
    public const int MaxUnits = 4;
    public const int MaxRows = 6;

    /// <summary>C = A · B.</summary>
    /// <param name="a">[rows][k], rows <paramref name="aRowFloats"/> apart.</param>
    /// <param name="aRowFloats">May be 0 for one row.</param>
    /// <param name="rows">Any number.</param>
    /// <param name="b">[k][16 · units].</param>
    /// <param name="units">1 to 4; only these of <paramref name="b"/> are read.</param>
    /// <param name="k">0 gives zeros.</param>
    /// <param name="c">[rows][16 · units], rows <paramref name="cRowFloats"/> apart. All 16 · units columns are written.</param>
    /// <param name="cRowFloats">At least 16 · units.</param>
    public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats)
    {
        if (Isa.Width >= 512) Simd512(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: false);
        else if (Isa.Width >= 256) Simd256(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: false);
        else if (Isa.Width >= 128) Simd128(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: false);
        else Reference(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: false);
    }

    /// <summary>C += A · B, the chains going on from what C holds. Otherwise as <see cref="Multiply"/>.</summary>
    public static void MultiplyAdd(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats)
    {
        if (Isa.Width >= 512) Simd512(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: true);
        else if (Isa.Width >= 256) Simd256(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: true);
        else if (Isa.Width >= 128) Simd128(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: true);
        else Reference(a, aRowFloats, rows, b, units, k, c, cRowFloats, add: true);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add)
    {
        for (int r = 0; r < rows; r++)
        {
            for (int j = 0; j < units * UnitFloats; j++)
            {
                float* column = b[j / UnitFloats] + j % UnitFloats;
                float sum = add ? c[r * cRowFloats + j] : 0f;
                for (int i = 0; i < k; i++) sum = MathF.FusedMultiplyAdd(a[r * aRowFloats + i], column[i * b.StepFloats], sum);
                c[r * cRowFloats + j] = sum;
            }
        }
    }

    internal static void Simd512(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add)
    {
        for (int blocks = Blocks(rows); blocks > 0; blocks--)
        {
            int take = BlockRows(rows, blocks);
            switch (units)
            {
                case 1: Rows<F512, N1>(take, a, aRowFloats, b.Unit0, null, null, null, b.StepFloats, k, c, cRowFloats, add); break;
                case 2: Rows<F512, N2>(take, a, aRowFloats, b.Unit0, b.Unit1, null, null, b.StepFloats, k, c, cRowFloats, add); break;
                case 3: Rows<F512, N3>(take, a, aRowFloats, b.Unit0, b.Unit1, b.Unit2, null, b.StepFloats, k, c, cRowFloats, add); break;
                default: Rows<F512, N4>(take, a, aRowFloats, b.Unit0, b.Unit1, b.Unit2, b.Unit3, b.StepFloats, k, c, cRowFloats, add); break;
            }
            a += take * aRowFloats;
            c += take * cRowFloats;
            rows -= take;
        }
    }

    // 16 registers hold 6 rows by 2 vectors; one or two rows take 4 vectors, to have enough chains in flight.
    internal static void Simd256(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add)
    {
        for (int blocks = Blocks(rows); blocks > 0; blocks--)
        {
            int take = BlockRows(rows, blocks), u = 0;
            if (take <= 2)
                for (; u <= units - 2; u += 2) Rows<F256, N4>(take, a, aRowFloats, b[u], b[u] + 8, b[u + 1], b[u + 1] + 8, b.StepFloats, k, c + u * UnitFloats, cRowFloats, add);
            for (; u < units; u++) Rows<F256, N2>(take, a, aRowFloats, b[u], b[u] + 8, null, null, b.StepFloats, k, c + u * UnitFloats, cRowFloats, add);
            a += take * aRowFloats;
            c += take * cRowFloats;
            rows -= take;
        }
    }

    internal static void Simd128(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add)
    {
        for (int blocks = Blocks(rows); blocks > 0; blocks--)
        {
            int take = BlockRows(rows, blocks);
            for (int u = 0; u < units; u++)
            {
                float* at = b[u], to = c + u * UnitFloats;
                if (take <= 2)
                {
                    Rows<F128, N4>(take, a, aRowFloats, at, at + 4, at + 8, at + 12, b.StepFloats, k, to, cRowFloats, add);
                    continue;
                }
                Rows<F128, N2>(take, a, aRowFloats, at, at + 4, null, null, b.StepFloats, k, to, cRowFloats, add);
                Rows<F128, N2>(take, a, aRowFloats, at + 8, at + 12, null, null, b.StepFloats, k, to + 8, cRowFloats, add);
            }
            a += take * aRowFloats;
            c += take * cRowFloats;
            rows -= take;
        }
    }

    // Rows are dealt out evenly: 7 as 4 + 3 and not as 6 + 1, since a single row has too few chains to fill the pipeline.
    private static int Blocks(int rows) => (rows + MaxRows - 1) / MaxRows;
    private static int BlockRows(int rows, int blocks) => (rows + blocks - 1) / blocks;

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Rows<V, TVectors>(int rows, float* a, nint aRowFloats, float* b0, float* b1, float* b2, float* b3, nint bStepFloats, int k, float* c, nint cRowFloats, bool add)
        where V : struct, ILanes<V> where TVectors : struct, ICount
    {
        switch (rows)
        {
            case 1: RegisterTile<V, N1, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
            case 2: RegisterTile<V, N2, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
            case 3: RegisterTile<V, N3, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
            case 4: RegisterTile<V, N4, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
            case 5: RegisterTile<V, N5, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
            default: RegisterTile<V, N6, TVectors>.Run(a, aRowFloats, b0, b1, b2, b3, bStepFloats, k, c, cRowFloats, add); break;
        }
    }
}
