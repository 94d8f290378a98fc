using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class TextStreamTests
{
    [Fact]
    public void The_pieces_of_any_tokens_are_the_text_of_the_whole() => PiecesMakeTheWhole(Tokenizers.Sample);

    [SharedFact]
    public void The_pieces_of_any_sentencepiece_tokens_are_the_text_of_the_whole() => PiecesMakeTheWhole(Tokenizers.Stories);

    [SharedFact]
    public void What_follows_a_prompt_is_the_rest_of_the_whole_text_wherever_the_prompt_ends()
    {
        int[] tokens = Tokenizers.Stories.Encode("  One day, a big 🦙 ran — far away.");
        string whole = Tokenizers.Stories.Decode(tokens);
        for (int cut = 0; cut <= tokens.Length; cut++)
        {
            int[] prompt = tokens[..cut];
            byte[] before = BytesOf(Tokenizers.Stories, prompt);
            TextStream stream = new(Tokenizers.Stories, StopTexts.None, prompt);
            string after = string.Concat(tokens[cut..].Select(stream.Append)) + stream.Flush();
            byte[] all = Encoding.UTF8.GetBytes(whole);
            Assert.Equal(Encoding.UTF8.GetString(all.AsSpan(before.Length)), after);
        }
    }

    [Fact]
    public void A_piece_never_ends_inside_a_character()
    {
        int[] tokens = Tokenizers.Sample.Encode("a🦙é我😶‍🌫️", Specials.None);
        TextStream stream = new(Tokenizers.Sample, StopTexts.None, []);
        foreach (int token in tokens)
        {
            string piece = stream.Append(token);
            Assert.DoesNotContain('\ufffd', piece);
            Assert.False(piece.Length > 0 && (char.IsLowSurrogate(piece[0]) || char.IsHighSurrogate(piece[^1])));
        }
        Assert.Equal("", stream.Flush());
    }

    [Fact]
    public void A_character_that_never_comes_to_its_end_becomes_a_replacement()
    {
        int[] llama = Tokenizers.Sample.Encode("🦙", Specials.None);
        Assert.True(llama.Length > 1);
        TextStream stream = new(Tokenizers.Sample, StopTexts.None, []);
        Assert.Equal("", string.Concat(llama[..^1].Select(stream.Append)));
        Assert.Equal("\ufffd", stream.Flush());
    }

    [Theory]
    [InlineData("b")]
    [InlineData("é我")]
    [InlineData("\n\nQuestion:")]
    [InlineData("aab")]
    [InlineData("a", "ab", "abc")]
    [InlineData("xyz", "🦙")]
    [InlineData("aabaab", "abaaba")]
    public void The_text_ends_before_the_first_stop_text_wherever_tokens_end(params string[] stops)
    {
        Random random = new(7);
        string[] parts = ["a", "b", "aab", "é", "我", "\n", "Question", ":", "🦙", "xy", "z", " ", "c"];
        StopTexts texts = StopTexts.Of(stops);
        for (int round = 0; round < 500; round++)
        {
            string text = string.Concat(Enumerable.Range(0, 12).Select(_ => parts[random.Next(parts.Length)]));
            if (random.Next(2) == 0) text = text.Insert(random.Next(text.Length), stops[random.Next(stops.Length)]);
            text = Encoding.UTF8.GetString(Encoding.UTF8.GetBytes(text));
            (string expected, bool stopped) = UpToStop(text, stops);
            foreach (int[] tokens in (int[][])[Tokenizers.Sample.Encode(text, Specials.None), ByteTokens(text)])
            {
                TextStream stream = new(Tokenizers.Sample, texts, [1]);
                StopMatcher matcher = new(texts);
                StringBuilder given = new();
                foreach (int token in tokens)
                {
                    given.Append(stream.Append(token));
                    Assert.StartsWith(given.ToString(), expected, StringComparison.Ordinal);
                    bool stop = matcher.Append(Tokenizers.Sample.Bytes(token));
                    Assert.Equal(stop, stream.Stopped);
                    if (stop) break;
                }
                given.Append(stream.Flush());
                Assert.Equal((expected, stopped), (given.ToString(), stream.Stopped));
            }
        }
    }

    [Fact]
    public void Text_is_held_back_only_as_long_as_it_may_begin_a_stop_text()
    {
        TextStream stream = new(Tokenizers.Sample, StopTexts.Of(["abab!"]), []);
        // With the sixth letter the end "aba" may still begin it, and the "ab" before that cannot.
        Assert.Equal("x|||||ab||", string.Join('|', ByteTokens("xababab!").Select(stream.Append)));
        Assert.True(stream.Stopped);
    }

    [Fact]
    public void A_stop_text_within_the_first_tokens_is_text_like_any_other()
    {
        int[] tokens = ByteTokens("stop and stop");
        TextStream stream = new(Tokenizers.Sample, StopTexts.Of(["stop"]), [], minTokens: 4);
        Assert.Equal("stop and ", string.Concat(tokens.Select(stream.Append)) + stream.Flush());
        stream = new TextStream(Tokenizers.Sample, StopTexts.Of(["stop"]), [], minTokens: 3);
        Assert.Equal("", string.Concat(tokens.Select(stream.Append)) + stream.Flush());
        Assert.True(stream.Stopped);
    }

    [Fact]
    public void An_empty_stop_text_is_refused() => Assert.Throws<InvalidRequestException>(() => StopTexts.Of(["a", ""]));

    [Fact]
    public void Looking_for_stop_texts_allocates_nothing()
    {
        StopMatcher matcher = new(StopTexts.Of(["never", "nev er", "\n\n\n\n"]));
        byte[] bytes = Encoding.UTF8.GetBytes("nevnenev\n\n\n never mind"[..13]);
        matcher.Append(bytes);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 1000; i++) matcher.Append(bytes);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }

    private static void PiecesMakeTheWhole(Tokenizer tokenizer)
    {
        Random random = new(11);
        for (int round = 0; round < 500; round++)
        {
            int[] tokens = [.. Enumerable.Range(0, random.Next(1, 60)).Select(_ => random.Next(4) == 0 ? random.Next(260) : random.Next(tokenizer.VocabularySize))];
            TextStream stream = new(tokenizer, StopTexts.None, []);
            Assert.Equal(tokenizer.Decode(tokens), string.Concat(tokens.Select(stream.Append)) + stream.Flush());
        }
    }

    private static byte[] BytesOf(Tokenizer tokenizer, int[] tokens)
    {
        List<byte> bytes = [];
        bool begins = true;
        foreach (int token in tokens) bytes.AddRange(tokenizer.BytesAt(token, ref begins));
        return [.. bytes];
    }

    private static int[] ByteTokens(string text) => [.. Encoding.UTF8.GetBytes(text).Select(b =>
    {
        Assert.True(Tokenizers.Sample.TryFind(ByteAlphabet.CharOf(b).ToString(), out int id));
        return id;
    })];

    // The stop text that ends first; of those that end together the longest.
    private static (string Text, bool Stopped) UpToStop(string text, string[] stops)
    {
        for (int end = 1; end <= text.Length; end++)
            foreach (string stop in stops.OrderByDescending(s => s.Length))
                if (text.AsSpan(0, end).EndsWith(stop, StringComparison.Ordinal)) return (text[..(end - stop.Length)], true);
        return (text, false);
    }
}
