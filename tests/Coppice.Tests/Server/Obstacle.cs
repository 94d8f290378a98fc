using System.Diagnostics;

namespace Coppice.Tests.Server;

/// <summary>What may lie where a file should be and cannot be read to its end, or not at all.</summary>
internal static class Obstacle
{
    public static async Task MakeAsync(string path, string kind)
    {
        switch (kind)
        {
            case "device":
                File.CreateSymbolicLink(path, "/dev/zero");
                break;
            case "loop":
                File.CreateSymbolicLink(path, path);
                break;
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "sparse":
                using (FileStream file = new(path, FileMode.CreateNew)) file.SetLength(1L << 36);
                break;
            case "pipe":
                using (Process pipe = Process.Start("mkfifo", path)) await pipe.WaitForExitAsync();
                break;
        }
    }
}
