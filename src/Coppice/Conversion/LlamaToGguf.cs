using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>The Llama family's names and settings in GGUF, whose rows of queries and keys are turned so that RoPE pairs neighbours.</summary>
internal static class LlamaToGguf
{
    public static IReadOnlyList<ConvertedTensor> Tensors(ModelSource source)
    {
        ModelConfig config = source.Config;
        List<ConvertedTensor> tensors = [];
        for (LlamaWeight role = LlamaWeight.Embedding; role <= LlamaWeight.Down; role++)
        {
            if (role == LlamaWeight.Output && config.TiedOutput) continue;
            for (int layer = 0; layer < (role < LlamaWeight.AttentionNorm ? 1 : config.Layers); layer++)
                tensors.Add(new(LlamaWeights.Name(role, layer, WeightNaming.Gguf), source.Weight(role, layer), role is LlamaWeight.Query or LlamaWeight.Key ? row => RowInHalves(row, config.HeadSize) : row => row));
        }
        return tensors;
    }

    public static void WriteKeys(ModelSource source, GgufWriter writer)
    {
        ModelConfig config = source.Config;
        writer.Key("general.architecture", config.Family);
        writer.Key("general.name", Path.GetFileName(Path.GetFullPath(source.Folder!)));
        (string Key, int Value)[] sizes =
        [
            ("block_count", config.Layers), ("context_length", config.MaxContextTokens), ("embedding_length", config.HiddenSize), ("feed_forward_length", config.FeedForwardSize),
            ("attention.head_count", config.Heads), ("attention.head_count_kv", config.KvHeads), ("attention.key_length", config.HeadSize), ("attention.value_length", config.HeadSize),
            ("rope.dimension_count", config.HeadSize), ("vocab_size", config.VocabularySize),
        ];
        foreach ((string key, int value) in sizes) writer.Key($"{config.Family}.{key}", (uint)value);
        writer.Key($"{config.Family}.attention.layer_norm_rms_epsilon", config.NormEpsilon);
        writer.Key($"{config.Family}.rope.freq_base", config.RopeBase);
    }

    // Pair i of a head is rows (i, i + D/2) in a Hugging Face checkpoint and rows (2i, 2i + 1) in GGUF.
    private static long RowInHalves(long row, int headSize)
    {
        long inHead = row % headSize;
        return row - inHead + inHead % 2 * (headSize / 2) + inHead / 2;
    }
}
