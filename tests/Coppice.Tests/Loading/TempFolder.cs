namespace Coppice.Tests.Loading;

/// <summary>A folder that is gone after the test.</summary>
internal sealed class TempFolder : IDisposable
{
    public string Path { get; } = Directory.CreateTempSubdirectory("coppice-tests-").FullName;

    public string File(string name) => System.IO.Path.Combine(Path, name);

    public string Write(string name, ReadOnlySpan<byte> bytes)
    {
        System.IO.File.WriteAllBytes(File(name), bytes);
        return File(name);
    }

    public string Write(string name, string text)
    {
        System.IO.File.WriteAllText(File(name), text);
        return File(name);
    }

    /// <summary>The folder's files that this process has open or mapped; always empty where the system does not tell.</summary>
    public IReadOnlyList<string> StillOpen()
    {
        if (!OperatingSystem.IsLinux()) return [];
        List<string> open = [.. System.IO.File.ReadLines("/proc/self/maps").Where(line => line.Contains(Path, StringComparison.Ordinal))];
        foreach (string link in Directory.EnumerateFileSystemEntries("/proc/self/fd"))
            if (Target(link) is string target && target.StartsWith(Path, StringComparison.Ordinal)) open.Add(target);
        return open;
    }

    private static string? Target(string link)
    {
        try
        {
            return System.IO.File.ResolveLinkTarget(link, returnFinalTarget: false)?.FullName;
        }
        catch (IOException)
        {
            return null; // closed meanwhile by a test beside this one
        }
    }

    public void Dispose() => Directory.Delete(Path, recursive: true);
}
