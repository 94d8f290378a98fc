using Coppice.Kernels;
using Coppice.Kernels.Emitted;

namespace Coppice.Tests.Kernels.Emitted;

public sealed unsafe class EmittedTileTests
{
    private const int MaxK = 35, Step = 80, ARow = 40, CRow = 68, MaxRows = 13;

    [EmittedFact(DotFormat.F32)]
    public void Every_shape_of_the_f32_tile_has_the_bits_of_the_reference() => EveryShape(DotFormat.F32);

    [EmittedFact(DotFormat.BF16)]
    public void Every_shape_of_the_bf16_tile_has_the_bits_of_the_reference() => EveryShape(DotFormat.BF16);

    [EmittedFact(DotFormat.Int8)]
    public void Every_shape_of_the_int8_tile_has_the_bits_of_the_reference() => EveryShape(DotFormat.Int8);

    [EmittedFact(DotFormat.F32)]
    public void The_f32_tile_has_the_bits_of_the_managed_one()
    {
        EmittedTile tile = EmittedTile.Of(DotFormat.F32)!;
        float[] a = Levels.Random(7 * MaxK, 1), b = Levels.Random(MaxK * 64, 2), managed = new float[7 * 64], emitted = new float[7 * 64];
        fixed (float* pa = a, pb = b, pm = managed, pe = emitted)
        {
            Tile.Multiply(pa, MaxK, 7, TileColumns.SideBySide(pb, 64), 4, MaxK, pm, 64);
            tile.Run(pa, MaxK, 7, TileColumns.SideBySide(pb, 64), 4, MaxK, pe, 64, add: false);
        }
        Levels.SameBits(managed, emitted, "emitted");
    }

    [EmittedFact(DotFormat.BF16)]
    public void The_hardware_treats_numbers_below_the_normal_range_as_the_reference_does()
    {
        // bf16 pairs: denormal times one; the smallest normal times a half, which leaves the range; and c below it.
        (uint A, uint B, uint C)[] cases = [(0x0001_8001, 0x3F80_3F80, 0), (0x0080_8080, 0x3F00_3F80, 0), (0, 0, 0x0001_0000), (0, 0, 0x8001_0000), (0x0080_0080, 0x3F80_BF80, 0x0040_0000)];
        float* a = stackalloc float[1], b = stackalloc float[64], c = stackalloc float[64];
        foreach ((uint caseA, uint caseB, uint caseC) in cases)
        {
            *(uint*)a = caseA;
            new Span<uint>(b, 64).Fill(caseB);
            new Span<uint>(c, 64).Fill(caseC);
            EmittedTile.Of(DotFormat.BF16)!.Run(a, 0, 1, TileColumns.SideBySide(b, 64), 4, 1, c, 64, add: true);
            Assert.Equal(Dot.Reference(DotFormat.BF16, caseA, caseB, caseC), *(uint*)c);
        }
    }

    [Fact]
    public void A_format_runs_exactly_where_the_hardware_and_the_level_in_force_have_it()
    {
        bool wide = Isa.Width == 512 && Isa.Native == 512;
        Assert.Equal(wide, EmittedTile.Of(DotFormat.F32) is not null);
        Assert.Equal(wide && Isa.HasBf16Dot, EmittedTile.Of(DotFormat.BF16) is not null);
        Assert.Equal(wide && Isa.HasInt8Dot, EmittedTile.Of(DotFormat.Int8) is not null);
        foreach (DotFormat format in Enum.GetValues<DotFormat>())
            Assert.Contains(EmittedTile.Of(format) is null ? "managed" : "emitted", EmittedTile.Note(format), StringComparison.Ordinal);
    }

    [Fact]
    public void A_bf16_step_adds_the_odd_product_first_and_knows_no_denormals()
    {
        // c = 2^24, odd product 1, even product 1: each is lost by rounding to even, their sum of 2 would not be.
        uint one = 0x3F803F80;
        Assert.Equal(16777216f, Step32(one, one, 16777216f));
        Assert.Equal(0f, Step32(0, 0, 1e-40f));
        Assert.Equal(3f, Step32(one, one, 1f));

        static float Step32(uint a, uint b, float c) => BitConverter.UInt32BitsToSingle(Dot.Reference(DotFormat.BF16, a, b, BitConverter.SingleToUInt32Bits(c)));
    }

    [Fact]
    public void An_int8_step_takes_unsigned_a_and_signed_b() => Assert.Equal(unchecked((uint)(255 * -1 + 1 * 127 + 2 * 2 + 5)), Dot.Reference(DotFormat.Int8, 0x000201FF, 0x00027FFF, 5));

    private static void EveryShape(DotFormat format)
    {
        EmittedTile tile = EmittedTile.Of(format)!;
        uint[] a = Numbers(format, MaxRows * ARow, 1), b = Numbers(format, MaxK * Step, 2), start = Numbers(DotFormat.F32, MaxRows * CRow, 3);
        uint[] expected = new uint[start.Length], actual = new uint[start.Length];
        fixed (uint* pa = a, pb = b, pc = actual)
        {
            float* columns = (float*)pb;
            var units4 = new TileColumns(columns + 48, columns, columns + 32, columns + 16, Step);
            for (int rows = 1; rows <= MaxRows; rows++)
                for (int units = 1; units <= Tile.MaxUnits; units++)
                    foreach (int k in new[] { 0, 1, 2, 7, 16, MaxK })
                        foreach (bool add in new[] { false, true })
                        {
                            start.CopyTo(expected, 0);
                            start.CopyTo(actual, 0);
                            for (int r = 0; r < rows; r++)
                                for (int j = 0; j < units * Tile.UnitFloats; j++)
                                {
                                    uint sum = add ? expected[r * CRow + j] : 0;
                                    for (int i = 0; i < k; i++)
                                        sum = Dot.Reference(format, a[r * ARow + i], ((uint*)units4[j / Tile.UnitFloats])[i * Step + j % Tile.UnitFloats], sum);
                                    expected[r * CRow + j] = sum;
                                }
                            tile.Run((float*)pa, ARow, rows, units4, units, k, (float*)pc, CRow, add);
                            Assert.True(expected.AsSpan().SequenceEqual(actual), $"rows {rows}, units {units}, k {k}, add {add}");
                            start.CopyTo(actual, 0);
                            tile.Run((float*)pa, ARow, rows, units4, units, k, (float*)pc, CRow, add, (byte*)pb, prefetchStepBytes: 256);
                            Assert.True(expected.AsSpan().SequenceEqual(actual), $"rows {rows}, units {units}, k {k}, add {add}, much fetched ahead");
                        }
        }
    }

    private static uint[] Numbers(DotFormat format, int count, uint seed)
    {
        var lanes = new uint[count];
        fixed (uint* p = lanes) EmittedTile.Fill(format, p, count, seed);
        return lanes;
    }
}
