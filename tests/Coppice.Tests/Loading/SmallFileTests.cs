using System.Diagnostics;
using System.Net.Sockets;
using Coppice.Loading;

namespace Coppice.Tests.Loading;

/// <summary>What lies where a file should be is said, and reading always ends.</summary>
public sealed class SmallFileTests : IDisposable
{
    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Fact]
    public void A_file_is_read_whole_up_to_its_limit()
    {
        Assert.Equal("12345", System.Text.Encoding.ASCII.GetString(SmallFile.Read(_folder.Write("five", "12345"), 5)));
        Assert.Empty(SmallFile.Read(_folder.Write("none", ""), 5));
        Assert.Contains("more than 5 bytes", Refused(() => SmallFile.Read(_folder.Write("six", "123456"), 5)), StringComparison.Ordinal);
        byte[] large = new byte[100_000];
        new Random(1).NextBytes(large);
        Assert.Equal(large, SmallFile.Read(_folder.Write("large", large), 1 << 20));
        Assert.Equal(large[..10], SmallFile.ReadBeginning(_folder.File("large"), 10));
    }

    [Fact]
    public void Text_has_the_encoding_that_its_first_bytes_name_or_is_UTF8()
    {
        Assert.Equal("ü", SmallFile.ReadText(_folder.Write("plain", "ü")));
        Assert.Equal("ü", SmallFile.ReadText(_folder.Write("marked", [0xEF, 0xBB, 0xBF, .. "ü"u8])));
        Assert.Equal("ü", SmallFile.ReadText(_folder.Write("wide", [0xFF, 0xFE, 0xFC, 0x00])));
        Assert.Contains("not UTF-8", Refused(() => SmallFile.ReadText(_folder.Write("neither", [0xFC, 0x28]))), StringComparison.Ordinal);
    }

    [Fact]
    public void A_file_that_takes_no_room_on_disk_has_its_limit_too()
    {
        using (FileStream sparse = new(_folder.File("tokenizer.json"), FileMode.CreateNew)) sparse.SetLength(1L << 40);
        using (FileStream sparse = new(_folder.File("config.json"), FileMode.CreateNew)) sparse.SetLength(1L << 40);
        Assert.Contains("more than 16777216 bytes", Refused(() => ModelSource.Open(_folder.Path)), StringComparison.Ordinal);
        Assert.Contains("more than 16777216 bytes", Refused(() => SmallFile.ReadText(_folder.File("tokenizer.json"))), StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.json", SmallFile.LargestData)]
    [InlineData("tokenizer_config.json", SmallFile.LargestSettings)]
    [InlineData("chat_template.json", SmallFile.LargestSettings)]
    public void A_file_beyond_its_limit_is_refused_before_it_is_read(string name, int mostBytes)
    {
        foreach (string file in Directory.EnumerateFiles(TestData.SampleModel)) File.Copy(file, _folder.File(Path.GetFileName(file)));
        using (FileStream sparse = new(_folder.File(name), FileMode.Create)) sparse.SetLength(mostBytes + 1L);
        long before = GC.GetAllocatedBytesForCurrentThread();
        string message = Refused(() =>
        {
            Tokenizer.FromFolder(_folder.Path);
            ChatTemplates.FromFolder(_folder.Path);
        });
        Assert.Contains($"{name}: The file has more than {mostBytes} bytes", message, StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, SmallFile.LargestSettings);
    }

    [Fact]
    public void A_file_takes_the_memory_of_its_length_and_zeros_are_not_taken_for_values()
    {
        const int Bytes = 100 << 20;
        using (FileStream sparse = new(_folder.File("tokenizer.json"), FileMode.CreateNew)) sparse.SetLength(Bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        Assert.Contains("This is not JSON", Refused(() => Tokenizer.FromFolder(_folder.Path)), StringComparison.Ordinal);
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, Bytes, Bytes + (Bytes >> 2));
    }

    [Theory]
    [InlineData("pipe", "a named pipe")]
    [InlineData("link to pipe", "a named pipe")]
    [InlineData("socket", "a socket")]
    [InlineData("device", "a device")]
    [InlineData("folder", "a folder")]
    [InlineData("link to itself", "symbolic links")]
    [InlineData("missing", "no such file")]
    public void What_is_no_file_is_named_and_never_waited_for(string kind, string said)
    {
        if (!OperatingSystem.IsLinux()) return;
        using Socket? socket = Make(kind);
        string path = _folder.File("it");
        Assert.Contains(said, Refused(() => SmallFile.Read(path, 100)), StringComparison.Ordinal);
        Assert.Contains(said, Refused(() => ModelFile.Open(path).Dispose()), StringComparison.Ordinal);
    }

    /// <summary>Every companion of a model, with a pipe in its place.</summary>
    [Theory]
    [InlineData("config.json")]
    [InlineData("generation_config.json")]
    [InlineData("tokenizer.json")]
    [InlineData("tokenizer_config.json")]
    [InlineData("chat_template.jinja")]
    [InlineData("chat_template.json")]
    [InlineData("model.safetensors")]
    [InlineData("additional_chat_templates/tool_use.jinja")]
    public void A_companion_that_is_a_pipe_is_refused_by_name(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (string file in Directory.EnumerateFiles(TestData.SampleModel)) File.Copy(file, _folder.File(Path.GetFileName(file)));
        Directory.CreateDirectory(_folder.File("additional_chat_templates"));
        File.Delete(_folder.File(name));
        Run("mkfifo", _folder.File(name));
        string message = Refused(() => Engine.Open(_folder.Path, new EngineOptions { KvBytes = 16 << 20 }).Dispose());
        Assert.Contains(name, message, StringComparison.Ordinal);
        Assert.Contains("a named pipe", message, StringComparison.Ordinal);
    }

    [Theory]
    [InlineData("tokenizer.model")]
    [InlineData("words.tiktoken")]
    [InlineData("model.safetensors.index.json")]
    public void A_companion_that_stands_in_for_another_is_no_pipe_either(string name)
    {
        if (!OperatingSystem.IsLinux()) return;
        foreach (string file in (string[])["config.json", "generation_config.json"]) File.Copy(Path.Combine(TestData.SampleModel, file), _folder.File(file));
        Run("mkfifo", _folder.File(name));
        Action open = name.EndsWith(".json", StringComparison.Ordinal) ? () => ModelSource.Open(_folder.Path) : () => Tokenizer.FromFolder(_folder.Path);
        Assert.Contains("a named pipe", Refused(open), StringComparison.Ordinal);
    }

    private Socket? Make(string kind)
    {
        string path = _folder.File("it");
        switch (kind)
        {
            case "pipe":
                Run("mkfifo", path);
                break;
            case "link to pipe":
                Run("mkfifo", _folder.File("other"));
                File.CreateSymbolicLink(path, _folder.File("other"));
                break;
            case "device":
                File.CreateSymbolicLink(path, "/dev/zero");
                break;
            case "folder":
                Directory.CreateDirectory(path);
                break;
            case "link to itself":
                File.CreateSymbolicLink(path, path);
                break;
            case "socket":
                Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
                socket.Bind(new UnixDomainSocketEndPoint(path));
                return socket;
        }
        return null;
    }

    private static void Run(string program, string argument)
    {
        using Process process = Process.Start(program, [argument]);
        process.WaitForExit();
        Assert.Equal(0, process.ExitCode);
    }

    private static string Refused(Action read) => Assert.Throws<ModelFormatException>(read).Message;
}
