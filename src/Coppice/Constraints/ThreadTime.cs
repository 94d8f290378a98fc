using System.Diagnostics;
using System.Runtime.InteropServices;

namespace Coppice.Constraints;

/// <summary>Processor time of the calling thread, so that a busy machine refuses nothing that an idle one takes; elsewhere than on Linux and macOS the time of day.</summary>
internal static partial class ThreadTime
{
    public static TimeSpan Now
    {
        get
        {
            int clock = OperatingSystem.IsLinux() ? 3 : OperatingSystem.IsMacOS() ? 16 : -1;   // CLOCK_THREAD_CPUTIME_ID
            return clock >= 0 && GetTime(clock, out TimeOfClock time) == 0
                ? new TimeSpan((time.Seconds * TimeSpan.TicksPerSecond) + (time.Nanoseconds / TimeSpan.NanosecondsPerTick))
                : Stopwatch.GetElapsedTime(0);
        }
    }

    [LibraryImport("libc", EntryPoint = "clock_gettime")]
    private static partial int GetTime(int clock, out TimeOfClock time);

    [StructLayout(LayoutKind.Sequential)]
    private struct TimeOfClock
    {
        public nint Seconds;
        public nint Nanoseconds;
    }
}
