using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

/// <summary>The tokenizers that tests use, each read once.</summary>
internal static class Tokenizers
{
    private static readonly Lazy<Tokenizer> s_sample = new(() => Tokenizer.FromFolder(TestData.SampleModel));
    private static readonly Lazy<Tokenizer> s_stories = new(() => Tokenizer.FromFolder(TestData.Shared("testdata/stories260K/hf")));

    /// <summary>Byte-level BPE.</summary>
    public static Tokenizer Sample => s_sample.Value;

    /// <summary>SentencePiece-style BPE with byte fallback, from tokenizer.json.</summary>
    public static Tokenizer Stories => s_stories.Value;

    public static Tokenizer SentencePiece(string path)
    {
        string file = TestData.Shared(path);
        return new Tokenizer(SentencePieceFile.Read(file, new TokenizerConfigFile()));
    }

    public static Tokenizer Gguf(string path) => Tokenizer.FromGguf(GgufVocabularyReader.Read(TestData.Shared(path)));

    public static Tokenizer Json(string json) =>
        JsonField.Read("tokenizer.json", Encoding.UTF8.GetBytes(json), root => new Tokenizer(TokenizerJsonFile.Read(root, new TokenizerConfigFile())));
}

/// <summary>Reads tokenizer.ggml.* of a well-formed GGUF file.</summary>
internal static class GgufVocabularyReader
{
    public static GgufVocabulary Read(string path)
    {
        using BinaryReader reader = new(new MemoryStream(File.ReadAllBytes(path)));
        reader.ReadUInt32();
        reader.ReadUInt32();
        reader.ReadUInt64();
        ulong pairs = reader.ReadUInt64();
        Dictionary<string, object> values = [];
        for (ulong i = 0; i < pairs; i++) values[Text(reader)] = Value(reader, reader.ReadUInt32());
        T? Get<T>(string key) => values.TryGetValue("tokenizer.ggml." + key, out object? value) ? (T)value : default;
        int? Id(string key) => values.TryGetValue($"tokenizer.ggml.{key}_token_id", out object? value) ? (int)(uint)value : null;
        return new GgufVocabulary
        {
            File = path,
            Model = Get<string>("model")!,
            Pre = Get<string>("pre"),
            Tokens = [.. Get<object[]>("tokens")!.Cast<string>()],
            Scores = Get<object[]>("scores")?.Cast<float>().ToArray(),
            TokenTypes = Get<object[]>("token_type")?.Cast<int>().ToArray(),
            Merges = Get<object[]>("merges")?.Cast<string>().ToArray(),
            BeginOfText = Id("bos"),
            EndOfText = Id("eos"),
            Unknown = Id("unknown"),
            AddsBeginOfText = Get<bool?>("add_bos_token"),
            AddsSpace = Get<bool?>("add_space_prefix"),
        };
    }

    private static string Text(BinaryReader reader) => Encoding.UTF8.GetString(reader.ReadBytes((int)reader.ReadUInt64()));

    private static object Value(BinaryReader reader, uint type) => type switch
    {
        4 => reader.ReadUInt32(),
        5 => reader.ReadInt32(),
        6 => reader.ReadSingle(),
        7 => reader.ReadBoolean(),
        8 => Text(reader),
        9 => Array(reader),
        _ => throw new InvalidOperationException($"Type {type} does not occur in the test files."),
    };

    private static object[] Array(BinaryReader reader)
    {
        uint type = reader.ReadUInt32();
        object[] items = new object[reader.ReadUInt64()];
        for (int i = 0; i < items.Length; i++) items[i] = Value(reader, type);
        return items;
    }
}

/// <summary>Texts that are hard on tokenizers, from a seed.</summary>
internal static class RandomText
{
    private static readonly string[] s_parts =
    [
        "the", "The", " house", "don't", "I'LL", "'re", "'S", "Führer", "Việt", "нещо", "កាន់", "我想", "工作", "～", "😁", "😶‍🌫️", "𝒜𝒷𝟙", "𠀀", "½", "٣", "1", "23", "4567",
        " ", "  ", "\t", "\n", "\r\n", "\n\n", "\u00a0", "\u2028", "\u3000", "!", "?!", "...", "----", "\"", "`", "$", "<=>", "e\u0301", "\u0301", "ﬁ", "\0", "\u0085", "x",
        "\ufffd", "▁", "Ġ", "s",
    ];

    public static string Next(Random random, int parts)
    {
        StringBuilder text = new();
        for (int i = random.Next(parts + 1); i > 0; i--)
        {
            if (random.Next(8) > 0)
            {
                text.Append(s_parts[random.Next(s_parts.Length)]);
                continue;
            }
            int scalar = random.Next(0x10FFFF - 0x800);
            text.Append(new Rune(scalar < 0xD800 ? scalar : scalar + 0x800));
        }
        return text.ToString();
    }
}
