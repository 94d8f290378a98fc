using Coppice.Loading;

namespace Coppice.Fuzz.Targets;

/// <summary>A GGUF file: metadata, tensors, the model's settings, its vocabulary and its chat templates.</summary>
internal static class GgufTarget
{
    public static FuzzTarget Target { get; } = new("gguf", "GGUF files: metadata, tensors, settings, vocabulary", Syntax.Binary, folder =>
    {
        string path = Path.Combine(folder, "a.gguf");
        return input =>
        {
            File.WriteAllBytes(path, input);
            using GgufFile file = GgufFile.Open(path);
            Reading.Rows(file);
            GgufMetadata metadata = file.Metadata;
            foreach (string key in metadata.Keys) _ = Reading.Try(() => Value(metadata, key));
            _ = Reading.Try(() => ChatTemplates.FromGguf(metadata));
            _ = Reading.Try(() => Reading.RoundTrip(Tokenizer.FromGguf(ModelTokenizer.Vocabulary(path, metadata))));
            _ = Reading.Try(() =>
            {
                using ModelSource model = ModelSource.Open(path);
                foreach (WeightTensor weight in model.AllWeights.Values) weight.ReadRow(0, new float[weight.Shape.Count == 0 ? 1 : weight.Shape[^1]]);
            });
        };
    })
    {
        Refusals = Reading.Refusals,
        Words =
        [
            "GGUF", "general.architecture", "general.alignment", "llama", "gemma2", "gemma3", "qwen2", "qwen3moe", "phi3", "gptneox", ".block_count", ".context_length", ".embedding_length", ".rope.scaling.type",
            ".attention.layer_norm_rms_epsilon", ".expert_count", "tokenizer.ggml.model", "tokenizer.ggml.tokens", "tokenizer.ggml.scores", "tokenizer.ggml.token_type", "tokenizer.ggml.merges",
            "tokenizer.ggml.precompiled_charsmap", "tokenizer.chat_template", "token_embd.weight", "blk.0.attn_q.weight", "output_norm.weight", "gpt2", "t5", "yarn", "longrope",
        ],
        SharedSeeds = ["testdata/badfiles/*.gguf"],
    };

    private static void Value(GgufMetadata metadata, string key)
    {
        string type = metadata.TypeOf(key);
        bool isList = type.StartsWith("array", StringComparison.Ordinal);
        if (type == "String") _ = metadata.OptionalString(key);
        else if (!isList) _ = metadata.OptionalUInt32(key);
        else if (type.EndsWith(" String", StringComparison.Ordinal)) _ = metadata.StringArray(key);
        else if (type.EndsWith(" Float32", StringComparison.Ordinal)) _ = metadata.FloatArray(key);
        else _ = metadata.OptionalIntArray(key);
    }
}
