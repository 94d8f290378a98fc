using System.Globalization;
using System.Text;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tokens;

namespace Coppice.Tests.Loading;

/// <summary>Each reader of a model's files is given a million of each construct, one in another or one behind another: it reads them or refuses them, in memory that goes with the file.</summary>
public sealed class MillionsTests : IDisposable
{
    private const int Million = 1_000_000;

    // Of a file's bytes: strings, dictionaries and lists of small things are several times as large.
    private const long MostBytesPerByte = 150;

    private readonly TempFolder _folder = new();

    public void Dispose() => _folder.Dispose();

    [Theory]
    [InlineData("arrays in arrays")]
    [InlineData("keys")]
    [InlineData("texts")]
    [InlineData("tensors")]
    [InlineData("dimensions")]
    public void A_GGUF_file(string what)
    {
        using MemoryStream bytes = new();
        using BinaryWriter file = new(bytes);
        file.Write("GGUF"u8);
        file.Write(3u);
        file.Write(what == "tensors" ? (ulong)Million : what == "dimensions" ? 1UL : 0UL);
        file.Write(what == "keys" ? (ulong)Million : what is "texts" or "arrays in arrays" ? 1UL : 0UL);
        switch (what)
        {
            case "arrays in arrays":
                Text("a");
                file.Write((uint)GgufValueType.Array);
                for (int i = 0; i < Million; i++)
                {
                    file.Write((uint)GgufValueType.Array);
                    file.Write(1UL);
                }
                break;
            case "keys":
                for (int i = 0; i < Million; i++)
                {
                    Text($"k{i}");
                    file.Write((uint)GgufValueType.UInt8);
                    file.Write((byte)1);
                }
                break;
            case "texts":
                Text("a");
                file.Write((uint)GgufValueType.Array);
                file.Write((uint)GgufValueType.String);
                file.Write((ulong)Million);
                for (int i = 0; i < Million; i++) Text("t");
                break;
            case "tensors":
                for (int i = 0; i < Million; i++)
                {
                    Text($"t{i}");
                    file.Write(0u);
                    file.Write(0u);
                    file.Write(32UL * (ulong)i);
                }
                file.Write(new byte[32 * (Million + 2)]);
                break;
            default:
                Text("t");
                file.Write((uint)Million);
                for (int i = 0; i < Million; i++) file.Write(1UL);
                break;
        }
        Holds("a.gguf", bytes.ToArray(), path =>
        {
            using GgufFile read = GgufFile.Open(path);
            if (what == "texts") Assert.Equal(Million, read.Metadata.StringArray("a").Length);
        }, accepted: what is "texts" or "tensors");

        void Text(string text)
        {
            file.Write((ulong)text.Length);
            file.Write(Encoding.ASCII.GetBytes(text));
        }
    }

    [Theory]
    [InlineData("[", "]", false)]
    [InlineData("{\"a\":", "}", false)]
    [InlineData("{\"a\":{\"dtype\":\"U8\",\"shape\":[", "]}}", false)]
    [InlineData("{\"__metadata__\":{\"a\":", "}}", false)]
    public void A_safetensors_header_nested(string open, string close, bool accepted) =>
        Holds("model.safetensors", SafetensorsBuilder.WithHeader(Repeat(open) + "1" + Repeat(close)), path => SafetensorsFile.Open(path).Dispose(), accepted);

    [Fact]
    public void A_safetensors_header_of_many_tensors() => Holds("model.safetensors",
        SafetensorsBuilder.WithHeader($"{{{Join(i => $"\"t{i}\":{{\"dtype\":\"U8\",\"shape\":[0],\"data_offsets\":[0,0]}}")}}}"), path => SafetensorsFile.Open(path).Dispose(), accepted: true);

    [Fact]
    public void A_safetensors_shape_of_many_dimensions() => Holds("model.safetensors",
        SafetensorsBuilder.WithHeader($"{{\"t\":{{\"dtype\":\"U8\",\"shape\":[{Join(_ => "1")}],\"data_offsets\":[0,1]}}}}"), path => SafetensorsFile.Open(path).Dispose(), accepted: false);

    [Theory]
    [InlineData("\"rope_scaling\":{", "}")]
    [InlineData("\"text_config\":{", "}")]
    [InlineData("\"architectures\":[", "]")]
    [InlineData("\"quantization_config\":{\"a\":", "}")]
    public void A_config_nested(string open, string close)
    {
        // A list's items have no names.
        string inner = open.EndsWith('[') ? "[" : open;
        Holds("config.json", Encoding.UTF8.GetBytes($"{{\"model_type\":\"llama\",{open}{Repeat(inner)}{Repeat(close)}{close}}}"), _ => ModelSource.Open(_folder.Path), accepted: false);
    }

    [Theory]
    [InlineData("keys")]
    [InlineData("\"architectures\"")]
    [InlineData("\"layer_types\"")]
    [InlineData("\"eos_token_id\"")]
    public void A_config_of_many(string what) => Holds("config.json",
        Encoding.UTF8.GetBytes(what == "keys" ? $"{{\"model_type\":\"llama\",{Join(i => $"\"k{i}\":1")}}}" : $"{{\"model_type\":\"llama\",{what}:[{Join(i => what.Contains("id", StringComparison.Ordinal) ? "2" : "\"a\"")}]}}"),
        _ => ModelSource.Open(_folder.Path), accepted: false);

    [Theory]
    [InlineData("normalizer", "normalizers")]
    [InlineData("pre_tokenizer", "pretokenizers")]
    [InlineData("decoder", "decoders")]
    [InlineData("post_processor", "processors")]
    public void Steps_of_a_tokenizer_json_in_steps(string step, string steps) =>
        Tokenizer($"\"{step}\":{Repeat($"{{\"type\":\"Sequence\",\"{steps}\":[")}{Repeat("]}")}", accepted: false);

    [Theory]
    [InlineData("normalizer", "normalizers", "{\"type\":\"NFC\"}", false)]
    [InlineData("normalizer", "normalizers", "{\"type\":\"Sequence\",\"normalizers\":[]}", true)]
    [InlineData("pre_tokenizer", "pretokenizers", "{\"type\":\"Digits\"}", false)]
    [InlineData("decoder", "decoders", "{\"type\":\"Replace\",\"pattern\":{\"String\":\"a\"},\"content\":\"b\"}", false)]
    [InlineData("decoder", "decoders", "{\"type\":\"Fuse\"}", true)]
    [InlineData("post_processor", "processors", "{\"type\":\"ByteLevel\"}", true)]
    [InlineData("post_processor", "processors", "{\"type\":\"TemplateProcessing\",\"single\":[{\"SpecialToken\":{\"id\":\"x\"}},{\"Sequence\":{\"id\":\"A\"}}],\"special_tokens\":{\"x\":{\"ids\":[0]}}}", false)]
    public void Steps_of_a_tokenizer_json_behind_steps(string step, string steps, string one, bool accepted) =>
        Tokenizer($"\"{step}\":{{\"type\":\"Sequence\",\"{steps}\":[{Join(_ => one)}]}}", accepted);

    [Fact]
    public void A_template_of_many_items_among_many_special_tokens() =>
        Tokenizer($"\"post_processor\":{{\"type\":\"TemplateProcessing\",\"single\":[{Join(i => "{\"SpecialToken\":{\"id\":\"x\"}}")}],\"special_tokens\":{{{Join(i => $"\"s{i}\":{{\"ids\":[]}}")},\"x\":{{\"ids\":[]}}}}}}", accepted: false);

    [Fact]
    public void Added_tokens() =>
        Tokenizer($"\"added_tokens\":[{Join(i => $"{{\"id\":{i + 2},\"content\":\"<added {i}>\"}}")}]", accepted: false);

    [Fact]
    public void Words_and_merges_of_a_tokenizer_json()
    {
        string words = Join(i => $"\"w{i}\":{i}"), merges = Join(_ => "\"w0 w1\"");
        Holds("tokenizer.json", Encoding.UTF8.GetBytes($"{{\"model\":{{\"type\":\"BPE\",\"vocab\":{{{words},\"w0w1\":{Million}}},\"merges\":[{merges}]}}}}"), _ => Coppice.Tokenizer.FromFolder(_folder.Path), accepted: true);
    }

    [Theory]
    [InlineData("1000000000")]
    [InlineData("-1")]
    [InlineData("65539")]
    public void An_id_far_from_the_others(string id) =>
        Assert.Contains("may have ids from 0 to 65538", Assert.Throws<ModelFormatException>(() => Tokenizers(", \"far\":" + id)).Message, StringComparison.Ordinal);

    [Theory]
    [InlineData("groups")]
    [InlineData("fields")]
    [InlineData("trainers")]
    [InlineData("pieces")]
    public void A_SentencePiece_model(string what)
    {
        using MemoryStream bytes = new();
        for (int i = 0; i < Million; i++)
        {
            switch (what)
            {
                case "groups": bytes.WriteByte(1 << 3 | 3); break;
                case "fields": bytes.Write([9 << 3, 1]); break;
                case "trainers": bytes.Write([2 << 3 | 2, 2, 3 << 3, 1]); break;
                default:
                    string piece = i.ToString("x8", CultureInfo.InvariantCulture);
                    bytes.Write([1 << 3 | 2, 10, 1 << 3 | 2, 8]);
                    bytes.Write(Encoding.ASCII.GetBytes(piece));
                    break;
            }
        }
        Holds("tokenizer.model", bytes.ToArray(), _ => Coppice.Tokenizer.FromFolder(_folder.Path), accepted: what == "pieces");
    }

    [Fact]
    public void A_tiktoken_vocabulary() => Holds("words.tiktoken",
        Encoding.ASCII.GetBytes(string.Concat(Enumerable.Range(0, Million).Select(i => $"{Convert.ToBase64String(BitConverter.GetBytes(i))} {i}\n"))), _ => Coppice.Tokenizer.FromFolder(_folder.Path), accepted: false);

    [Theory]
    [InlineData("(a|aa)+$")]
    [InlineData("(?!x)(a+)+$")]
    [InlineData("(?<=x)?((a*)*)*b")]
    public void A_split_pattern_that_tries_for_ever_is_stopped(string pattern)
    {
        Tokenizer tokenizer = Tokenizers("", $",\"pre_tokenizer\":{{\"type\":\"Split\",\"pattern\":{{\"Regex\":\"{pattern}\"}},\"behavior\":\"Isolated\"}}");
        try
        {
            tokenizer.Encode(new string('a', 5_000) + "!");
        }
        catch (ModelFormatException e)
        {
            Assert.Contains("took longer than", e.Message, StringComparison.Ordinal);
        }
    }

    [Fact]
    public void A_split_pattern_of_brackets_in_brackets()
    {
        string pattern = new string('(', 2_000) + "a" + new string(')', 2_000);
        Tokenizers("", $",\"pre_tokenizer\":{{\"type\":\"Split\",\"pattern\":{{\"Regex\":\"{pattern}\"}},\"behavior\":\"Isolated\"}}").Encode("aba");
        Assert.Throws<ModelFormatException>(() => Tokenizers("", $",\"pre_tokenizer\":{{\"type\":\"Split\",\"pattern\":{{\"Regex\":\"{Repeat("(")}\"}},\"behavior\":\"Isolated\"}}"));
    }

    private static Tokenizer Tokenizers(string moreWords, string more = "") =>
        Tests.Tokens.Tokenizers.Json($"{{\"model\":{{\"type\":\"BPE\",\"vocab\":{{\"a\":0,\"b\":1{moreWords}}},\"merges\":[]}}{more}}}");

    private void Tokenizer(string more, bool accepted) => Holds("tokenizer.json",
        Encoding.UTF8.GetBytes($"{{\"model\":{{\"type\":\"BPE\",\"vocab\":{{\"a\":0,\"b\":1}},\"merges\":[]}},{more}}}"), _ => Coppice.Tokenizer.FromFolder(_folder.Path), accepted);

    private void Holds(string name, byte[] bytes, Action<string> read, bool accepted)
    {
        string path = _folder.Write(name, bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        if (accepted) read(path);
        else Assert.Throws<ModelFormatException>(() => read(path));
        Assert.InRange(GC.GetAllocatedBytesForCurrentThread() - before, 0, MostBytesPerByte * bytes.Length + (64 << 20));
    }

    private static string Repeat(string unit) => new StringBuilder(unit.Length * Million).Insert(0, unit, Million).ToString();

    private static string Join(Func<int, string> item) => string.Join(',', Enumerable.Range(0, Million).Select(item));
}
