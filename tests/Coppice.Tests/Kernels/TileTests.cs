using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed unsafe class TileTests
{
    private const int MaxK = 70, Step = 80, ARow = 75, CRow = 68, MaxRows = 13;

    [Theory]
    [InlineData(128)]
    [InlineData(256)]
    [InlineData(512)]
    public void Every_width_gives_the_bits_of_the_reference_for_every_shape(int width)
    {
        float[] a = Levels.Random(MaxRows * ARow, 1), b = Levels.Random(MaxK * Step, 2), start = Levels.Random(MaxRows * CRow, 3);
        float[] expected = new float[start.Length], actual = new float[start.Length];
        fixed (float* pa = a, pb = b, pe = expected, pc = actual)
        {
            // Units out of order, as pages lie in a cache.
            var columns = new TileColumns(pb + 48, pb, pb + 32, pb + 16, Step);
            for (int rows = 1; rows <= MaxRows; rows++)
                for (int units = 1; units <= Tile.MaxUnits; units++)
                    for (int k = 0; k <= MaxK; k += k < 20 ? 1 : 7)
                        foreach (bool add in new[] { false, true })
                        {
                            start.CopyTo(expected, 0);
                            start.CopyTo(actual, 0);
                            Tile.Reference(pa, ARow, rows, columns, units, k, pe, CRow, add);
                            if (width == 512) Tile.Simd512(pa, ARow, rows, columns, units, k, pc, CRow, add);
                            else if (width == 256) Tile.Simd256(pa, ARow, rows, columns, units, k, pc, CRow, add);
                            else Tile.Simd128(pa, ARow, rows, columns, units, k, pc, CRow, add);
                            Levels.SameBits(expected, actual, $"rows {rows}, units {units}, k {k}, add {add}");
                        }
        }
    }

    [Fact]
    public void A_chain_cut_anywhere_in_k_has_the_same_bits()
    {
        float[] a = Levels.Random(7 * MaxK, 4), b = Levels.Random(MaxK * 64, 5), whole = new float[7 * 64], cut = new float[7 * 64];
        fixed (float* pa = a, pb = b, pw = whole, pc = cut)
        {
            Tile.Multiply(pa, MaxK, 7, TileColumns.SideBySide(pb, 64), 4, MaxK, pw, 64);
            for (int at = 0; at <= MaxK; at++)
            {
                Tile.Multiply(pa, MaxK, 7, TileColumns.SideBySide(pb, 64), 4, at, pc, 64);
                Tile.MultiplyAdd(pa + at, MaxK, 7, TileColumns.SideBySide(pb + at * 64, 64), 4, MaxK - at, pc, 64);
                Levels.SameBits(whole, cut, $"cut at {at}");
            }
        }
    }

    [Fact]
    public void A_row_has_the_same_bits_alone_and_in_company()
    {
        float[] a = Levels.Random(MaxRows * MaxK, 6), b = Levels.Random(MaxK * 64, 7), all = new float[MaxRows * 64], one = new float[64];
        fixed (float* pa = a, pb = b, pall = all, pone = one)
        {
            Tile.Multiply(pa, MaxK, MaxRows, TileColumns.SideBySide(pb, 64), 4, MaxK, pall, 64);
            for (int r = 0; r < MaxRows; r++)
            {
                Tile.Multiply(pa + r * MaxK, 0, 1, TileColumns.SideBySide(pb, 64), 4, MaxK, pone, 64);
                Levels.SameBits(all.AsSpan(r * 64, 64), one, $"row {r}");
            }
        }
    }

    [Fact]
    public void The_product_is_right()
    {
        float[] a = Levels.Random(5 * 33, 8), b = Levels.Random(33 * 32, 9), c = new float[5 * 32];
        fixed (float* pa = a, pb = b, pc = c) Tile.Multiply(pa, 33, 5, TileColumns.SideBySide(pb, 32), 2, 33, pc, 32);
        for (int r = 0; r < 5; r++)
            for (int j = 0; j < 32; j++)
            {
                double sum = 0;
                for (int i = 0; i < 33; i++) sum += (double)a[r * 33 + i] * b[i * 32 + j];
                Assert.Equal(sum, c[r * 32 + j], 1e-5);
            }
    }
}
