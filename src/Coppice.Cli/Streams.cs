using Microsoft.Win32.SafeHandles;

namespace Coppice.Cli;

/// <summary>What a command reads and writes: results go to <paramref name="Out"/>, all else to <paramref name="Error"/>.</summary>
internal sealed record Streams(Stream In, bool InIsTerminal, Stream Out, TextWriter Error, bool ErrorIsTerminal)
{
    // EPIPE. .NET puts the raw errno into HResult; Windows has ERROR_NO_DATA instead.
    private const int PipeClosed = 32, NoData = unchecked((int)0x800700E8);

    /// <summary>Whether results are seen as they come: progress would be drawn over them.</summary>
    public bool OutIsTerminal { get; init; }

    /// <summary>What Ctrl+C stops.</summary>
    public Interrupts Interrupts { get; init; } = new();

    public static Streams OfProcess() =>
        new(Console.OpenStandardInput(), !Console.IsInputRedirected, OpenOutput(), Console.Error, !Console.IsErrorRedirected) { OutIsTerminal = !Console.IsOutputRedirected };

    public static bool IsBrokenPipe(Exception e) => e is IOException { HResult: PipeClosed or NoData };

    // .NET's console stream swallows EPIPE, and the work would go on for nobody. A FileStream reports it, but writes at offsets of
    // its own where the handle can seek, and would write over what others append to the same file.
    private static Stream OpenOutput()
    {
        if (OperatingSystem.IsWindows()) return Console.OpenStandardOutput();
        FileStream direct = new(new SafeFileHandle(1, ownsHandle: false), FileAccess.Write, bufferSize: 0);
        return direct.CanSeek ? Console.OpenStandardOutput() : direct;
    }
}
