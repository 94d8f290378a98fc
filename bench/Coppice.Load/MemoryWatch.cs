using System.Diagnostics;

namespace Coppice.Load;

/// <summary>Looks at the process's memory while a load runs. The first third warms up; what the last third has more than the second is a leak.</summary>
internal sealed class MemoryWatch
{
    private const long Noise = 64 << 20;

    private static readonly TimeSpan s_period = TimeSpan.FromSeconds(1);

    private readonly List<(long Resident, long Managed)> _samples = [];

    public async Task WatchAsync(CancellationToken cancellation)
    {
        while (!cancellation.IsCancellationRequested)
        {
            using (Process self = Process.GetCurrentProcess()) _samples.Add((self.WorkingSet64, GC.GetGCMemoryInfo().HeapSizeBytes));
            await Task.Delay(s_period, cancellation).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>Whether it stayed flat.</returns>
    public bool Print()
    {
        int third = _samples.Count / 3;
        if (third == 0) return true;
        (long Resident, long Managed) middle = Most(_samples[third..^third]), end = Most(_samples[^third..]);
        Console.WriteLine($"resident memory            {middle.Resident >> 20:N0} MiB at most in the second third, {end.Resident >> 20:N0} MiB in the last; managed {middle.Managed >> 20:N0} and {end.Managed >> 20:N0} MiB");
        return end.Resident <= middle.Resident * 11 / 10 + Noise;

        static (long, long) Most(List<(long Resident, long Managed)> samples) => (samples.Max(s => s.Resident), samples.Max(s => s.Managed));
    }
}
