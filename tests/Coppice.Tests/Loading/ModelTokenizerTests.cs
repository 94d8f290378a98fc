using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice.Tests.Loading;

public sealed class ModelTokenizerTests
{
    [SharedTheory]
    [InlineData("gguf_sem_scores_u8.gguf", "tokenizer.ggml.scores")]
    [InlineData("gguf_sem_bytetoken.gguf", "<0x-1>")]
    [InlineData("gguf_sem_merge_nospace.gguf", "merges")]
    public void A_bad_vocabulary_is_refused_for_what_is_wrong_with_it(string file, string named)
    {
        using GgufFile gguf = GgufFile.Open(TestData.Shared($"testdata/badfiles/{file}"));
        ModelFormatException error = Assert.Throws<ModelFormatException>(() => Tokenizer.FromGguf(ModelTokenizer.Vocabulary(file, gguf.Metadata)));
        Assert.Contains(named, error.Message, StringComparison.Ordinal);
    }

    [SharedTheory]
    [InlineData("gguf_sem_kv0.gguf")]
    [InlineData("gguf_sem_blocks_4e9.gguf")]
    [InlineData("gguf_sem_arch_missing.gguf")]
    [InlineData("gguf_sem_scores_u8.gguf")]
    [InlineData("gguf_sem_bytetoken.gguf")]
    [InlineData("gguf_sem_merge_nospace.gguf")]
    [InlineData("gguf_sem_template_ssti.gguf")]
    public void An_engine_refuses_every_hostile_model(string file) =>
        Assert.Throws<ModelFormatException>(() => Engine.Open(TestData.Shared($"testdata/badfiles/{file}")));
}
