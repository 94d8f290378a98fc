using System.Runtime.InteropServices;

namespace Coppice.Memory;

/// <summary>
/// Asks the system to back memory with pages of 2 MiB. What is read line by line from all over a cache would else spend much of its
/// time on looking up addresses. Linux only, and a wish: nothing else depends on it.
/// </summary>
internal static unsafe partial class LargePages
{
    private const nuint PageBytes = 2 << 20;
    private const int Wanted = 14;      // MADV_HUGEPAGE

    public static void Ask(void* memory, long bytes)
    {
        if (!OperatingSystem.IsLinux()) return;
        nuint first = ((nuint)memory + PageBytes - 1) & ~(PageBytes - 1), end = ((nuint)memory + (nuint)bytes) & ~(PageBytes - 1);
        if (first < end) _ = Advise((void*)first, end - first, Wanted);
    }

    [LibraryImport("libc", EntryPoint = "madvise")]
    private static partial int Advise(void* address, nuint bytes, int advice);
}
