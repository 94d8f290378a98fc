using System.Runtime.InteropServices;

namespace Coppice.Kernels.Emitted;

/// <summary>What the emitted kernels of <see cref="Q8_0"/> are called with: the emitted code reads these fields at their offsets.</summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct Q8Arguments
{
    public const int AtConfiguration = 0, AtA = 64, AtB = 72, AtBlocks = 80, AtC = 88, AtCRowBytes = 96, AtAdd = 104, AtSums = 112, AtPrefetch = 120, AtPrefetchLines = 128, AtRow = 136, AtTiles = 144, AtTileBytes = 152, AtTilePrefetch = 160, AtTilePrefetchBytes = 168;

    [FieldOffset(AtConfiguration)] public fixed byte Configuration[64];
    [FieldOffset(AtA)] public byte* A;
    [FieldOffset(AtB)] public byte* B;
    [FieldOffset(AtBlocks)] public nint Blocks;
    [FieldOffset(AtC)] public float* C;
    [FieldOffset(AtCRowBytes)] public nint CRowBytes;

    /// <summary>0: the sums begin at zero; else they go on from what C holds.</summary>
    [FieldOffset(AtAdd)] public nint Add;

    /// <summary>4 KiB, where integer sums pass from tile registers to vectors.</summary>
    [FieldOffset(AtSums)] public int* Sums;

    /// <summary>What is fetched ahead, so many cache lines with every block (or group of blocks).</summary>
    [FieldOffset(AtPrefetch)] public byte* Prefetch;
    [FieldOffset(AtPrefetchLines)] public nint PrefetchLines;

    /// <summary>The first row within the row tile.</summary>
    [FieldOffset(AtRow)] public nint Row;

    /// <summary>Row tiles of 16 rows, one after another; what is fetched ahead begins, for the next of them, so many bytes further.</summary>
    [FieldOffset(AtTiles)] public nint Tiles;
    [FieldOffset(AtTileBytes)] public nint TileBytes;
    [FieldOffset(AtTilePrefetch)] public byte* TilePrefetch;
    [FieldOffset(AtTilePrefetchBytes)] public nint TilePrefetchBytes;
}
