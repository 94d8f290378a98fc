using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class ModelFileTests
{
    [Theory]
    [InlineData("empty.gguf", "The file is empty")]
    [InlineData("empty.safetensors", "The file is empty")]
    [InlineData("folder.gguf", "This is a folder")]
    [InlineData("nothing.safetensors", "There is no such file")]
    [InlineData("empty.gguf/below.safetensors", "There is no such file")]
    [InlineData("nul\0.gguf", ".gguf")]
    [InlineData("weights.bin", "must end in one of .safetensors, .safetensors.index.json, .gguf")]
    public void What_cannot_be_mapped_is_a_format_error(string name, string message)
    {
        using TempFolder folder = new();
        folder.Write("empty.gguf", "");
        folder.Write("empty.safetensors", "");
        Directory.CreateDirectory(folder.File("folder.gguf"));
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => WeightFiles.Open(Path.Combine(folder.Path, name))).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_must_not_be_read_is_a_format_error()
    {
        using TempFolder folder = new();
        string path = folder.Write("locked.gguf", "GGUF");
        if (OperatingSystem.IsWindows()) return;
        File.SetUnixFileMode(path, UnixFileMode.None);
        // The superuser may read it all the same, and finds that it is cut short.
        Assert.Throws<ModelFormatException>(() => WeightFiles.Open(path));
    }

    [Fact]
    public void A_file_that_another_program_writes_is_a_format_error()
    {
        using TempFolder folder = new();
        string path = folder.Write("busy.gguf", "GGUF");
        using FileStream writer = new(path, FileMode.Open, FileAccess.Write, FileShare.None);
        Assert.Contains("cannot be opened", Assert.Throws<ModelFormatException>(() => WeightFiles.Open(path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void Reads_are_checked_against_the_length()
    {
        using TempFolder folder = new();
        using ModelFile file = ModelFile.Open(folder.Write("five", "12345"));
        FileWindow window = new(file);
        byte[] last = new byte[1];
        file.Read(4, last);
        Assert.Equal("5"u8.ToArray(), last);
        Assert.Equal("5"u8.ToArray(), window.Bytes(4, 1).ToArray());
        Assert.Equal("12345"u8.ToArray(), window.Bytes(0, 5).ToArray());
        Assert.Equal(0, window.Bytes(5, 0).Length);
        foreach ((long offset, int byteCount) in ((long, int)[])[(5, 1), (-1, 1), (0, 6), (0, -1), (long.MaxValue, 1), (long.MaxValue, int.MaxValue), (6, 0)])
            Assert.Throws<ArgumentOutOfRangeException>(() => window.Bytes(offset, byteCount).Length);
        Assert.Throws<ArgumentOutOfRangeException>(() => file.Read(0, new byte[6]));
    }

    [Fact]
    public void A_window_gives_the_bytes_of_any_place_and_length()
    {
        using TempFolder folder = new();
        byte[] bytes = new byte[300_000];
        new Random(5).NextBytes(bytes);
        using ModelFile file = ModelFile.Open(folder.Write("many", bytes));
        FileWindow window = new(file);
        Random random = new(6);
        for (int i = 0; i < 500; i++)
        {
            int from = random.Next(bytes.Length), count = random.Next(Math.Min(random.Next(4) == 0 ? 200_000 : 40, bytes.Length - from) + 1);
            Assert.True(window.Bytes(from, count).SequenceEqual(bytes.AsSpan(from, count)));
        }
    }

    [Fact]
    public void A_file_that_was_cut_short_after_it_was_opened_is_a_format_error_that_says_so()
    {
        using TempFolder folder = new();
        string path = folder.Write("ten", "1234567890");
        using ModelFile file = ModelFile.Open(path);
        Cut(path, 4);
        byte[] bytes = new byte[4];
        file.Read(0, bytes);
        Assert.Equal("1234"u8.ToArray(), bytes);
        Assert.Contains("ends at byte 4; it had 10 bytes when it was opened", Assert.Throws<ModelFormatException>(() => file.Read(2, new byte[8])).Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task A_served_model_whose_file_is_cut_short_fails_requests_until_the_file_is_whole_again()
    {
        using TempFolder folder = new();
        foreach (string file in Directory.EnumerateFiles(TestData.SampleModel)) File.Copy(file, folder.File(Path.GetFileName(file)));
        string weights = folder.File("model.safetensors");
        byte[] whole = File.ReadAllBytes(weights);
        using Engine engine = Engine.Open(folder.Path, new EngineOptions { KvBytes = 16 << 20, Threads = 2 });
        GenerateOptions greedy = new() { Temperature = 0, MaxTokens = 4 };
        string before = (await engine.CompleteAsync("The prince", greedy)).Choices[0].Text;
        Cut(weights, 0);
        ModelFormatException error = await Assert.ThrowsAsync<ModelFormatException>(() => engine.CompleteAsync("The dog", greedy));
        Assert.Contains("Another program cut it short", error.Message, StringComparison.Ordinal);
        // Over the same file, as a copy from elsewhere would be written.
        using (FileStream stream = new(weights, new FileStreamOptions { Mode = FileMode.Open, Access = FileAccess.Write, Share = FileShare.ReadWrite | FileShare.Delete })) stream.Write(whole);
        Assert.Equal(before, (await engine.CompleteAsync("The prince", greedy)).Choices[0].Text);
    }

    [Fact]
    public void After_disposal_nothing_is_read_and_nothing_is_open()
    {
        using TempFolder folder = new();
        ModelFile file = ModelFile.Open(folder.Write("five", "12345"));
        if (OperatingSystem.IsLinux()) Assert.NotEmpty(folder.StillOpen());
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Read(0, new byte[1]));
        Assert.Empty(folder.StillOpen());
    }

    // Another program's doing: locks between programs are a wish, and a cut heeds none.
    private static void Cut(string path, int bytes)
    {
        using System.Diagnostics.Process truncate = System.Diagnostics.Process.Start("truncate", ["-s", bytes.ToString(System.Globalization.CultureInfo.InvariantCulture), path]);
        truncate.WaitForExit();
        Assert.Equal(0, truncate.ExitCode);
    }
}
