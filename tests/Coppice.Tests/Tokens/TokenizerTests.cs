using System.Diagnostics;
using System.IO.Compression;
using System.Text.Json;
using System.Text.Json.Nodes;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class TokenizerTests
{
    [Fact]
    public void The_sample_models_prompts_have_the_tokens_that_it_was_trained_on()
    {
        using JsonDocument golden = JsonDocument.Parse(File.ReadAllBytes(Path.Combine(TestData.SampleModel, "golden.json")));
        Tokenizer tokenizer = Tokenizers.Sample;
        foreach (JsonElement prompt in golden.RootElement.EnumerateArray())
        {
            string text = prompt.GetProperty("prompt").GetString()!;
            int[] ids = [.. prompt.GetProperty("prompt_ids").EnumerateArray().Select(e => e.GetInt32())];
            int[] answer = [.. prompt.GetProperty("greedy_ids").EnumerateArray().Select(e => e.GetInt32())];
            Assert.Equal(ids, tokenizer.Encode(text));
            Assert.Equal(text, tokenizer.Decode(ids));
            Assert.Equal(prompt.GetProperty("greedy_text").GetString(), tokenizer.Decode(answer));
        }
        Assert.Equal((1024, 1, 2, true), (tokenizer.VocabularySize, tokenizer.BeginOfText, tokenizer.EndOfText, tokenizer.AddsBeginOfText));
    }

    [SharedFact]
    public void The_same_vocabulary_gives_the_same_tokens_from_all_three_kinds_of_file()
    {
        Tokenizer json = Tokenizers.Stories;
        Tokenizer model = Tokenizers.SentencePiece("testdata/stories260K/hf/tokenizer.model");
        Tokenizer gguf = Tokenizers.Gguf("testdata/stories260K/stories260K-f32.gguf");
        Random random = new(20);
        foreach (string text in Prompts().Take(200).Concat(Enumerable.Range(0, 2000).Select(_ => RandomText.Next(random, 20))))
        {
            int[] ids = json.Encode(text);
            Assert.Equal(ids, model.Encode(text));
            Assert.Equal(ids, gguf.Encode(text));
            if (!text.Contains('▁', StringComparison.Ordinal)) Assert.Equal(text, json.Decode(ids));
            Assert.Equal(json.Decode(ids), model.Decode(ids));
            Assert.Equal(json.Decode(ids), gguf.Decode(ids));
        }
        Assert.Equal((1, 2, true), (json.BeginOfText, json.EndOfText, json.AddsBeginOfText));
        Assert.Equal((1, 2, true), (model.BeginOfText, model.EndOfText, model.AddsBeginOfText));
        Assert.Equal((1, 2, true), (gguf.BeginOfText, gguf.EndOfText, gguf.AddsBeginOfText));
    }

    [SharedFact]
    public void A_folder_without_tokenizer_json_is_read_from_its_sentencepiece_model_and_its_configuration()
    {
        string folder = Directory.CreateTempSubdirectory("coppice-tokens-").FullName;
        try
        {
            File.Copy(TestData.Shared("testdata/stories260K/hf/tokenizer.model"), Path.Combine(folder, "tokenizer.model"));
            int[] ids = Tokenizer.FromFolder(folder).Encode("Once upon a time");
            Assert.Equal(Tokenizers.Stories.Encode("Once upon a time"), ids);
            File.WriteAllText(Path.Combine(folder, "tokenizer_config.json"), """{"bos_token": {"content": "</s>"}, "eos_token": "<s>", "add_bos_token": false, "add_eos_token": true}""");
            Tokenizer tokenizer = Tokenizer.FromFolder(folder);
            Assert.Equal((2, 1, false), (tokenizer.BeginOfText, tokenizer.EndOfText, tokenizer.AddsBeginOfText));
            Assert.Equal([.. ids[1..], 1], tokenizer.Encode("Once upon a time"));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Fact]
    public void A_character_of_a_piece_that_is_no_piece_itself_still_merges()
    {
        GgufVocabulary vocabulary = new() { File = "f", Model = "llama", Tokens = ["<unk>", "ab", "a", "<0x62>"], Scores = [0, -1, -2, 0], TokenTypes = [2, 1, 1, 6], Unknown = 0, AddsSpace = false };
        Tokenizer tokenizer = Tokenizer.FromGguf(vocabulary);
        Assert.Equal([1, 2], tokenizer.Encode("aba"));
        Assert.Equal([3, 0], tokenizer.Encode("bccc"));   // alone it is spelled in bytes, and a run of unknown characters is one token
    }

    [SharedTheory]
    [InlineData("gpt-2")]
    [InlineData("mpt")]
    [InlineData("falcon")]
    public void The_reference_vectors_of_a_gguf_vocabulary_come_out(string name)
    {
        Tokenizer tokenizer = Tokenizers.Gguf($"testdata/tokenizers/ggml-vocab-{name}.gguf");
        string[] texts = File.ReadAllText(TestData.Shared($"testdata/tokenizers/ggml-vocab-{name}.gguf.inp")).Split("\n__ggml_vocab_test__\n");
        string[] lines = File.ReadAllText(TestData.Shared($"testdata/tokenizers/ggml-vocab-{name}.gguf.out")).Split('\n');
        Assert.Equal(46 + 1, texts.Length);   // the last one ends with the separator
        for (int i = 0; i < 46; i++)
        {
            int[] expected = [.. lines[i].Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(int.Parse)];
            Assert.Equal((texts[i], string.Join(' ', expected)), (texts[i], string.Join(' ', tokenizer.Encode(texts[i], Specials.None))));
            Assert.Equal(texts[i], tokenizer.Decode(expected));
        }
    }

    [SharedFact]
    public void Pythias_tokenizer_json_and_the_gguf_of_its_vocabulary_agree()
    {
        JsonNode pythia = JsonNode.Parse(File.ReadAllText(TestData.Shared("testdata/tokenizers/pythia-tokenizer.json")))!;
        Tokenizer shipped = Tokenizers.Json(pythia.ToJsonString());
        pythia["normalizer"] = null;   // GGUF does not normalise
        Tokenizer json = Tokenizers.Json(pythia.ToJsonString()), gguf = Tokenizers.Gguf("testdata/tokenizers/ggml-vocab-mpt.gguf");
        Random random = new(6);
        foreach (string text in Prompts().Concat(Enumerable.Range(0, 2000).Select(_ => RandomText.Next(random, 20))))
        {
            int[] ids = json.Encode(text);
            Assert.Equal(gguf.Encode(text), ids);
            Assert.Equal(text, json.Decode(ids));
            Assert.Equal(json.Encode(UnicodeForm.Nfc.Apply(text)), shipped.Encode(text));
        }
        Assert.False(json.AddsBeginOfText);
    }

    [SharedTheory]
    [InlineData("mistral-v1.model")]
    [InlineData("mistral-v3.model")]
    public void A_sentencepiece_model_gives_every_prompt_back(string name)
    {
        Tokenizer tokenizer = Tokenizers.SentencePiece("testdata/tokenizers/" + name);
        foreach (string prompt in Prompts()) Assert.Equal(prompt, tokenizer.Decode(tokenizer.Encode(prompt)));
        Random random = new(8);
        for (int i = 0; i < 2000; i++)
        {
            // What no piece covers is spelled in bytes; U+2581 is how these vocabularies write a space.
            string text = RandomText.Next(random, 30).Replace('\u2581', ' ');
            Assert.Equal(text, tokenizer.Decode(tokenizer.Encode(text, Specials.Around)));
        }
        int[] instruct = tokenizer.Encode("[INST] Hi [/INST]");
        Assert.Equal(name == "mistral-v3.model", instruct.Length == 6 && instruct[1] == 3);
        Assert.True(tokenizer.Encode("[INST] Hi [/INST]", Specials.Around).Length > 6);
    }

    [SharedFact]
    public void Known_texts_have_the_tokens_that_sentencepiece_gives_them()
    {
        Tokenizer tokenizer = Tokenizers.SentencePiece("testdata/tokenizers/mistral-v1.model");
        string[] pieces = [.. tokenizer.Encode("Hello wörld 🦙").Select(tokenizer.Piece)];
        Assert.Equal(["<s>", "▁Hello", "▁w", "ör", "ld", "▁", "<0xF0>", "<0x9F>", "<0xA6>", "<0x99>"], pieces);
        Assert.Equal([1, 22557, 1526], tokenizer.Encode("Hello world"));   // as Mistral's model card has it
    }

    [Fact]
    public void Any_text_survives_byte_level_encoding()
    {
        Random random = new(4);
        for (int i = 0; i < 3000; i++)
        {
            string text = RandomText.Next(random, 30);
            Assert.Equal(text, Tokenizers.Sample.Decode(Tokenizers.Sample.Encode(text, Specials.None)));
        }
        Assert.Empty(Tokenizers.Sample.Encode("", Specials.None));
        Assert.Equal("a\ufffdb", Tokenizers.Sample.Decode(Tokenizers.Sample.Encode("a\ud800b")));
    }

    [SharedFact]
    public void The_golden_story_encodes_and_decodes_to_itself()
    {
        string story = File.ReadAllText(TestData.Shared("testdata/stories260K/golden_greedy_256.txt"));
        Assert.Equal(story, Tokenizers.Stories.Decode(Tokenizers.Stories.Encode(story)));
    }

    [Fact]
    public void A_special_token_in_the_text_is_one_only_if_asked_for()
    {
        Tokenizer tokenizer = Tokenizers.Sample;
        Assert.Equal([1, .. tokenizer.Encode("a", Specials.None), 2, .. tokenizer.Encode("b", Specials.None)], tokenizer.Encode("a</s>b"));
        Assert.Equal("a</s>b", tokenizer.Decode(tokenizer.Encode("a</s>b", Specials.Around)));
        Assert.Equal("ab", tokenizer.Decode(tokenizer.Encode("a</s>b")));
        Assert.True(tokenizer.Bytes(2).IsEmpty);
        Assert.Equal("</s>", tokenizer.Piece(2));
    }

    [Fact]
    public void A_token_that_is_not_in_the_vocabulary_is_refused()
    {
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizers.Sample.Decode([1024]));
        Assert.Throws<ArgumentOutOfRangeException>(() => Tokenizers.Sample.Decode([-1]));
    }

    [Theory]
    [InlineData("a")]
    [InlineData("ab")]
    [InlineData(" ")]
    [InlineData("\n")]
    [InlineData("é")]
    [InlineData("0")]
    public void A_word_of_a_million_characters_takes_about_as_long_and_as_much_memory_as_many_short_ones(string unit)
    {
        string word = string.Concat(Enumerable.Repeat(unit, 1_000_000 / unit.Length));
        long before = GC.GetAllocatedBytesForCurrentThread();
        Stopwatch watch = Stopwatch.StartNew();
        int[] tokens = Tokenizers.Sample.Encode(word);
        Assert.InRange((GC.GetAllocatedBytesForCurrentThread() - before) / (double)word.Length, 0, 200);
        Assert.True(watch.Elapsed < TimeSpan.FromMinutes(1), $"{watch.Elapsed}");   // time that grows with the square would be hours
        Assert.Equal(word, Tokenizers.Sample.Decode(tokens));
    }

    [Fact]
    public void Many_threads_share_a_tokenizer()
    {
        string[] texts = [.. Enumerable.Range(0, 64).Select(i => RandomText.Next(new Random(i), 200))];
        int[][] alone = [.. texts.Select(t => Tokenizers.Sample.Encode(t))];
        Parallel.For(0, 512, i => Assert.Equal(alone[i % 64], Tokenizers.Sample.Encode(texts[i % 64])));
    }

    private static IEnumerable<string> Prompts()
    {
        foreach (string line in File.ReadLines(TestData.Shared("testdata/prompts/mt-bench.jsonl")).Concat(HumanEval()))
        {
            using JsonDocument document = JsonDocument.Parse(line);
            if (document.RootElement.TryGetProperty("prompt", out JsonElement prompt) && prompt.ValueKind == JsonValueKind.String) yield return prompt.GetString()!;
            else yield return line;
        }
        foreach (string file in Directory.EnumerateFiles(TestData.Shared("testdata/prompts/bbh/cot-prompts")).Order(StringComparer.Ordinal)) yield return File.ReadAllText(file);
    }

    private static IEnumerable<string> HumanEval()
    {
        using StreamReader reader = new(new GZipStream(File.OpenRead(TestData.Shared("testdata/prompts/HumanEval.jsonl.gz")), CompressionMode.Decompress));
        while (reader.ReadLine() is { } line)
            if (line.Length > 0) yield return line;
    }
}
