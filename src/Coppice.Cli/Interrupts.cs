using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>The first Ctrl+C (or SIGTERM) asks the command to stop and keep what is finished; the second ends the process at once.</summary>
internal static class Interrupts
{
    /// <summary>How long a command may take to wind up: the engine ends cancelled requests at its next step. A server bounds it itself, by --drain.</summary>
    public static TimeSpan GraceOf(string[] arguments) => arguments is ["serve", ..] ? Timeout.InfiniteTimeSpan : TimeSpan.FromSeconds(10);

    public static async Task<int> RunAsync(TimeSpan grace, Func<CancellationToken, Task<int>> command)
    {
        using CancellationTokenSource stop = new();
        void OnSignal(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested) return;   // not cancelled: the system's default action ends the process
            signal.Cancel = true;
            stop.Cancel();
        }
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

        Task<int> running = Task.Run(() => command(stop.Token));
        Task stopped = Task.Delay(Timeout.Infinite, stop.Token);
        if (await Task.WhenAny(running, stopped) == stopped)
            await Task.WhenAny(running, Task.Delay(grace, CancellationToken.None));
        return running.IsCompleted ? await running : ExitCodes.Interrupted;
    }
}
