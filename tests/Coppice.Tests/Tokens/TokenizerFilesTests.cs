using System.Text;
using System.Text.Json.Nodes;
using Coppice.Tokens;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Tokens;

public sealed class TokenizerFilesTests
{
    private const string Small = """
        {
          "added_tokens": [
            {"id": 6, "content": "<s>", "single_word": false, "lstrip": false, "rstrip": false, "normalized": false, "special": true},
            {"id": 7, "content": "ab", "single_word": true, "lstrip": true, "rstrip": true, "normalized": true, "special": false}
          ],
          "normalizer": {"type": "Sequence", "normalizers": [{"type": "Prepend", "prepend": "▁"}, {"type": "Replace", "pattern": {"String": " "}, "content": "▁"}]},
          "pre_tokenizer": null,
          "post_processor": {"type": "TemplateProcessing", "single": [{"SpecialToken": {"id": "<s>", "type_id": 0}}, {"Sequence": {"id": "A", "type_id": 0}}],
            "special_tokens": {"<s>": {"id": "<s>", "ids": [6], "tokens": ["<s>"]}}},
          "decoder": {"type": "Sequence", "decoders": [{"type": "Replace", "pattern": {"String": "▁"}, "content": " "}, {"type": "ByteFallback"}, {"type": "Fuse"}, {"type": "Strip", "content": " ", "start": 1, "stop": 0}]},
          "model": {"type": "BPE", "unk_token": "u", "fuse_unk": true, "byte_fallback": true, "vocab": {"u": 0, "a": 1, "b": 2, "▁": 3, "▁a": 4, "▁ab": 5}, "merges": ["▁ a", ["▁a", "b"]]}
        }
        """;

    private const string ByteLevel = """
        {
          "normalizer": null,
          "pre_tokenizer": {"type": "Sequence", "pretokenizers": [
            {"type": "Split", "pattern": {"Regex": "[0-9]+(?!x)"}, "behavior": "Isolated", "invert": false},
            {"type": "Digits", "individual_digits": true},
            {"type": "Punctuation", "behavior": "Contiguous"},
            {"type": "ByteLevel", "add_prefix_space": true, "use_regex": true}]},
          "decoder": {"type": "ByteLevel"},
          "model": {"type": "BPE", "ignore_merges": true, "vocab": {"a": 0, "b": 1, "Ġ": 2, "Ġa": 3}, "merges": ["Ġ a"]}
        }
        """;

    [Fact]
    public void Added_tokens_strip_white_space_and_stand_alone_as_their_flags_say()
    {
        string json = Small.Replace("\"Sequence\", \"normalizers\": [{\"type\": \"Prepend\", \"prepend\": \"▁\"}, {\"type\": \"Replace\"", "\"Sequence\", \"normalizers\": [{\"type\": \"Replace\"", StringComparison.Ordinal);
        Tokenizer tokenizer = Tokenizers.Json(json);
        Assert.Equal([6, 1, 3, 3, 7], tokenizer.Encode("a  ab"));   // the marks to its left are text, not white space, by then
        Assert.Equal([6, 1, 1, 2, 2], tokenizer.Encode("aabb"));   // inside a word it is no token
        Tokenizer plain = Tokenizers.Json(json.Replace("\"normalized\": true", "\"normalized\": false", StringComparison.Ordinal));
        Assert.Equal([6, 1, 7, 2], plain.Encode("a  ab \n b"));
    }

    [Fact]
    public void Byte_level_steps_work_in_their_order()
    {
        Tokenizer tokenizer = Tokenizers.Json(ByteLevel);
        Assert.Equal([3, 1], tokenizer.Encode("ab"));
        Assert.Equal([3, 2, 3], tokenizer.Encode("a  a"));
        Assert.Equal(" a b", tokenizer.Decode([3, 2, 1]));
    }

    [Theory]
    [InlineData("\"▁ a\"", "\"▁a\"", "space")]
    [InlineData("\"▁ a\"", "\"\"", "space")]
    [InlineData("\"▁ a\"", "\"▁ a b\"", "space")]
    [InlineData("[\"▁a\", \"b\"]", "[\"▁a\"]", "two texts")]
    [InlineData("[\"▁a\", \"b\"]", "\"▁a x\"", "'x' is not in the vocabulary")]
    [InlineData("\"▁ab\": 5", "\"▁ab\": 4", "same id 4")]
    [InlineData("\"▁ab\": 5", "\"▁ab\": 65544", "8 tokens may have ids from 0 to 65543")]
    [InlineData("\"▁ab\": 5", "\"▁ab\": -1", "8 tokens may have ids from 0 to 65543")]
    [InlineData("\"▁ab\": 5", "\"▁ab\": 2147483647", "8 tokens may have ids from 0 to 65543")]
    [InlineData("\"▁ab\": 5", "\"▁ab\": 99999999999", "model.vocab")]
    [InlineData("\"▁ab\": 5", "\"a\": 5", "twice")]
    [InlineData("{\"id\": 6", "{\"id\": 2", "<s>")]
    [InlineData("\"ids\": [6]", "\"ids\": [8]", "below 8")]
    [InlineData("\"unk_token\": \"u\"", "\"unk_token\": \"?\"", "unk_token")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordPiece\"", "WordPiece")]
    [InlineData("\"type\": \"BPE\"", "\"type\": \"WordLevel\"", "WordLevel")]
    [InlineData("\"type\": \"Prepend\"", "\"type\": \"BertNormalizer\"", "BertNormalizer")]
    [InlineData("\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"BertPreTokenizer\"}", "BertPreTokenizer")]
    [InlineData("\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"(\"}, \"behavior\": \"Isolated\"}", "split pattern")]
    [InlineData("\"pre_tokenizer\": null", "\"pre_tokenizer\": {\"type\": \"Split\", \"pattern\": {\"Regex\": \"[a&&b]\"}, \"behavior\": \"Isolated\"}", "&&")]
    [InlineData("\"type\": \"TemplateProcessing\"", "\"type\": \"RobertaProcessing\"", "RobertaProcessing")]
    [InlineData("\"type\": \"Fuse\"", "\"type\": \"WordPiece\"", "decoder")]
    [InlineData("\"a\": 1", "\"\\ud800\": 1", "Unicode")]
    [InlineData("\"content\": \"ab\"", "\"content\": \"\"", "Added token")]
    [InlineData("\"merges\"", "\"merged\"", "model.merges is missing")]
    [InlineData("\"vocab\"", "\"words\"", "model.vocab is missing")]
    [InlineData("{", "[", "JSON")]
    public void What_is_wrong_in_a_tokenizer_json_is_refused_by_name(string from, string to, string named)
    {
        Assert.NotEmpty(Tokenizers.Json(Small).Encode("a ab"));
        Assert.Contains(from, Small, StringComparison.Ordinal);
        int at = Small.IndexOf(from, StringComparison.Ordinal);
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Tokenizers.Json(Small[..at] + to + Small[(at + from.Length)..]));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_normalizer_that_multiplies_the_text_is_refused_before_the_memory_is_gone()
    {
        string many = string.Join(',', Enumerable.Repeat($$"""{"type": "Replace", "pattern": {"String": "a"}, "content": "{{new string('a', 60)}}"}""", 10));
        string json = Small.Replace("\"normalized\": true", "\"normalized\": false", StringComparison.Ordinal).Replace("{\"type\": \"Prepend\", \"prepend\": \"▁\"}", many, StringComparison.Ordinal);
        Assert.Throws<ModelFormatException>(() => Tokenizers.Json(json).Encode("a"));
    }

    [Fact]
    public void A_folder_without_a_tokenizer_is_refused() => Assert.Throws<ModelFormatException>(() => Tokenizer.FromFolder(Path.Combine(TestData.Root, "src")));

    [Theory]
    [InlineData("scores", "tokenizer.ggml.scores has 2 values for 4 tokens")]
    [InlineData("no scores", "tokenizer.ggml.scores is missing")]
    [InlineData("nan", "finite")]
    [InlineData("byte", "<0x-1>")]
    [InlineData("types", "token_type has 1 values")]
    [InlineData("type", "token_type[0] is 9")]
    [InlineData("bos", "vocabulary has 4 tokens")]
    [InlineData("model", "'bert'")]
    [InlineData("pre", "'nonesuch'")]
    [InlineData("merge", "one space")]
    [InlineData("no merges", "merges is missing")]
    [InlineData("empty", "tokens is empty")]
    public void What_is_wrong_in_gguf_metadata_is_refused_by_name(string wrong, string named)
    {
        GgufVocabulary good = new() { File = "f", Model = "llama", Tokens = ["<unk>", "a", "aa", "<0x00>"], Scores = [0, 0, -1, 0], TokenTypes = [2, 1, 1, 6], BeginOfText = 0, EndOfText = 0 };
        Assert.Equal(4, Tokenizer.FromGguf(good).VocabularySize);
        GgufVocabulary merges = good with { Model = "gpt2", Pre = "gpt-2", Merges = ["a a"], TokenTypes = [1, 1, 1, 1] };
        Assert.Equal([2], Tokenizer.FromGguf(merges).Encode("aa"));
        GgufVocabulary bad = wrong switch
        {
            "scores" => good with { Scores = [0, 0] },
            "no scores" => good with { Scores = null },
            "nan" => good with { Scores = [0, 0, float.NaN, 0] },
            "byte" => good with { Tokens = ["<unk>", "a", "aa", "<0x-1>"] },
            "types" => good with { TokenTypes = [1] },
            "type" => good with { TokenTypes = [9, 1, 1, 6] },
            "bos" => good with { BeginOfText = 4 },
            "model" => good with { Model = "bert" },
            "pre" => merges with { Pre = "nonesuch" },
            "merge" => merges with { Merges = ["aa"] },
            "no merges" => merges with { Merges = null },
            _ => good with { Tokens = [] },
        };
        Assert.Contains(named, Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(bad)).Message, StringComparison.Ordinal);
    }

    [SharedTheory]
    [InlineData("gguf_sem_bytetoken.gguf", "<0x-1>")]
    [InlineData("gguf_sem_merge_nospace.gguf", "one space")]
    public void A_bad_file_with_a_bad_vocabulary_is_refused_by_name(string file, string named)
    {
        GgufVocabulary vocabulary = GgufVocabularyReader.Read(TestData.Shared("testdata/badfiles/" + file));
        Assert.Contains(named, Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(vocabulary)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void However_a_tokenizer_json_is_mutated_it_loads_or_is_refused() => Mutate(600, seed =>
    {
        Random random = new(seed);
        string text = random.Next(3) switch { 0 => Small, 1 => ByteLevel, _ => UnigramTests.Json(byteFallback: false) };
        byte[] bytes = Encoding.UTF8.GetBytes(text);
        if (random.Next(3) == 0) bytes = FlipBytes(bytes, random);
        else bytes = Encoding.UTF8.GetBytes(ChangeNode(JsonNode.Parse(text)!, random).ToJsonString());
        UseOrRefuse(() => JsonField.Read("tokenizer.json", bytes, root => new Tokenizer(TokenizerJsonFile.Read(root, new TokenizerConfigFile()))));
    });

    [SharedFact]
    public void However_a_sentencepiece_model_is_mutated_it_loads_or_is_refused()
    {
        byte[] good = File.ReadAllBytes(TestData.Shared("testdata/stories260K/hf/tokenizer.model"));
        Mutate(400, seed =>
        {
            byte[] bytes = FlipBytes(good, new Random(seed));
            UseOrRefuse(() => new Tokenizer(SentencePieceFile.Read("tokenizer.model", bytes, new TokenizerConfigFile())));
        });
    }

    private static void Mutate(int tests, Action<int> property) =>
        Prop.ForAll(ArbMap.Default.ArbFor<int>().Generator.Resize(int.MaxValue / 2).ToArbitrary(), property)
            .Check(Config.QuickThrowOnFailure.WithMaxTest(tests).WithReplay(20251121, 7));

    private static void UseOrRefuse(Func<Tokenizer> load)
    {
        try
        {
            Tokenizer tokenizer = load();
            tokenizer.Decode(tokenizer.Encode("a ab <s> 12x, Ünïcödé 🦙"));
        }
        catch (ModelFormatException)
        {
            // Refused, as it should be.
        }
    }

    private static byte[] FlipBytes(byte[] good, Random random)
    {
        List<byte> bytes = [.. good];
        for (int i = random.Next(1, 5); i > 0; i--)
        {
            int at = random.Next(bytes.Count - 8);
            switch (random.Next(4))
            {
                case 0:
                    bytes[at] = (byte)random.Next(256);
                    break;
                case 1:
                    bytes[at] ^= (byte)(1 << random.Next(8));
                    break;
                case 2:
                    bytes.RemoveRange(at, random.Next(1, 8));
                    break;
                default:
                    bytes.Insert(at, (byte)random.Next(256));
                    break;
            }
        }
        return [.. bytes];
    }

    private static JsonNode ChangeNode(JsonNode root, Random random)
    {
        JsonNode?[] values = [null, JsonValue.Create(random.Next(-2, 12)), JsonValue.Create(1e300), JsonValue.Create(""), JsonValue.Create("a"), JsonValue.Create(true), new JsonArray(), new JsonObject(), JsonValue.Create("BPE"), JsonValue.Create("ByteLevel"), JsonValue.Create("Sequence"), JsonValue.Create("NFKC"), JsonValue.Create("Unigram"), JsonValue.Create("Strip")];
        JsonNode node = root;
        while (true)
        {
            if (node is JsonObject map && map.Count > 0)
            {
                string name = map.ElementAt(random.Next(map.Count)).Key;
                if (map[name] is JsonObject or JsonArray && random.Next(4) > 0) node = map[name]!;
                else if (random.Next(4) == 0) return Removed(() => map.Remove(name));
                else return Removed(() => map[name] = values[random.Next(values.Length)]);
            }
            else if (node is JsonArray list && list.Count > 0)
            {
                int index = random.Next(list.Count);
                if (list[index] is JsonObject or JsonArray && random.Next(4) > 0) node = list[index]!;
                else if (random.Next(4) == 0) return Removed(() => list.Add(list[index]?.DeepClone()));
                else return Removed(() => list[index] = values[random.Next(values.Length)]);
            }
            else
            {
                return root;
            }
        }

        JsonNode Removed(Action change)
        {
            change();
            return root;
        }
    }
}
