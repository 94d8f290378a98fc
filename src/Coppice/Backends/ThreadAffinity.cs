using System.Runtime.InteropServices;

namespace Coppice.Backends;

/// <summary>Binds the calling thread to one of the cores that the process may use. Linux and Windows; elsewhere the system does not offer it.</summary>
internal static unsafe partial class ThreadAffinity
{
    private const int MaskWords = 16;      // 1,024 cores

    public static bool IsSupported => OperatingSystem.IsLinux() || OperatingSystem.IsWindows();

    /// <param name="index">Which of the allowed cores, in their order; counted round if there are fewer.</param>
    /// <returns>False if the system refuses.</returns>
    public static bool TryPin(int index)
    {
        ulong* mask = stackalloc ulong[MaskWords];
        new Span<ulong>(mask, MaskWords).Clear();
        if (OperatingSystem.IsLinux())
        {
            if (sched_getaffinity(0, MaskWords * sizeof(ulong), mask) != 0 || !Keep(mask, index)) return false;
            return sched_setaffinity(0, MaskWords * sizeof(ulong), mask) == 0;
        }

        if (!OperatingSystem.IsWindows() || GetProcessAffinityMask(GetCurrentProcess(), out nuint process, out _) == 0) return false;
        mask[0] = process;
        return Keep(mask, index) && SetThreadAffinityMask(GetCurrentThread(), (nuint)mask[0]) != 0;
    }

    /// <summary>Leaves only one of the mask's bits.</summary>
    private static bool Keep(ulong* mask, int index)
    {
        int count = 0;
        for (int word = 0; word < MaskWords; word++) count += System.Numerics.BitOperations.PopCount(mask[word]);
        if (count == 0) return false;
        index %= count;
        for (int bit = 0; bit < MaskWords * 64; bit++)
        {
            ulong one = 1UL << (bit % 64);
            if ((mask[bit / 64] & one) == 0) continue;
            if (index-- != 0) mask[bit / 64] &= ~one;
        }

        return true;
    }

    [LibraryImport("libc")]
    private static partial int sched_getaffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("libc")]
    private static partial int sched_setaffinity(int thread, nuint bytes, ulong* mask);

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentProcess();

    [LibraryImport("kernel32")]
    private static partial nint GetCurrentThread();

    [LibraryImport("kernel32")]
    private static partial int GetProcessAffinityMask(nint process, out nuint processMask, out nuint systemMask);

    [LibraryImport("kernel32")]
    private static partial nuint SetThreadAffinityMask(nint thread, nuint mask);
}
