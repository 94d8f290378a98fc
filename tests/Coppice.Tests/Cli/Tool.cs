using System.Text;
using System.Text.Json;
using Coppice.Cli;

namespace Coppice.Tests.Cli;

/// <summary>The tool in this process, its streams in memory, its files in a folder of its own.</summary>
internal sealed class Tool : IDisposable
{
    public static string SampleFile(string name) => System.IO.Path.Combine(TestData.Root, "samples", name);

    private readonly string _folder = Directory.CreateTempSubdirectory("coppice-cli-").FullName;

    public FakeModel Model { get; init; } = new();

    public bool ErrorIsTerminal { get; init; }

    public bool OutIsTerminal { get; init; }

    public bool InIsTerminal { get; init; }

    public Interrupts Interrupts { get; } = new();

    public string Error { get; private set; } = "";

    /// <summary>What stands on stderr while a run goes on; any thread.</summary>
    public string LiveError => _error.ToString();

    private LiveText _error = new();

    public string Output { get; private set; } = "";

    public string Path(string name) => System.IO.Path.Combine(_folder, name);

    public string File(string name, params IEnumerable<string> lines)
    {
        System.IO.File.WriteAllLines(Path(name), lines);
        return Path(name);
    }

    public Task<int> RunAsync(params string[] arguments) => RunAsync("", null, CancellationToken.None, arguments);

    public async Task<int> RunAsync(string input, Stream? output, CancellationToken cancellation, params string[] arguments)
    {
        using MemoryStream own = new();
        _error = new LiveText();
        Streams streams = new(new MemoryStream(Encoding.UTF8.GetBytes(input)), InIsTerminal, output ?? own, _error, ErrorIsTerminal) { Interrupts = Interrupts, OutIsTerminal = OutIsTerminal };
        int code = await CoppiceCommand.RunAsync(arguments, streams, (_, _) => Model, cancellation);
        (Error, Output) = (LiveError, Encoding.UTF8.GetString(own.ToArray()));
        return code;
    }

    public static List<JsonElement> Results(string text) => [.. text.Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(line => JsonDocument.Parse(line).RootElement)];

    public List<JsonElement> ResultsOf(string name) => Results(System.IO.File.ReadAllText(Path(name)));

    public static string Id(JsonElement result) => result.GetProperty("custom_id").GetString()!;

    public static int Status(JsonElement result) => result.GetProperty("response").GetProperty("status_code").GetInt32();

    public static string Message(JsonElement result) => result.GetProperty("error").GetProperty("message").GetString()!;

    public static string Text(JsonElement result, int choice = 0) =>
        result.GetProperty("response").GetProperty("body").GetProperty("choices")[choice].GetProperty("text").GetString()!;

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    /// <summary>A writer that can be read while others write.</summary>
    private sealed class LiveText : TextWriter
    {
        private readonly StringBuilder _text = new();

        public override Encoding Encoding => Encoding.UTF8;

        public override void Write(char value)
        {
            lock (_text) _text.Append(value);
        }

        public override void Write(string? value)
        {
            lock (_text) _text.Append(value);
        }

        public override string ToString()
        {
            lock (_text) return _text.ToString();
        }
    }
}
