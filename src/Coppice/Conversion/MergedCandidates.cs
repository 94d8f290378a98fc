using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>A byte-level tokenizer as GGUF may say it: tokens, merges, and the name of a way to cut words.</summary>
internal static class MergedCandidates
{
    // Of names that mean the same the one that most files have; each with its own way of cutting words.
    private static readonly string[] s_pre = ["llama-bpe", "gpt-2", "qwen2", "starcoder", "default", "dbrx", "tekken", "gpt-4o", "falcon", "deepseek-v3", "deepseek-coder", "qwen35", "seed-coder", "bailingmoe", "bloom", "viking"];

    /// <param name="file">Where it comes from.</param>
    /// <param name="own">The tokenizer.</param>
    /// <param name="typeOf">A token's type.</param>
    /// <param name="merges">The earliest first.</param>
    /// <returns>The likeliest first.</returns>
    public static IEnumerable<GgufVocabulary> Of(string file, Tokenizer own, Func<int, PieceType> typeOf, IEnumerable<string> merges)
    {
        GgufVocabulary plain = new()
        {
            File = file,
            Model = "gpt2",
            Tokens = [.. Enumerable.Range(0, own.VocabularySize).Select(own.Piece)],
            TokenTypes = [.. Enumerable.Range(0, own.VocabularySize).Select(id => (int)(own.Has(id) ? typeOf(id) : PieceType.Unused))],
            Merges = [.. merges],
            Unknown = ((Bpe)own.Parts.Model).UnknownId,
            BeginOfText = own.BeginOfText,
            EndOfText = own.EndOfText,
            AddsBeginOfText = own.AddsBeginOfText,
            AddsEndOfText = own.AddsEndOfText,
            AddsSpace = own.Parts.PreTokenizers.OfType<SpaceBefore>().Any() ? true : null,
        };
        return s_pre.OrderByDescending(pre => Likeness(GgufPreTokenizer.Find(file, pre), own.Parts)).Select(pre => plain with { Pre = pre });
    }

    // A vocabulary may hide a difference in the texts that are tried: the same steps go before steps of the same kinds, and those before others.
    private static int Likeness(GgufPreTokenizer pre, TokenizerParts own)
    {
        PreTokenizer[] steps = [.. own.PreTokenizers.Where(step => step is not (SpellBytes or SpaceBefore))];
        int same = steps.SequenceEqual(pre.Steps) ? 4 : steps.Select(step => step.GetType()).SequenceEqual(pre.Steps.Select(step => step.GetType())) ? 2 : 0;
        return same + (own.Model is Bpe { WholeWords: not null } == pre.IgnoresMerges ? 1 : 0);
    }
}
