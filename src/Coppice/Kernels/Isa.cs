using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels;

/// <summary>
/// The one place that asks the CPU. The level is fixed when the process starts: what the hardware offers, or what COPPICE_ISA says.
/// Every level gives the same bits in f32; the level only decides the speed.
/// </summary>
internal static class Isa
{
    /// <summary>The environment variable: scalar, 128, 256, 512 or native.</summary>
    public const string Variable = "COPPICE_ISA";

    /// <summary>The widest vector the hardware has, in bits; 0 where it has none.</summary>
    public static readonly int Native =
        Vector512.IsHardwareAccelerated ? 512 :
        Vector256.IsHardwareAccelerated ? 256 :
        Vector128.IsHardwareAccelerated ? 128 : 0;

    private static readonly string? Asked = Environment.GetEnvironmentVariable(Variable);

    /// <summary>Vector bits in force; 0 means the scalar reference. A level above <see cref="Native"/> runs, slowly, on narrower vectors.</summary>
    public static readonly int Width = TryParse(Asked, out int width) ? width : Native;

    /// <summary>AVX512_BF16: vdpbf16ps on 512 bits.</summary>
    public static readonly bool HasBf16Dot = Avx512BW.IsSupported && (X86Base.CpuId(7, 1).Eax >> 5 & 1) != 0;

    /// <summary>A vdpbf16ps for every f32 multiply-add, so twice the operations: AMD's processors (Zen 4 and 5). Intel's begin one in the time of four.</summary>
    public static readonly bool HasFastBf16Dot = HasBf16Dot && X86Base.CpuId(0, 0) is { Ebx: 0x68747541, Edx: 0x69746E65, Ecx: 0x444D4163 };     // AuthenticAMD

    /// <summary>AVX512_VNNI: vpdpbusd on 512 bits.</summary>
    public static readonly bool HasInt8Dot = Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx >> 11 & 1) != 0;

    /// <summary>GFNI: a matrix of bits by every byte of a vector.</summary>
    public static readonly bool HasBitMatrix = Avx512BW.IsSupported && (X86Base.CpuId(7, 0).Ecx >> 8 & 1) != 0;

    /// <summary>AVX_VNNI: vpdpbusd on 256 bits.</summary>
    public static readonly bool HasInt8Dot256 = AvxVnni.IsSupported;

    /// <summary>AMX-TILE and AMX-BF16: tdpbf16ps. Whether the system lets a process use it is another question: <see cref="Emitted.MatrixUnit"/>.</summary>
    public static readonly bool HasMatrixBf16 = X86Base.IsSupported && (X86Base.CpuId(7, 0).Edx >> 22 & 5) == 5;

    /// <summary>AMX-TILE and AMX-INT8: tdpbssd.</summary>
    public static readonly bool HasMatrixInt8 = X86Base.IsSupported && (X86Base.CpuId(7, 0).Edx >> 24 & 3) == 3;

    /// <summary>The level is the hardware's own, nothing was asked for: what goes beyond 512-bit vectors may run.</summary>
    public static readonly bool Unforced = Asked is null or "" or "native";

    /// <summary>A wrong value must not fail as a type initialiser would, so the start of an engine asks here.</summary>
    /// <exception cref="ArgumentException">COPPICE_ISA is none of its values.</exception>
    public static void ThrowIfUnknown() => ThrowIfUnknown(Asked);

    internal static void ThrowIfUnknown(string? asked)
    {
        if (!TryParse(asked, out _))
            throw new ArgumentException($"{Variable} is '{asked}' and must be scalar, 128, 256, 512 or native. Correct it or unset it.", nameof(asked));
    }

    internal static bool TryParse(string? asked, out int width)
    {
        (bool known, width) = asked switch
        {
            null or "" or "native" => (true, Native),
            "scalar" => (true, 0),
            "128" => (true, 128),
            "256" => (true, 256),
            "512" => (true, 512),
            _ => (false, 0),
        };
        return known;
    }

    /// <summary>Asks for a cache line ahead of its use; any address is allowed.</summary>
    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    public static unsafe void PrefetchToSecondLevel(void* address)
    {
        if (Sse.IsSupported) Sse.Prefetch1(address);
    }

    /// <summary>One line for people: the level in force and why.</summary>
    public static string Describe()
    {
        string level = Width == 0 ? "scalar" : $"{Width}-bit vectors";
        string why = string.IsNullOrEmpty(Asked) ? "native" : $"{Variable}={Asked}";
        string note = Width > Native ? $", emulated: the CPU has {(Native == 0 ? "no vectors" : $"{Native} bits")}" : "";
        return $"{level} ({why}{note})";
    }
}
