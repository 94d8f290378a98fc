using System.Diagnostics;
using System.Text;

namespace Coppice.Tests.Server;

/// <summary><c>coppice serve</c> as a process of its own, on a free port.</summary>
internal sealed class ServerProcess : IDisposable
{
    private readonly Process _process;
    private readonly StringBuilder _log = new();
    private readonly TaskCompletionSource<Uri> _address = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Task _reading;

    private ServerProcess(Process process) => (_process, _reading) = (process, ReadAsync(process));

    public HttpClient Client { get; } = new() { Timeout = Timeout.InfiniteTimeSpan };

    /// <summary>What it has said on stderr.</summary>
    public string Log
    {
        get
        {
            lock (_log) return _log.ToString();
        }
    }

    /// <param name="options">Of the command line.</param>
    /// <param name="before">A shell command in a mount namespace of the server's own, so that what it mounts ends with the server; null for none.</param>
    public static ServerProcess Start(string[] options, string? before = null)
    {
        string[] serve = [Path.Combine(AppContext.BaseDirectory, "Coppice.Cli.dll"), "serve", "--model", TestData.SampleModel, "--port", "0", "--kv-memory", "64MiB", "--threads", "1", .. options];
        ProcessStartInfo start = before is null ? new("dotnet", serve) : new("unshare", ["-m", "sh", "-c", before + " && exec dotnet \"$@\"", "sh", .. serve]);
        (start.UseShellExecute, start.RedirectStandardError) = (false, true);
        return new ServerProcess(Process.Start(start)!);
    }

    /// <summary>Waits until it listens.</summary>
    public async Task<ServerProcess> ListeningAsync()
    {
        Client.BaseAddress = await _address.Task;
        return this;
    }

    public async Task<HttpResponseMessage> PostAsync(string path, string json) =>
        await Client.SendAsync(new HttpRequestMessage(HttpMethod.Post, path) { Content = new StringContent(json, Encoding.UTF8, "application/json") }, HttpCompletionOption.ResponseHeadersRead);

    public void Signal(string name)
    {
        using Process kill = Process.Start("kill", [$"-{name}", $"{_process.Id}"]);
        kill.WaitForExit();
    }

    /// <summary>A shell command in the mount namespace of a server that was given one.</summary>
    public void InItsMounts(string command)
    {
        using Process shell = Process.Start(new ProcessStartInfo("nsenter", ["-t", $"{_process.Id}", "-m", "sh", "-c", command]) { UseShellExecute = false, RedirectStandardError = true })!;
        string errors = shell.StandardError.ReadToEnd();
        shell.WaitForExit();
        Assert.True(shell.ExitCode == 0, $"{command} ended with {shell.ExitCode}: {errors}");
    }

    /// <summary>Its exit code, when it has ended.</summary>
    public async Task<int> EndAsync()
    {
        await _process.WaitForExitAsync();
        await _reading;
        return _process.ExitCode;
    }

    public void Dispose()
    {
        if (!_process.HasExited) _process.Kill();
        _process.WaitForExit();
        _process.Dispose();
        Client.Dispose();
    }

    private async Task ReadAsync(Process process)
    {
        while (await process.StandardError.ReadLineAsync() is string line)
        {
            lock (_log) _log.AppendLine(line);
            if (line.Split(" is served at ") is [_, string address]) _address.TrySetResult(new Uri(address));
        }

        _address.TrySetException(new InvalidOperationException($"The server did not start: {Log}"));
        _ = _address.Task.Exception;     // nobody may wait for it
    }
}

/// <summary>A test that mounts a small disk for a server, and is skipped, visibly, where that is not allowed.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class SmallDiskFactAttribute : FactAttribute
{
    private static readonly Lazy<bool> s_allowed = new(() =>
    {
        try
        {
            using Process process = Process.Start(new ProcessStartInfo("unshare", ["-m", "sh", "-c", "mount -t tmpfs -o size=64k tmpfs /mnt"]) { UseShellExecute = false, RedirectStandardError = true })!;
            process.WaitForExit();
            return process.ExitCode == 0;
        }
        catch (System.ComponentModel.Win32Exception)
        {
            return false;
        }
    });

    public SmallDiskFactAttribute() => Skip = s_allowed.Value ? null : "Mounting a disk needs Linux and its administrator.";
}
