namespace Coppice.Fuzz.Targets;

/// <summary>tokenizer.json.</summary>
internal static class TokenizerTarget
{
    public static FuzzTarget Target { get; } = new("tokenizer", "tokenizer.json", Syntax.Json, folder => input =>
    {
        File.WriteAllBytes(Path.Combine(folder, "tokenizer.json"), input);
        Reading.RoundTrip(Tokenizer.FromFolder(folder));
    })
    {
        Refusals = Reading.Refusals,
        Words =
        [
            "type", "model", "vocab", "merges", "added_tokens", "normalizer", "normalizers", "pre_tokenizer", "pretokenizers", "decoder", "decoders", "post_processor", "pattern", "Regex", "String", "content", "behavior",
            "invert", "unk_id", "unk_token", "byte_fallback", "ignore_merges", "fuse_unk", "prepend", "prepend_scheme", "replacement", "split", "special_tokens", "single", "SpecialToken", "Sequence", "id", "ids", "special",
            "normalized", "lstrip", "rstrip", "single_word", "add_prefix_space", "use_regex", "individual_digits", "precompiled_charsmap", "strip_left", "start", "stop",
            "\"BPE\"", "\"Unigram\"", "\"Sequence\"", "\"ByteLevel\"", "\"Digits\"", "\"Punctuation\"", "\"Split\"", "\"Metaspace\"", "\"Whitespace\"", "\"WhitespaceSplit\"", "\"Prepend\"", "\"Replace\"", "\"NFC\"", "\"NFKD\"",
            "\"Lowercase\"", "\"Strip\"", "\"StripAccents\"", "\"Precompiled\"", "\"Fuse\"", "\"ByteFallback\"", "\"TemplateProcessing\"", "\"Removed\"", "\"Isolated\"", "\"MergedWithNext\"", "\"MergedWithPrevious\"", "\"Contiguous\"",
            "{\"type\":\"NFC\"}", "{\"type\":\"Split\",\"pattern\":{\"Regex\":\"(?=a)|[a-z]{1,100}\"},\"behavior\":\"Isolated\"}", "{\"Regex\":\"((a{1,50}){1,50}){1,50}\"}", "{\"Regex\":\"(a+)+b\"}", "{\"Regex\":\"\\\\p{L}+(?!x)\"}", "[\"a\",0.5]",
        ],
    };
}
