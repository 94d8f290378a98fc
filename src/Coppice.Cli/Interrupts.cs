using System.Runtime.InteropServices;

namespace Coppice.Cli;

/// <summary>
/// Ctrl+C and SIGTERM. The first asks the command to stop and keep what is finished; the second ends the process at once.
/// A command that does one thing after another may have its Ctrl+C stop only the one that it is at.
/// </summary>
internal sealed class Interrupts
{
    private readonly Lock _lock = new();
    private CancellationTokenSource? _part;   // what the next Ctrl+C stops instead of the command

    /// <param name="grace">How long the command may take to wind up.</param>
    /// <param name="command">Runs until it ends or is cancelled; gives the exit code.</param>
    public static async Task<int> RunAsync(TimeSpan grace, Func<Interrupts, CancellationToken, Task<int>> command)
    {
        using CancellationTokenSource stop = new();
        Interrupts interrupts = new();
        void OnSignal(PosixSignalContext signal)
        {
            if (stop.IsCancellationRequested) return;   // not cancelled: the system's default action ends the process
            signal.Cancel = true;
            if (signal.Signal != PosixSignal.SIGINT || !interrupts.TryStopPart()) stop.Cancel();
        }
        using PosixSignalRegistration interrupt = PosixSignalRegistration.Create(PosixSignal.SIGINT, OnSignal);
        using PosixSignalRegistration terminate = PosixSignalRegistration.Create(PosixSignal.SIGTERM, OnSignal);

        Task<int> running = Task.Run(() => command(interrupts, stop.Token));
        Task stopped = Task.Delay(Timeout.Infinite, stop.Token);
        if (await Task.WhenAny(running, stopped) == stopped)
            await Task.WhenAny(running, Task.Delay(grace, CancellationToken.None));
        return running.IsCompleted ? await running : ExitCodes.Interrupted;
    }

    /// <summary>Until it is disposed, the next Ctrl+C cancels this part and not the command.</summary>
    public Part Begin(CancellationToken command)
    {
        CancellationTokenSource part = CancellationTokenSource.CreateLinkedTokenSource(command);
        lock (_lock) _part = part;
        return new Part(this, part);
    }

    /// <summary>False where there is no part, or it has been stopped already.</summary>
    internal bool TryStopPart()
    {
        lock (_lock)
        {
            if (_part is not { IsCancellationRequested: false }) return false;
            _part.Cancel();
            return true;
        }
    }

    internal sealed class Part(Interrupts owner, CancellationTokenSource source) : IDisposable
    {
        public CancellationToken Token => source.Token;

        public void Dispose()
        {
            lock (owner._lock)
            {
                owner._part = null;
                source.Dispose();
            }
        }
    }
}
