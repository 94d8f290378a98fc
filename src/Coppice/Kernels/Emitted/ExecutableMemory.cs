using System.ComponentModel;
using System.Runtime.InteropServices;

namespace Coppice.Kernels.Emitted;

/// <summary>
/// Machine code that lives as long as the process. It is written first and made executable then: memory is never both at once.
/// The calls are the system's own, since .NET has none for it.
/// </summary>
internal static unsafe partial class ExecutableMemory
{
    private const int ReadWrite = 1 | 2, ReadExecute = 1 | 4;                       // PROT_READ, PROT_WRITE, PROT_EXEC
    private const int Private = 0x02, AnonymousLinux = 0x20, AnonymousMac = 0x1000; // MAP_PRIVATE, MAP_ANONYMOUS
    private const uint Commit = 0x1000, Reserve = 0x2000, Release = 0x8000;         // MEM_*
    private const uint PageReadWrite = 0x04, PageExecuteRead = 0x20;                // PAGE_*

    /// <summary>Where <paramref name="code"/> can be called.</summary>
    /// <exception cref="Win32Exception">The system refuses, as hardened ones do.</exception>
    public static nint Load(ReadOnlySpan<byte> code)
    {
        nuint bytes = ((nuint)code.Length + (nuint)Environment.SystemPageSize - 1) / (nuint)Environment.SystemPageSize * (nuint)Environment.SystemPageSize;
        return OperatingSystem.IsWindows() ? LoadWindows(code, bytes) : LoadUnix(code, bytes);
    }

    private static nint LoadUnix(ReadOnlySpan<byte> code, nuint bytes)
    {
        nint memory = Map(0, bytes, ReadWrite, Private | (OperatingSystem.IsMacOS() ? AnonymousMac : AnonymousLinux), -1, 0);
        if (memory == -1) throw new Win32Exception(Marshal.GetLastPInvokeError());
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (Protect(memory, bytes, ReadExecute) == 0) return memory;
        int error = Marshal.GetLastPInvokeError();
        _ = Unmap(memory, bytes);
        throw new Win32Exception(error);
    }

    private static nint LoadWindows(ReadOnlySpan<byte> code, nuint bytes)
    {
        nint memory = VirtualAlloc(0, bytes, Commit | Reserve, PageReadWrite);
        if (memory == 0) throw new Win32Exception(Marshal.GetLastPInvokeError());
        code.CopyTo(new Span<byte>((void*)memory, code.Length));
        if (VirtualProtect(memory, bytes, PageExecuteRead, out _) != 0 && FlushInstructionCache(-1, memory, bytes) != 0) return memory;
        int error = Marshal.GetLastPInvokeError();
        _ = VirtualFree(memory, 0, Release);
        throw new Win32Exception(error);
    }

    [LibraryImport("libc", EntryPoint = "mmap", SetLastError = true)]
    private static partial nint Map(nint at, nuint bytes, int protection, int flags, int file, nint offset);

    [LibraryImport("libc", EntryPoint = "mprotect", SetLastError = true)]
    private static partial int Protect(nint at, nuint bytes, int protection);

    [LibraryImport("libc", EntryPoint = "munmap", SetLastError = true)]
    private static partial int Unmap(nint at, nuint bytes);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial nint VirtualAlloc(nint at, nuint bytes, uint type, uint protection);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualProtect(nint at, nuint bytes, uint protection, out uint old);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int VirtualFree(nint at, nuint bytes, uint type);

    [LibraryImport("kernel32", SetLastError = true)]
    private static partial int FlushInstructionCache(nint process, nint at, nuint bytes);
}
