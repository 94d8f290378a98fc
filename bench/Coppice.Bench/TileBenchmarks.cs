using BenchmarkDotNet.Attributes;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Coppice.Memory;

namespace Coppice.Bench;

/// <summary>The register tiles over operands in the first-level cache: 6 rows by 64 columns by 64 lanes, 49,152 lane operations.</summary>
public unsafe class TileBenchmarks : IDisposable
{
    private const int Rows = 6, Lanes = 64, Columns = Tile.UnitFloats * Tile.MaxUnits;

    private readonly AlignedBuffer _a = Operands.Random(Rows * Lanes, 1), _b = Operands.Random(Lanes * Columns, 2), _c = new(Rows * Columns * sizeof(float));

    /// <summary>Managed vectors at the level in force.</summary>
    [Benchmark(Baseline = true)]
    public void Managed() => Tile.Multiply(_a.Floats, Lanes, Rows, TileColumns.SideBySide(_b.Floats, Columns), Tile.MaxUnits, Lanes, _c.Floats, Columns);

    /// <summary>vfmadd231ps.</summary>
    [Benchmark]
    public void EmittedF32() => Emitted(DotFormat.F32);

    /// <summary>vdpbf16ps: twice the operations.</summary>
    [Benchmark]
    public void EmittedBf16() => Emitted(DotFormat.BF16);

    /// <summary>vpdpbusd: four times the operations.</summary>
    [Benchmark]
    public void EmittedInt8() => Emitted(DotFormat.Int8);

    /// <summary>Frees the operands.</summary>
    [GlobalCleanup]
    public void Dispose()
    {
        _a.Dispose();
        _b.Dispose();
        _c.Dispose();
    }

    private void Emitted(DotFormat format)
    {
        if (EmittedTile.Of(format) is not EmittedTile tile) throw new NotSupportedException(EmittedTile.Note(format));
        tile.Run(_a.Floats, Lanes, Rows, TileColumns.SideBySide(_b.Floats, Columns), Tile.MaxUnits, Lanes, _c.Floats, Columns, add: false);
    }
}
