using System.Buffers.Binary;
using System.Globalization;
using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class UnigramTests
{
    private static readonly (string Piece, double Score)[] s_pieces =
        [("<unk>", 0), ("▁", -2), ("a", -3), ("b", -3.5), ("c", -4), ("ab", -4.5), ("bc", -4.2), ("abc", -9), ("▁a", -3.2), ("▁ab", -5.1), ("ca", -6.3), ("😀", -5), ("😀a", -5.5), ("x", -11)];

    [Theory]
    [InlineData("abc", "▁a bc")]     // -7.4; ▁ab c is -9.1
    [InlineData("aab abc", "▁a ab ▁a bc")]
    [InlineData("b😀a", "▁ b 😀a")]
    [InlineData("aqqb", "▁a <unk> b")]   // a run of unknown characters is one token
    [InlineData("q", "▁ <unk>")]
    public void The_best_pieces_are_chosen(string text, string pieces)
    {
        Tokenizer tokenizer = Tokenizers.Json(Json(byteFallback: false));
        Assert.Equal(pieces, string.Join(' ', tokenizer.Encode(text).Select(tokenizer.Piece)));
    }

    [Fact]
    public void What_no_piece_covers_is_spelled_in_bytes()
    {
        Tokenizer tokenizer = Tokenizers.Json(Json(byteFallback: true));
        Assert.Equal("▁a <0xC3> <0xA9> <0x71> b", string.Join(' ', tokenizer.Encode("aéqb").Select(tokenizer.Piece)));
        Assert.Equal("aéqb", tokenizer.Decode(tokenizer.Encode("aéqb")));
    }

    [Fact]
    public void No_other_pieces_score_better()
    {
        Tokenizer tokenizer = Tokenizers.Json(Json(byteFallback: false));
        Dictionary<string, double> scores = s_pieces.Skip(1).ToDictionary(p => p.Piece, p => p.Score, StringComparer.Ordinal);
        Random random = new(3);
        for (int i = 0; i < 500; i++)
        {
            string word = new([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => "abcx"[random.Next(4)])]);
            double best = Best("▁" + word, scores);
            Assert.Equal(best, tokenizer.Encode(word).Sum(t => scores[tokenizer.Piece(t)]), 9);
        }
    }

    [Fact]
    public void A_sentencepiece_model_gives_the_same_tokens_as_its_tokenizer_json()
    {
        Tokenizer json = Tokenizers.Json(Json(byteFallback: false)), model = new(SentencePieceFile.Read("m", Model(map: []), new TokenizerConfigFile { AddsBeginOfText = false }));
        Random random = new(4);
        for (int i = 0; i < 500; i++)
        {
            string text = string.Join(' ', Enumerable.Range(0, random.Next(1, 5)).Select(_ => new string([.. Enumerable.Range(0, random.Next(1, 9)).Select(_ => "abcxyq"[random.Next(6)])])));
            Assert.Equal(json.Encode(text), model.Encode(text));
        }
    }

    [Fact]
    public void A_GGUF_vocabulary_that_says_no_more_is_treated_as_llama_cpp_treats_it()
    {
        GgufVocabulary t5 = new() { File = "m", Model = "t5", Tokens = [.. s_pieces.Select(p => p.Piece), "</s>"], Scores = [.. s_pieces.Select(p => (float)p.Score), 0], TokenTypes = [2, .. Enumerable.Repeat(1, s_pieces.Length - 1), 3], Unknown = 0, EndOfText = s_pieces.Length };
        Tokenizer tokenizer = Tokenizer.FromGguf(t5);
        Assert.Equal("a bc ▁ ▁a </s>", string.Join(' ', tokenizer.Encode("abc  a").Select(tokenizer.Piece)));   // no space before, all spaces kept, an end
        Assert.Equal("▁a bc ▁a", string.Join(' ', Tokenizer.FromGguf(t5 with { AddsSpace = true, OneSpace = true, AddsEndOfText = false }).Encode(" abc  a ").Select(tokenizer.Piece)));
        Assert.Contains("precompiled_charsmap", Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(t5 with { CharacterMap = [9] })).Message, StringComparison.Ordinal);
        Assert.Contains("a 't5' vocabulary needs it", Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(t5 with { Scores = null })).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_word_of_a_megabyte_takes_linear_time() => Assert.NotEmpty(Tokenizers.Json(Json(byteFallback: false)).Encode(new string('a', 1 << 20)));

    [Fact]
    public void A_character_map_replaces_the_longest_sequences()
    {
        byte[] map = CharacterMaps.Build(("ﬁ", "fi"), ("é", "e"), ("éé", "a"), ("\t", " "), ("Ａ", "a"), ("\u200b", ""));
        CharacterMap characters = CharacterMap.Read("m", map)!;
        Assert.Equal("fix ae a-b z", characters.Apply("ﬁx ééé Ａ-b\tz\u200b"));
        Tokenizer model = new(SentencePieceFile.Read("m", Model(map), new TokenizerConfigFile { AddsBeginOfText = false }));
        Assert.Equal("▁ab c", string.Join(' ', model.Encode(" Ａb\tc ").Select(model.Piece)).Replace(" ▁ ", " ", StringComparison.Ordinal).Replace("▁a b", "▁ab", StringComparison.Ordinal));
        Tokenizer json = Tokenizers.Json(Json(byteFallback: false).Replace("\"normalizer\": null", $$"""
            "normalizer": {"type": "Precompiled", "precompiled_charsmap": "{{Convert.ToBase64String(map)}}"}
            """, StringComparison.Ordinal));
        Assert.Equal(json.Encode("ab"), json.Encode("Ａb"));
    }

    [Fact]
    public void A_broken_character_map_is_refused()
    {
        byte[] good = CharacterMaps.Build(("ﬁ", "fi"), ("é", "e"), ("éé", "a"));
        Random random = new(5);
        for (int i = 0; i < 2000; i++)
        {
            byte[] bad = [.. good];
            for (int j = random.Next(1, 4); j > 0; j--) bad[random.Next(bad.Length)] ^= (byte)(1 << random.Next(8));
            try
            {
                CharacterMap.Read("m", random.Next(3) > 0 ? bad : bad.AsSpan(0, random.Next(bad.Length)))?.Apply("ﬁé ééx");
            }
            catch (ModelFormatException)
            {
                // Refused, as it should be.
            }
        }
    }

    [Theory]
    [InlineData("[\"a\",-3]", "[\"a\"]", "a piece and its score")]
    [InlineData("[\"a\",-3]", "[\"a\",\"x\"]", "finite")]
    [InlineData("[\"a\",-3]", "[\"b\",-3]", "twice")]
    [InlineData("\"unk_id\": 0", "\"unk_id\": 99", "unk_id")]
    public void What_is_wrong_in_a_unigram_vocabulary_is_refused_by_name(string from, string to, string named)
    {
        string json = Json(byteFallback: false);
        Assert.Contains(from, json, StringComparison.Ordinal);
        Assert.Contains(named, Assert.Throws<ModelFormatException>(() => Tokenizers.Json(json.Replace(from, to, StringComparison.Ordinal))).Message, StringComparison.Ordinal);
    }

    private static double Best(string word, Dictionary<string, double> scores)
    {
        if (word.Length == 0) return 0;
        double best = double.NegativeInfinity;
        for (int end = 1; end <= word.Length; end++)
            if (scores.TryGetValue(word[..end], out double score)) best = Math.Max(best, score + Best(word[end..], scores));
        return best;
    }

    internal static string Json(bool byteFallback)
    {
        IEnumerable<string> vocabulary = s_pieces.Select(p => string.Create(CultureInfo.InvariantCulture, $"[\"{p.Piece}\",{p.Score}]"));
        if (byteFallback) vocabulary = vocabulary.Concat(Enumerable.Range(0, 256).Select(b => $"[\"<0x{b:X2}>\",0]"));
        return $$$"""
            {"normalizer": null, "pre_tokenizer": {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}, "decoder": {"type": "Sequence", "decoders": [{"type": "ByteFallback"}, {"type": "Metaspace", "replacement": "▁", "prepend_scheme": "always"}]},
             "model": {"type": "Unigram", "unk_id": 0, "byte_fallback": {{{(byteFallback ? "true" : "false")}}}, "vocab": [{{{string.Join(',', vocabulary)}}}]}}
            """;
    }

    // sentencepiece_model.proto, written by hand: pieces (1), trainer_spec (2), normalizer_spec (3).
    internal static byte[] Model(byte[] map)
    {
        using MemoryStream model = new();
        for (int id = 0; id < s_pieces.Length; id++)
        {
            byte[] score = new byte[4];
            BinaryPrimitives.WriteSingleLittleEndian(score, (float)s_pieces[id].Score);
            Field(model, 1, [.. Message(1, Encoding.UTF8.GetBytes(s_pieces[id].Piece)), 0x15, .. score, 0x18, (byte)(id == 0 ? 2 : 1)]);
        }
        Field(model, 2, [0x18, 1, .. Negative(41), .. Negative(42)]);
        if (map.Length > 0) Field(model, 3, Message(2, map));
        return model.ToArray();

        static byte[] Negative(int field) => [.. Varint(field << 3), 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1];

        static byte[] Message(int field, byte[] content) => [.. Varint(field << 3 | 2), .. Varint(content.Length), .. content];

        static void Field(MemoryStream stream, int field, byte[] content) => stream.Write(Message(field, content));

        static byte[] Varint(int value) => value < 128 ? [(byte)value] : [(byte)(value & 127 | 128), .. Varint(value >> 7)];
    }
}

/// <summary>Makes a precompiled_charsmap: a double-array trie, built the plain way.</summary>
internal static class CharacterMaps
{
    public static byte[] Build(params (string From, string To)[] pairs)
    {
        List<byte> replacements = [];
        Dictionary<string, uint> values = new(StringComparer.Ordinal);
        foreach ((string from, string to) in pairs)
        {
            values[Encoding.Latin1.GetString(Encoding.UTF8.GetBytes(from))] = (uint)replacements.Count;
            replacements.AddRange(Encoding.UTF8.GetBytes(to));
            replacements.Add(0);
        }
        uint[] units = new uint[1 << 14];
        bool[] taken = new bool[units.Length];
        taken[0] = true;
        Place("", 0);
        byte[] map = new byte[4 + units.Length * 4 + replacements.Count];
        BinaryPrimitives.WriteInt32LittleEndian(map, units.Length * 4);
        for (int i = 0; i < units.Length; i++) BinaryPrimitives.WriteUInt32LittleEndian(map.AsSpan(4 + i * 4), units[i]);
        replacements.CopyTo(map, 4 + units.Length * 4);
        return map;

        void Place(string prefix, uint node)
        {
            byte[] steps = [.. values.Keys.Where(k => k.Length > prefix.Length && k.StartsWith(prefix, StringComparison.Ordinal)).Select(k => (byte)k[prefix.Length]).Distinct()];
            bool hasValue = values.TryGetValue(prefix, out uint value);
            uint children = 256;
            while (taken[children] || steps.Any(s => taken[children ^ s])) children++;
            units[node] |= (node ^ children) << 10 | (hasValue ? 0x100u : 0);
            taken[children] = true;
            if (hasValue) units[children] = 0x8000_0000 | value;
            foreach (byte step in steps)
            {
                taken[children ^ step] = true;
                units[children ^ step] = step;
            }
            foreach (byte step in steps) Place(prefix + (char)step, children ^ step);
        }
    }
}
