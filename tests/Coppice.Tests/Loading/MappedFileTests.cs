using Coppice.Loading;

namespace Coppice.Tests.Loading;

public sealed class MappedFileTests
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
        using MappedFile file = MappedFile.Open(folder.Write("five", "12345"));
        Assert.Equal("5"u8.ToArray(), file.Bytes(4, 1).ToArray());
        Assert.Equal(0, file.Bytes(5, 0).Length);
        foreach ((long offset, int byteCount) in ((long, int)[])[(5, 1), (-1, 1), (0, 6), (0, -1), (long.MaxValue, 1), (long.MaxValue, int.MaxValue), (6, 0)])
            Assert.Throws<ArgumentOutOfRangeException>(() => file.Bytes(offset, byteCount).Length);
    }

    [Fact]
    public void After_disposal_nothing_is_read_and_nothing_is_open()
    {
        using TempFolder folder = new();
        MappedFile file = MappedFile.Open(folder.Write("five", "12345"));
        if (OperatingSystem.IsLinux()) Assert.NotEmpty(folder.StillOpen());
        file.Dispose();
        file.Dispose();
        Assert.Throws<ObjectDisposedException>(() => file.Bytes(0, 1).Length);
        Assert.Empty(folder.StillOpen());
    }
}
