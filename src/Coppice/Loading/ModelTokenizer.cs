using Coppice.Tokens;

namespace Coppice.Loading;

/// <summary>Finds the tokenizer of an opened model.</summary>
internal static class ModelTokenizer
{
    /// <exception cref="ModelFormatException">Its data is missing, not what its format says, or larger than the model's vocabulary.</exception>
    public static Tokenizer Load(ModelSource source)
    {
        Tokenizer tokenizer = source.Gguf is { } metadata ? Tokenizer.FromGguf(Vocabulary(source.Path, metadata)) : Tokenizer.FromFolder(source.Folder!);
        if (tokenizer.VocabularySize == 0) throw new ModelFormatException(source.Path, "The tokenizer has no tokens.");
        if (tokenizer.VocabularySize > source.Config.VocabularySize)
            throw new ModelFormatException(source.Path, $"The tokenizer has {tokenizer.VocabularySize} tokens, the last of them {Quoted.Of(tokenizer.Piece(tokenizer.VocabularySize - 1))}, and the model has rows for {source.Config.VocabularySize}: they do not belong together. Use the tokenizer that the model was trained with, or enlarge the model's embedding.");
        return tokenizer;
    }

    internal static GgufVocabulary Vocabulary(string path, GgufMetadata metadata)
    {
        const string prefix = "tokenizer.ggml.";
        const int most = int.MaxValue;
        return new GgufVocabulary
        {
            File = path,
            ModelName = metadata.OptionalString("general.name"),
            Model = metadata.RequiredString(prefix + "model"),
            Pre = metadata.OptionalString(prefix + "pre"),
            Tokens = metadata.StringArray(prefix + "tokens"),
            Scores = metadata.OptionalFloatArray(prefix + "scores"),
            TokenTypes = metadata.OptionalIntArray(prefix + "token_type"),
            Merges = metadata.OptionalStringArray(prefix + "merges"),
            BeginOfText = metadata.OptionalInt32(prefix + "bos_token_id", 0, most),
            EndOfText = metadata.OptionalInt32(prefix + "eos_token_id", 0, most),
            Unknown = metadata.OptionalInt32(prefix + "unknown_token_id", 0, most),
            AddsBeginOfText = metadata.OptionalBool(prefix + "add_bos_token"),
            AddsEndOfText = metadata.OptionalBool(prefix + "add_eos_token"),
            AddsSpace = metadata.OptionalBool(prefix + "add_space_prefix"),
            OneSpace = metadata.OptionalBool(prefix + "remove_extra_whitespaces"),
            CharacterMap = metadata.OptionalByteArray(prefix + "precompiled_charsmap"),
        };
    }
}
