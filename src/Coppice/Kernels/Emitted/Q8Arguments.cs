using System.Runtime.InteropServices;

namespace Coppice.Kernels.Emitted;

/// <summary>What the emitted kernels of <see cref="Q8_0"/> are called with: the emitted code reads these fields at their offsets.</summary>
[StructLayout(LayoutKind.Explicit)]
internal unsafe struct Q8Arguments
{
    public const int AtConfiguration = 0, AtA = 64, AtB = 72, AtBlocks = 80, AtC = 88, AtCRowBytes = 96, AtAdd = 104, AtSums = 112;

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
}
