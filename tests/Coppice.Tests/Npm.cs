using System.Diagnostics;
using System.Text;

namespace Coppice.Tests;

/// <summary>Runs a script with an npm package, which it installs into a temporary folder.</summary>
internal static class Npm
{
    /// <param name="packages">Names and versions, with blanks between.</param>
    /// <param name="script">Reads input.json and writes output.json.</param>
    /// <param name="input">The text of input.json.</param>
    /// <returns>The text of output.json.</returns>
    public static string Run(string packages, string script, string input)
    {
        string folder = Directory.CreateTempSubdirectory("coppice-npm-").FullName;
        try
        {
            File.WriteAllText(Path.Combine(folder, "package.json"), """{"private": true, "type": "module"}""");
            File.WriteAllText(Path.Combine(folder, "script.js"), script);
            File.WriteAllText(Path.Combine(folder, "input.json"), input, new UTF8Encoding(false));
            Start(folder, "npm", ["install", "--no-audit", "--no-fund", "--omit=optional", "--ignore-scripts", .. packages.Split(' ')]);
            Start(folder, "node", "script.js");
            return File.ReadAllText(Path.Combine(folder, "output.json"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    private static void Start(string folder, string program, params string[] arguments)
    {
        using Process process = Process.Start(new ProcessStartInfo(program, arguments) { WorkingDirectory = folder, UseShellExecute = false, RedirectStandardError = true, RedirectStandardOutput = true })!;
        Task<string> output = process.StandardOutput.ReadToEndAsync(), error = process.StandardError.ReadToEndAsync();
        Assert.True(process.WaitForExit(TimeSpan.FromMinutes(5)), $"{program} did not end.");
        Assert.True(process.ExitCode == 0, output.Result + error.Result);
    }
}

/// <summary>A test that installs an npm package, where COPPICE_TEST_NPM is 1.</summary>
[AttributeUsage(AttributeTargets.Method)]
internal sealed class NpmFactAttribute : FactAttribute
{
    public NpmFactAttribute() => Skip = Environment.GetEnvironmentVariable("COPPICE_TEST_NPM") == "1" ? null : "COPPICE_TEST_NPM is not 1: this test installs an npm package.";
}
