using System.Runtime.InteropServices;
using Iced.Intel;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// AMX: the unit that multiplies tiles of 16 rows of 64 bytes. A Linux process asks once before it touches the tile registers, since their
/// 8 KiB make signal frames larger; every thread may then use them. The tile registers live only inside one call of emitted code, which
/// configures and releases them: no managed code, and no stop for the garbage collector, ever sees them in use.
/// </summary>
internal static unsafe partial class MatrixUnit
{
    private const long ArchPrctl = 158, RequestPermission = 0x1023, TileData = 18; // SYS_arch_prctl, ARCH_REQ_XCOMP_PERM, XFEATURE_XTILEDATA

    private static readonly Lazy<string?> Refusal = new(Ask);

    /// <summary>Null where the tile registers may be used; else why not.</summary>
    public static string? WhyNot => Refusal.Value;

    /// <summary>Palette 1: a tile register's rows and the bytes of a row.</summary>
    public static void Shape(byte* configuration, int register, int rows, int rowBytes)
    {
        configuration[0] = 1;
        ((ushort*)(configuration + 16))[register] = (ushort)rowBytes;
        configuration[48 + register] = (byte)rows;
    }

    /// <summary>Loads what <paramref name="write"/> writes. The code is called with one pointer, in rdi.</summary>
    internal static nint Load(Action<Assembler> write)
    {
        var code = new Assembler(64);
        write(code);
        var bytes = new MemoryStream();
        code.Assemble(new StreamCodeWriter(bytes), 0);
        return ExecutableMemory.Load(bytes.ToArray());
    }

    private static string? Ask()
    {
        if (!Isa.Unforced || Isa.Native < 512) return $"the level in force is {Isa.Describe()}";
        if (!Isa.HasMatrixBf16 && !Isa.HasMatrixInt8) return "the CPU has no AMX";
        if (!OperatingSystem.IsLinux()) return "AMX is used on Linux only";
        return SystemCall(ArchPrctl, RequestPermission, TileData) == 0 ? null : $"the system refuses AMX (error {Marshal.GetLastPInvokeError()})";
    }

    [LibraryImport("libc", EntryPoint = "syscall", SetLastError = true)]
    private static partial long SystemCall(long number, long request, long feature);
}
