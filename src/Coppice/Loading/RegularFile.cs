using System.Runtime.InteropServices;
using System.Security;
using Microsoft.Win32.SafeHandles;

namespace Coppice.Loading;

/// <summary>
/// Opens files that a model or its user names. Only regular ones: opening a named pipe may wait for ever, and a device may never end.
/// A pipe that the process was started with, such as a shell's &lt;(…), is open already, and whoever writes to it ends it.
/// </summary>
internal static unsafe partial class RegularFile
{
    // struct statx of Linux, the same on every architecture.
    private const int StatBytes = 256, ModeAt = 28, CurrentFolder = -100, AskKind = 1;
    private const int KindMask = 0xF000, Pipe = 0x1000, CharacterDevice = 0x2000, BlockDevice = 0x6000, Regular = 0x8000, Socket = 0xC000;

    private static readonly string[] s_openAlready = ["/dev/fd/", "/proc/self/fd/", "/dev/stdin"];

    /// <param name="path">The file.</param>
    /// <param name="share">What others may do with it meanwhile.</param>
    /// <exception cref="ModelFormatException">There is no such file, it is no regular file, or it cannot be opened.</exception>
    public static SafeFileHandle Open(string path, FileShare share = FileShare.Read)
    {
        try
        {
            if (Directory.Exists(path)) throw new ModelFormatException(path, "This is a folder; a file is needed.");
            if (!File.Exists(path)) throw new ModelFormatException(path, "There is no such file.");
            if (!Array.Exists(s_openAlready, beginning => path.StartsWith(beginning, StringComparison.Ordinal)) && WhatElse(path) is string kind)
                throw new ModelFormatException(path, $"This is {kind}; a regular file is needed.");
            return File.OpenHandle(path, share: share);
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException or ArgumentException or NotSupportedException or SecurityException)
        {
            throw new ModelFormatException(path, $"The file cannot be opened: {e.Message}", e);
        }
    }

    /// <summary>What a path leads to that is no regular file; null: it is one, or this system does not tell.</summary>
    private static string? WhatElse(string path)
    {
        if (!OperatingSystem.IsLinux()) return null;
        byte* facts = stackalloc byte[StatBytes];
        try
        {
            // Where this fails, opening fails too and says why.
            if (Stat(CurrentFolder, path, 0, AskKind, facts) != 0) return null;
        }
        catch (EntryPointNotFoundException)
        {
            return null;   // C libraries of 2018 and before
        }
        return (*(ushort*)(facts + ModeAt) & KindMask) switch
        {
            Regular => null,
            Pipe => "a named pipe",
            CharacterDevice or BlockDevice => "a device",
            Socket => "a socket",
            _ => "something else",
        };
    }

    [LibraryImport("libc", EntryPoint = "statx", StringMarshalling = StringMarshalling.Utf8)]
    private static partial int Stat(int folder, string path, int flags, uint asked, byte* facts);
}
