namespace Coppice.Loading;

/// <summary>The tokens that begin and end a text, as the checkpoint names them.</summary>
/// <param name="Begin">Null: none is named.</param>
/// <param name="End">Any of these ends a text. May be empty.</param>
internal readonly record struct TextBoundaries(int? Begin, IReadOnlyList<int> End)
{
    // llama.cpp ends a text at any of the three: end of text, of a turn, of a message.
    private static readonly string[] s_ggufEndKeys = ["tokenizer.ggml.eos_token_id", "tokenizer.ggml.eot_token_id", "tokenizer.ggml.eom_token_id"];

    /// <summary>generation_config.json, where there is one, overrides config.json.</summary>
    public static TextBoundaries Read(JsonFields config, JsonFields? generation, int vocabularySize)
    {
        int last = vocabularySize - 1;
        const string BeginKey = "bos_token_id", EndKey = "eos_token_id";
        return new(
            generation?.Int32(BeginKey, 0, last) ?? config.Int32(BeginKey, 0, last),
            [.. (generation?.OneOrMoreInt32(EndKey, 0, last) ?? config.OneOrMoreInt32(EndKey, 0, last) ?? []).Distinct()]);
    }

    public static TextBoundaries Read(GgufMetadata metadata, int vocabularySize)
    {
        int last = vocabularySize - 1;
        return new(
            metadata.OptionalInt32("tokenizer.ggml.bos_token_id", 0, last),
            [.. s_ggufEndKeys.Select(key => metadata.OptionalInt32(key, 0, last)).OfType<int>().Distinct()]);
    }
}
