using System.Globalization;
using Coppice.Backends;

namespace Coppice.Tests.Kernels;

public sealed class ThreadAffinityTests
{
    [Fact]
    public void A_pinned_thread_may_use_one_core_and_its_neighbours_keep_theirs()
    {
        if (!OperatingSystem.IsLinux()) return;
        string before = Allowed(), inside = "", other = "";
        Thread thread = new(() =>
        {
            Assert.True(ThreadAffinity.TryPin(Environment.ProcessorCount + 1));
            inside = Allowed();
        });
        thread.Start();
        thread.Join();
        other = Allowed();
        Assert.Equal(before, other);
        Assert.True(int.TryParse(inside, CultureInfo.InvariantCulture, out _), $"One core, not '{inside}'.");
    }

    private static string Allowed() => File.ReadLines("/proc/thread-self/status").First(line => line.StartsWith("Cpus_allowed_list:", StringComparison.Ordinal)).Split('\t')[1];
}
