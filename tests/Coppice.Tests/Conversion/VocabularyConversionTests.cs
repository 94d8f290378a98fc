using System.Text.Json;
using Coppice.Loading;
using Coppice.Tests.Loading;
using Coppice.Tests.Models;
using Coppice.Tests.Tokens;
using Coppice.Tokens;
using static Coppice.Tests.Conversion.Converted;

namespace Coppice.Tests.Conversion;

/// <summary>Tokenizers of every kind, through a written file and back.</summary>
public sealed class VocabularyConversionTests
{
    private const string Space = """{"type": "Replace", "pattern": {"String": " "}, "content": "▁"}""";
    private const string Prepended = """{"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, """ + Space + "]}";

    [SharedTheory, InlineData("stories260K/hf/tokenizer.json", "llama"), InlineData("stories260K/hf/tokenizer.model", "llama"), InlineData("tokenizers/pythia-tokenizer.json", "gpt2"),
     InlineData("tokenizers/mistral-v1.model", "llama"), InlineData("tokenizers/mistral-v3.model", "llama")]
    public void Those_of_published_models_survive(string file, string model)
    {
        using TempFolder folder = new();
        File.Copy(TestData.Shared($"testdata/{file}"), folder.File($"tokenizer{Path.GetExtension(file)}"));
        Assert.Equal(model, Convert(folder).Model);
    }

    [Theory, InlineData(false), InlineData(true)]
    public void A_unigram_model_of_tokenizer_json_becomes_t5(bool byteFallback)
    {
        using TempFolder folder = new();
        byte[] map = CharacterMaps.Build(("ﬁ", "fi"), ("\t", " "), ("\n", " "), ("Ａ", "a"), ("\u00a0", " "), ("\u3000", " "), ("\u2003", " "), ("\u200b", ""), ("\r", " "));
        folder.Write("tokenizer.json", UnigramTests.Json(byteFallback).Replace("\"normalizer\": null", $$"""
            "added_tokens": [{"id": 0, "content": "<unk>", "special": true}], "normalizer": {"type": "Sequence", "normalizers": [{"type": "Precompiled", "precompiled_charsmap": "{{System.Convert.ToBase64String(map)}}"},
              {"type": "Strip", "strip_left": false, "strip_right": true}, {"type": "Replace", "pattern": {"Regex": " {2,}"}, "content": "▁"}]}
            """, StringComparison.Ordinal));
        GgufVocabulary written = Convert(folder, composed: false);
        Assert.Equal(("t5", true, true), (written.Model, written.AddsSpace, written.OneSpace));
        Assert.Equal(map, written.CharacterMap);
        Assert.Equal(-4.2f, written.Scores![6]);
        Assert.Equal([2, 1, 1], written.TokenTypes!.Take(3));
        if (byteFallback) Assert.Equal((int)PieceType.Byte, written.TokenTypes![14]);
    }

    [Fact]
    public void A_unigram_model_of_SentencePiece_becomes_t5()
    {
        using TempFolder folder = new();
        byte[] map = CharacterMaps.Build(("ﬁ", "fi"), ("Ａ", "a"), ("é", "e"));
        folder.Write("tokenizer.model", UnigramTests.Model(map));
        folder.Write("tokenizer_config.json", """{"add_bos_token": false}""");
        GgufVocabulary written = Convert(folder);
        Assert.Equal(("t5", "default", true, true), (written.Model, written.Pre, written.AddsSpace, written.OneSpace));
        Assert.Equal(map, written.CharacterMap);
    }

    [SharedFact]
    public void A_tiktoken_file_becomes_a_list_of_merges()
    {
        using TempFolder folder = new();
        Tokenizer gpt2 = Tokenizers.Gguf("testdata/tokenizers/ggml-vocab-gpt-2.gguf");
        folder.Write("gpt2.tiktoken", TiktokenTests.File(Enumerable.Range(0, 50_256).Select(gpt2.Piece).Select(TiktokenTests.Spelled)));
        GgufVocabulary written = Convert(folder);
        Assert.Equal(("gpt2", "gpt-2"), (written.Model, written.Pre));
        Assert.Equal("Ġ t", written.Merges![0]);
    }

    [Fact]
    public void Marks_that_take_white_space_with_them_are_known_by_the_models_name()
    {
        using TempFolder folder = new();
        folder.Write("tokenizer.json", Llama(Prepended, """{"id": ID0, "content": "<|user|>", "special": true, "rstrip": true}, {"id": ID1, "content": "<|endoftext|>", "special": true}"""));
        GgufVocabulary written = Convert(folder);
        Assert.StartsWith("Phi-3 ", written.ModelName, StringComparison.Ordinal);
        Tokenizer tokenizer = Tokenizer.FromGguf(written), plain = Tokenizer.FromGguf(written with { ModelName = "model" });
        Assert.Equal(tokenizer.Encode("<|user|>the"), tokenizer.Encode("<|user|>\n the"));
        Assert.NotEqual(plain.Encode("<|user|>the"), plain.Encode("<|user|>\n the"));
        Assert.NotEqual(tokenizer.Encode("<|endoftext|>the"), tokenizer.Encode("<|endoftext|>\nthe"));
    }

    [Fact]
    public void Runs_of_spaces_that_are_added_tokens_are_merged_as_in_Gemma()
    {
        using TempFolder folder = new();
        folder.Write("tokenizer.json", Llama(Space, """{"id": ID_▁▁, "content": "▁▁", "normalized": false}, {"id": ID_▁▁▁▁, "content": "▁▁▁▁", "normalized": false}, {"id": ID0, "content": "<tag>", "normalized": false}"""));
        GgufVocabulary written = Convert(folder);
        Assert.False(written.AddsSpace);
        Assert.Contains("▁▁▁▁", Tokenizer.FromGguf(written).Encode("a     a").Select(Tokenizer.FromGguf(written).Piece));
        Assert.Equal((int)PieceType.UserDefined, written.TokenTypes![^4]); // padding follows
    }

    [Theory]
    [InlineData("""{"type": "Sequence", "normalizers": [{"type": "Lowercase"}, {"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]}""")]
    [InlineData("""{"type": "Prepend", "prepend": "_"}""")]
    public void Steps_that_GGUF_has_no_names_for_are_refused(string normalizer)
    {
        using TempFolder folder = new();
        folder.Write("tokenizer.json", Llama(normalizer, ""));
        string said = Assert.Throws<ModelFormatException>(() => Convert(folder)).Message;
        Assert.EndsWith("No tokenizer that GGUF can name gives the same tokens as the folder's own. Use the folder as it is, with --weights q8_0 if it is too large.", said, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.gguf*"));
    }

    // A tiny model around the folder's tokenizer, written, read, and compared token by token. The written file's values come back.
    private static GgufVocabulary Convert(TempFolder folder, bool composed = true)
    {
        Tokenizer own = Tokenizer.FromFolder(folder.Path);
        TinyModel model = new(1) { V = own.VocabularySize + 3, Layers = 1 };
        Checkpoint.ForFolder(model).WriteFolder(folder, TinyFiles.Json(model, "llama", "LlamaForCausalLM"));
        Converted.Convert(folder.Path, WeightType.F32, folder.File("written.gguf"));
        using ModelSource source = ModelSource.Open(folder.File("written.gguf"));
        Tokenizer written = ModelTokenizer.Load(source);

        Assert.Equal(own.VocabularySize, written.VocabularySize);   // the rows behind them are padding in both
        Assert.Equal((own.BeginOfText ?? 1, own.AddsBeginOfText, own.AddsEndOfText), (written.BeginOfText, written.AddsBeginOfText, written.AddsEndOfText));
        for (int token = 0; token < own.VocabularySize; token++)
        {
            Assert.Equal(own.Piece(token), written.Piece(token));
            Assert.Equal(own.IsSpecial(token), written.IsSpecial(token));
            Assert.True(own.Bytes(token).SequenceEqual(written.Bytes(token)), own.Piece(token));
        }
        int[] special = [.. Enumerable.Range(0, own.VocabularySize).Where(own.IsSpecial).Take(8)];
        Random random = new(3);
        for (int i = 0; i < 300; i++)
        {
            string text = UnicodeForm.Nfc.Apply(string.Concat(Enumerable.Range(0, 40).Select(_ => random.Next(5) switch
            {
                0 => ((char)random.Next(32, 127)).ToString(),
                1 => ((char)random.Next('a', 'z' + 1)).ToString(),
                2 => " \n0123456789.,'"[random.Next(15)].ToString(),
                3 => special.Length > 0 && random.Next(8) == 0 ? own.Piece(special[random.Next(special.Length)]) : "the",
                _ => composed ? RandomText.Next(random, 2) : " ",
            })));
            int[] expected = own.Encode(text);
            Assert.True(expected.AsSpan().SequenceEqual(written.Encode(text)), JsonSerializer.Serialize(text));
            Assert.Equal(own.Decode(expected), written.Decode(expected));
        }
        return ModelTokenizer.Vocabulary(folder.File("written.gguf"), source.Gguf!);
    }

    // Llama's kind of tokenizer.json: bytes, some characters, some merges.
    private static string Llama(string normalizer, string added)
    {
        string[][] merges = [["t", "h"], ["th", "e"], ["▁", "the"], ["▁", "a"], ["▁", "▁"], ["▁▁", "▁▁"], ["n", "g"], ["i", "ng"], ["H", "e"], ["▁▁▁▁", "▁▁▁▁"]];
        List<string> pieces = ["<unk>", "<s>", "</s>", .. Enumerable.Range(0, 256).Select(b => $"<0x{b:X2}>"), "▁", .. "abcdefghinotHT.,".Select(c => c.ToString()), .. merges.Select(pair => pair[0] + pair[1])];
        for (int i = 0; i < 2; i++) added = added.Replace($"ID{i}", $"{pieces.Count + i}", StringComparison.Ordinal);
        foreach (string run in (string[])["▁▁▁▁", "▁▁"]) added = added.Replace($"ID_{run},", $"{pieces.IndexOf(run)},", StringComparison.Ordinal);
        string marks = """{"id": 0, "content": "<unk>", "special": true, "normalized": false}, {"id": 1, "content": "<s>", "special": true, "normalized": false}""";
        string strip = normalizer == Prepended ? """, {"type": "Strip", "content": " ", "start": 1, "stop": 0}""" : "";
        const string Json = """
            {"added_tokens": [ADDED], "normalizer": NORMALIZER, "pre_tokenizer": null,
             "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}], "special_tokens": {"<s>": {"id": "<s>", "ids": [1], "tokens": ["<s>"]}}},
             "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"} STRIP]},
             "model": {"type": "BPE", "unk_token": "<unk>", "fuse_unk": true, "byte_fallback": true, "vocab": VOCABULARY, "merges": MERGES}}
            """;
        return Json.Replace("ADDED", added.Length > 0 ? $"{marks}, {added}" : marks, StringComparison.Ordinal).Replace("NORMALIZER", normalizer, StringComparison.Ordinal).Replace("STRIP", strip, StringComparison.Ordinal)
            .Replace("VOCABULARY", JsonSerializer.Serialize(pieces.Index().ToDictionary(p => p.Item, p => p.Index, StringComparer.Ordinal)), StringComparison.Ordinal).Replace("MERGES", JsonSerializer.Serialize(merges), StringComparison.Ordinal);
    }
}
