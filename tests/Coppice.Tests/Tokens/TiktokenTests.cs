using System.Text;
using Coppice.Tokens;

namespace Coppice.Tests.Tokens;

public sealed class TiktokenTests
{
    [SharedFact]
    public void Gpt2_in_tiktokens_form_gives_the_same_tokens_as_with_its_merges()
    {
        Tokenizer gguf = Tokenizers.Gguf("testdata/tokenizers/ggml-vocab-gpt-2.gguf");
        byte[] file = File(Enumerable.Range(0, 50_256).Select(gguf.Piece).Select(Spelled));
        Assert.True(TiktokenFile.Is(file));
        Tokenizer tiktoken = new(TiktokenFile.Read("gpt2.tiktoken", file, new TokenizerConfigFile()));
        Assert.Equal((50_257, 50_256), (tiktoken.VocabularySize, tiktoken.EndOfText));
        Random random = new(8);
        for (int i = 0; i < 2000; i++)
        {
            string text = RandomText.Next(random, 20);
            int[] ids = tiktoken.Encode(text);
            Assert.Equal(gguf.Encode(text, Specials.None), ids);
            Assert.Equal(text, tiktoken.Decode(ids));
        }
        Assert.Equal([50_256], tiktoken.Encode("<|endoftext|>"));
    }

    [Fact]
    public void Llama_3_is_known_by_its_number_of_tokens()
    {
        // 256 bytes, then all pairs and triples of some bytes, up to 128,000.
        List<byte[]> tokens = [.. Enumerable.Range(0, 256).Select(b => (byte[])[(byte)b])];
        for (int i = 0; tokens.Count < 128_000; i++) tokens.Add(i < 65_536 ? [(byte)(i >> 8), (byte)i] : [(byte)'a', (byte)((i - 65_536) >> 8), (byte)i]);
        string folder = Directory.CreateTempSubdirectory("coppice-tiktoken-").FullName;
        try
        {
            System.IO.File.WriteAllBytes(Path.Combine(folder, "tokenizer.model"), File(tokens));
            Tokenizer tokenizer = Tokenizer.FromFolder(folder);
            Assert.Equal((128_256, 128_000, 128_001, true), (tokenizer.VocabularySize, tokenizer.BeginOfText, tokenizer.EndOfText, tokenizer.AddsBeginOfText));
            Assert.Equal([128_000, 128_006, 128_009], tokenizer.Encode("<|start_header_id|><|eot_id|>"));
            Assert.Equal("<|reserved_special_token_247|>", tokenizer.Piece(128_255));
        }
        finally
        {
            Directory.Delete(folder, recursive: true);
        }
    }

    [Theory]
    [InlineData("IQ== 0\nIg== 2\n", "rank")]
    [InlineData("IQ== 0\n?? 1\n", "base64")]
    [InlineData("IQ== 0\n", "1 tokens")]
    [InlineData("IQ== 0\n 1\n", "base64")]
    public void What_is_wrong_in_a_tiktoken_file_is_refused_by_name(string text, string named) =>
        Assert.Contains(named, Assert.Throws<ModelFormatException>(() => TiktokenFile.Read("t", Encoding.ASCII.GetBytes(text), new TokenizerConfigFile())).Message, StringComparison.Ordinal);

    [SharedFact]
    public void A_sentencepiece_model_is_not_taken_for_one() => Assert.False(TiktokenFile.Is(System.IO.File.ReadAllBytes(TestData.Shared("testdata/stories260K/hf/tokenizer.model"))));

    internal static byte[] Spelled(string piece) => ByteAlphabet.TrySpell(piece, out byte[] bytes) ? bytes : throw new InvalidOperationException(piece);

    internal static byte[] File(IEnumerable<byte[]> tokens) => Encoding.ASCII.GetBytes(string.Concat(tokens.Select((t, rank) => $"{Convert.ToBase64String(t)} {rank}\n")));
}
