namespace Coppice.Tests;

public sealed class ReadmeTests
{
    [Fact]
    public async Task The_library_example_runs_and_answers()
    {
        StringWriter output = new();
        await ReadmeExample.RunAsync(TestData.SampleModel, output);
        string[] lines = output.ToString().Split(Environment.NewLine);
        Assert.Equal([" 468", " black"], lines[..2]);
        Assert.Contains(lines, line => line.StartsWith("2: ", StringComparison.Ordinal));
    }

    [Fact]
    public void The_README_shows_the_example_that_is_compiled()
    {
        string source = Text(Path.Combine(TestData.Root, "tests", "Coppice.Tests", "ReadmeExample.cs"));
        string example = source.Split("// README begins")[1].Split("// README ends")[0];
        string[] lines = [.. example.Split('\n')[1..^1].Select(line => line.Length > 8 ? line[8..] : line.Trim())];
        Assert.Contains(string.Join('\n', lines), Text(Path.Combine(TestData.Root, "README.md")), StringComparison.Ordinal);
    }

    private static string Text(string path) => File.ReadAllText(path).ReplaceLineEndings("\n");
}
