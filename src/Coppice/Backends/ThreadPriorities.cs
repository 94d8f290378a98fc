using System.Runtime.InteropServices;

namespace Coppice.Backends;

/// <summary>Lets the threads that compute steps go before another thread.</summary>
internal static partial class ThreadPriorities
{
    private const int OfThread = 0, Niceness = 10;      // PRIO_PROCESS, which is one thread on Linux

    /// <summary>Puts the calling thread behind others that want to run. Where the system refuses, it stays where it is.</summary>
    public static void LowerOwn()
    {
        if (OperatingSystem.IsLinux()) _ = setpriority(OfThread, 0, Niceness);      // the runtime leaves priorities alone there
        else Thread.CurrentThread.Priority = ThreadPriority.BelowNormal;
    }

    [LibraryImport("libc")]
    private static partial int setpriority(int which, uint who, int priority);
}
