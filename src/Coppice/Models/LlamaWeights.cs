using System.Globalization;
using Coppice.Loading;

namespace Coppice.Models;

/// <summary>Whose names a checkpoint's tensors have.</summary>
internal enum WeightNaming
{
    HuggingFace,
    Gguf,
}

/// <summary>What each weight is called in either container, its shape, and the search for all of them.</summary>
internal static class LlamaWeights
{
    // Index: LlamaWeight. {0}: the layer.
    private static readonly (string HuggingFace, string Gguf, Func<ModelConfig, long[]> Shape)[] s_table =
    [
        ("model.embed_tokens.weight", "token_embd.weight", c => [c.VocabularySize, c.HiddenSize]),
        ("model.norm.weight", "output_norm.weight", c => [c.HiddenSize]),
        ("lm_head.weight", "output.weight", c => [c.VocabularySize, c.HiddenSize]),
        ("model.layers.{0}.input_layernorm.weight", "blk.{0}.attn_norm.weight", c => [c.HiddenSize]),
        ("model.layers.{0}.self_attn.q_proj.weight", "blk.{0}.attn_q.weight", c => [c.Heads * c.HeadSize, c.HiddenSize]),
        ("model.layers.{0}.self_attn.k_proj.weight", "blk.{0}.attn_k.weight", c => [c.KvHeads * c.HeadSize, c.HiddenSize]),
        ("model.layers.{0}.self_attn.v_proj.weight", "blk.{0}.attn_v.weight", c => [c.KvHeads * c.HeadSize, c.HiddenSize]),
        ("model.layers.{0}.self_attn.o_proj.weight", "blk.{0}.attn_output.weight", c => [c.HiddenSize, c.Heads * c.HeadSize]),
        ("model.layers.{0}.post_attention_layernorm.weight", "blk.{0}.ffn_norm.weight", c => [c.HiddenSize]),
        ("model.layers.{0}.mlp.gate_proj.weight", "blk.{0}.ffn_gate.weight", c => [c.FeedForwardSize, c.HiddenSize]),
        ("model.layers.{0}.mlp.up_proj.weight", "blk.{0}.ffn_up.weight", c => [c.FeedForwardSize, c.HiddenSize]),
        ("model.layers.{0}.mlp.down_proj.weight", "blk.{0}.ffn_down.weight", c => [c.HiddenSize, c.FeedForwardSize]),
    ];

    private const LlamaWeight FirstOfLayer = LlamaWeight.AttentionNorm;
    private static readonly int s_perLayer = s_table.Length - (int)FirstOfLayer;

    /// <summary>Where a weight stands in <see cref="Find"/>'s answer. The layer counts only for weights of layers.</summary>
    public static int Index(LlamaWeight role, int layer) => role < FirstOfLayer ? (int)role : (int)role + layer * s_perLayer;

    /// <summary>Outermost first.</summary>
    public static long[] Shape(LlamaWeight role, ModelConfig config) => s_table[(int)role].Shape(config);

    public static string Name(LlamaWeight role, int layer, WeightNaming naming)
    {
        (string huggingFace, string gguf, _) = s_table[(int)role];
        return (naming == WeightNaming.Gguf ? gguf : huggingFace).Replace("{0}", layer.ToString(CultureInfo.InvariantCulture), StringComparison.Ordinal);
    }

    /// <summary>All weights of a model, each of the shape that the config asks for and of a type that can be computed with.</summary>
    /// <exception cref="ModelFormatException">A weight is missing, has another shape or an unknown type, or the file holds tensors that the family does not have.</exception>
    public static WeightTensor[] Find(IWeightFile file, ModelConfig config, WeightNaming naming)
    {
        WeightTensor[] found = new WeightTensor[Index(LlamaWeight.Down, config.Layers - 1) + 1];
        HashSet<string> known = new(StringComparer.Ordinal);
        for (LlamaWeight role = LlamaWeight.Embedding; role <= LlamaWeight.Down; role++)
        {
            int layers = role < FirstOfLayer ? 1 : config.Layers;
            for (int layer = 0; layer < layers; layer++)
            {
                // A tied output layer's own tensor is a copy that some tools write.
                known.Add(Name(role, layer, naming));
                LlamaWeight source = role == LlamaWeight.Output && config.TiedOutput ? LlamaWeight.Embedding : role;
                found[Index(role, layer)] = FindOne(file, config, source, Name(source, layer, naming));
            }
        }
        foreach (WeightTensor tensor in file.Tensors)
            if (!known.Contains(tensor.Name) && !IsDerived(tensor.Name)) throw Stray(file, config, tensor);
        return found;
    }

    private static WeightTensor FindOne(IWeightFile file, ModelConfig config, LlamaWeight role, string name)
    {
        long[] shape = s_table[(int)role].Shape(config);
        if (!file.TryGetTensor(name, out WeightTensor? tensor))
            throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} is missing; needed: {Quoted.Shape(shape)}.");
        if (!tensor.Shape.SequenceEqual(shape))
            throw new ModelFormatException(file.Path, $"Tensor {Quoted.Of(name)} has shape {Quoted.Shape(tensor.Shape)}; the model's config needs {Quoted.Shape(shape)}.");
        _ = tensor.Type; // refuses types that cannot be computed with, by name
        return tensor;
    }

    // Old checkpoints keep RoPE's frequencies, which follow from the config.
    private static bool IsDerived(string name) => name.EndsWith(".rotary_emb.inv_freq", StringComparison.Ordinal);

    // A tensor that would be left out means an answer that is wrong without a sign of it.
    private static ModelFormatException Stray(IWeightFile file, ModelConfig config, WeightTensor tensor) => new(file.Path,
        tensor.Name == "rope_freqs.weight"
            ? $"Tensor {Quoted.Of(tensor.Name)} scales RoPE's frequencies (Llama 3.1 and later), which is not supported. Use a model without RoPE scaling."
            : $"Tensor {Quoted.Of(tensor.Name)} has no place in a Llama model of {config.Layers} layers without biases. Use a checkpoint of the plain Llama architecture.");
}
