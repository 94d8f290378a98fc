using System.Text;
using System.Text.Json;
using BenchmarkDotNet.Attributes;
using Coppice.Loading;

namespace Coppice.Bench;

/// <summary>English prose to tokens on one core. An operation is one byte of the text: 50 ns are 20 MB/s.</summary>
public class TokenizerBenchmarks
{
    private const int TextBytes = 3_000_000;

    private static readonly string s_root = Root();
    private static readonly string s_gpt2 = Path.Combine(s_root, "..", "shared", "testdata", "tokenizers", "ggml-vocab-gpt-2.gguf");

    private Tokenizer _tokenizer = null!;
    private string _text = "";

    /// <summary>The vocabularies at hand.</summary>
    public static IEnumerable<string> Vocabularies => File.Exists(s_gpt2) ? ["sample", "gpt-2"] : ["sample"];

    /// <summary>sample: 1,024 tokens; gpt-2: 50,257.</summary>
    [ParamsSource(nameof(Vocabularies))]
    public string Vocabulary { get; set; } = "sample";

    /// <summary>Reads vocabulary and text.</summary>
    [GlobalSetup]
    public void Setup()
    {
        using GgufFile? gguf = Vocabulary == "gpt-2" ? GgufFile.Open(s_gpt2) : null;
        _tokenizer = gguf is null ? Tokenizer.FromFolder(Path.Combine(s_root, "models", "sample")) : Tokenizer.FromGguf(ModelTokenizer.Vocabulary(s_gpt2, gguf.Metadata));
        string book = Path.Combine(s_root, "..", "shared", "testdata", "prompts", "war_and_peace.txt");
        StringBuilder text = new(File.Exists(book) ? File.ReadAllText(book) : Prompts());
        while (text.Length < TextBytes) text.Append(text);
        _text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text.ToString()).AsSpan(0, TextBytes));
    }

    /// <summary>One text.</summary>
    [Benchmark(OperationsPerInvoke = TextBytes)]
    public int[] Encode() => _tokenizer.Encode(_text);

    private static string Prompts() => string.Concat(File.ReadLines(Path.Combine(s_root, "samples", "mixed.jsonl")).Select(line =>
    {
        using JsonDocument document = JsonDocument.Parse(line);
        return document.RootElement.TryGetProperty("prompt", out JsonElement prompt) && prompt.ValueKind == JsonValueKind.String ? prompt.GetString() : "";
    }));

    private static string Root()
    {
        string? folder = AppContext.BaseDirectory;
        while (folder is not null && !File.Exists(Path.Combine(folder, "Coppice.slnx"))) folder = Path.GetDirectoryName(folder);
        return folder ?? throw new InvalidOperationException($"No Coppice.slnx above {AppContext.BaseDirectory}.");
    }
}
