using SharpFuzz;

namespace Coppice.Fuzz.Running;

/// <summary>A copy of this program whose readers write down the branches they take.</summary>
internal static class Instrumented
{
    private static readonly string[] s_assemblies = ["Coppice.dll", "Coppice.Server.dll", "Coppice.Cli.dll"];

    // They read no foreign bytes, and counting would slow them down most.
    private static readonly string[] s_without = ["Coppice.Kernels.", "Coppice.Attention.", "Coppice.Backends."];

    /// <summary>Makes the copy in a folder.</summary>
    /// <returns>The program to start there.</returns>
    public static string Copy(string folder)
    {
        foreach (string file in Directory.EnumerateFiles(AppContext.BaseDirectory, "*", SearchOption.AllDirectories))
        {
            string copy = Path.Combine(folder, Path.GetRelativePath(AppContext.BaseDirectory, file));
            Directory.CreateDirectory(Path.GetDirectoryName(copy)!);
            File.Copy(file, copy);
        }
        foreach (string name in s_assemblies)
            _ = Fuzzer.Instrument(Path.Combine(folder, name), type => !s_without.Any(prefix => type.StartsWith(prefix, StringComparison.Ordinal)), Options.Value);
        return Path.Combine(folder, Path.GetFileName(typeof(Instrumented).Assembly.Location));
    }
}
