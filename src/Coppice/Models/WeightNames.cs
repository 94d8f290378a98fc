using System.Globalization;
using Coppice.Loading;

namespace Coppice.Models;

/// <summary>Whose names a checkpoint's tensors have.</summary>
internal enum WeightNaming
{
    HuggingFace,
    Gguf,
}

/// <summary>Which part of a tensor is the weight, for tensors that hold several.</summary>
/// <param name="TensorShape">The whole tensor's.</param>
/// <param name="First">First row; for a vector, first element.</param>
/// <param name="Block">Rows that follow one another before a jump.</param>
/// <param name="Stride">From the first row of a block to the first of the next.</param>
internal readonly record struct TensorCut(long[] TensorShape, long First, long Block, long Stride)
{
    /// <summary>Where one of the weight's rows lies in the tensor.</summary>
    public long RowInTensor(long row) => First + row / Block * Stride + row % Block;

    /// <summary>Whether a row of the tensor is one of the weight's <paramref name="rows"/>, and which.</summary>
    public bool TryRowInWeight(long rowInTensor, long rows, out long row)
    {
        long from = rowInTensor - First;
        row = from / Stride * Block + from % Stride;
        return from >= 0 && from % Stride < Block && row < rows;
    }
}

/// <summary>Where a weight lies in a container.</summary>
/// <param name="Name">{0}: the layer, {1}: the expert.</param>
/// <param name="Cut">Null: the whole tensor is the weight.</param>
/// <param name="Or">Where it lies in files that have no tensor of that name.</param>
internal sealed record WeightPlace(string Name, Func<ModelConfig, int, TensorCut>? Cut = null, WeightPlace? Or = null);

/// <summary>What a family calls its weights in either container. Most families keep to the names of the first ones and change a few.</summary>
internal sealed class WeightNames
{
    private readonly Dictionary<(WeightRole, WeightNaming), WeightPlace> _places;

    private WeightNames(Dictionary<(WeightRole, WeightNaming), WeightPlace> places) => _places = places;

    /// <summary>Ends of names of tensors that hold nothing that the config does not say.</summary>
    public IReadOnlyList<string> Derived { get; private init; } = [".rotary_emb.inv_freq"];

    /// <summary>Llama's names in Hugging Face's containers, and GGUF's.</summary>
    public static WeightNames Standard { get; } = new WeightNames([])
        .With(WeightRole.Embedding, "model.embed_tokens.weight", "token_embd.weight")
        .With(WeightRole.OutputNorm, "model.norm.weight", "output_norm.weight")
        .With(WeightRole.Output, "lm_head.weight", "output.weight")
        .With(WeightRole.AttentionNorm, "model.layers.{0}.input_layernorm.weight", "blk.{0}.attn_norm.weight")
        .With(WeightRole.Query, "model.layers.{0}.self_attn.q_proj.weight", "blk.{0}.attn_q.weight")
        .With(WeightRole.Key, "model.layers.{0}.self_attn.k_proj.weight", "blk.{0}.attn_k.weight")
        .With(WeightRole.Value, "model.layers.{0}.self_attn.v_proj.weight", "blk.{0}.attn_v.weight")
        .With(WeightRole.QueryBias, "model.layers.{0}.self_attn.q_proj.bias", "blk.{0}.attn_q.bias")
        .With(WeightRole.KeyBias, "model.layers.{0}.self_attn.k_proj.bias", "blk.{0}.attn_k.bias")
        .With(WeightRole.ValueBias, "model.layers.{0}.self_attn.v_proj.bias", "blk.{0}.attn_v.bias")
        .With(WeightRole.QueryNorm, "model.layers.{0}.self_attn.q_norm.weight", "blk.{0}.attn_q_norm.weight")
        .With(WeightRole.KeyNorm, "model.layers.{0}.self_attn.k_norm.weight", "blk.{0}.attn_k_norm.weight")
        .With(WeightRole.AttentionOutput, "model.layers.{0}.self_attn.o_proj.weight", "blk.{0}.attn_output.weight")
        .With(WeightRole.AttentionOutputBias, "model.layers.{0}.self_attn.o_proj.bias", "blk.{0}.attn_output.bias")
        .With(WeightRole.FeedForwardNorm, "model.layers.{0}.post_attention_layernorm.weight", "blk.{0}.ffn_norm.weight")
        .With(WeightRole.Gate, "model.layers.{0}.mlp.gate_proj.weight", "blk.{0}.ffn_gate.weight")
        .With(WeightRole.Up, "model.layers.{0}.mlp.up_proj.weight", "blk.{0}.ffn_up.weight")
        .With(WeightRole.Down, "model.layers.{0}.mlp.down_proj.weight", "blk.{0}.ffn_down.weight")
        .With(WeightRole.GateBias, "model.layers.{0}.mlp.gate_proj.bias", "blk.{0}.ffn_gate.bias")
        .With(WeightRole.UpBias, "model.layers.{0}.mlp.up_proj.bias", "blk.{0}.ffn_up.bias")
        .With(WeightRole.DownBias, "model.layers.{0}.mlp.down_proj.bias", "blk.{0}.ffn_down.bias");

    /// <summary>The same names, but for one role. Null: as before.</summary>
    public WeightNames With(WeightRole role, string? huggingFace, string? gguf) =>
        With(role, huggingFace is null ? null : new WeightPlace(huggingFace), gguf is null ? null : new WeightPlace(gguf));

    /// <inheritdoc cref="With(WeightRole, string?, string?)"/>
    public WeightNames With(WeightRole role, WeightPlace? huggingFace, WeightPlace? gguf)
    {
        Dictionary<(WeightRole, WeightNaming), WeightPlace> places = new(_places);
        if (huggingFace is not null) places[(role, WeightNaming.HuggingFace)] = huggingFace;
        if (gguf is not null) places[(role, WeightNaming.Gguf)] = gguf;
        return new WeightNames(places) { Derived = Derived };
    }

    /// <summary>The same names, with further tensors to leave alone.</summary>
    public WeightNames WithDerived(params string[] endings) => new(_places) { Derived = [.. Derived, .. endings] };

    /// <summary>The experts' weights in GGUF: [X, outputs, inputs] in one tensor, or a tensor for each in files of 2023 and 2024.</summary>
    public WeightNames WithGgufExperts()
    {
        WeightNames names = With(WeightRole.Router, null, "blk.{0}.ffn_gate_inp.weight");
        foreach ((WeightRole role, string name) in (ReadOnlySpan<(WeightRole, string)>)[(WeightRole.Gate, "ffn_gate"), (WeightRole.Up, "ffn_up"), (WeightRole.Down, "ffn_down")])
        {
            TensorCut Cut(ModelConfig c, int expert)
            {
                long[] shape = WeightRoles.Shape(role, c);
                return new TensorCut([c.Experts!.Count, .. shape], expert * shape[0], shape[0], shape[0]);
            }
            names = names.With(role, null, new WeightPlace($"blk.{{0}}.{name}_exps.weight", Cut, new WeightPlace($"blk.{{0}}.{name}.{{1}}.weight")));
        }
        return names;
    }

    /// <summary>Where a weight should lie; of several places, the one where a tensor is.</summary>
    public WeightPlace? Place(IWeightFile file, WeightKey key, WeightNaming naming)
    {
        WeightPlace? first = _places.GetValueOrDefault((key.Role, naming));
        for (WeightPlace? place = first; place is not null; place = place.Or)
            if (file.TryGetTensor(Name(place, key), out _)) return place;
        return first;
    }

    /// <summary>The tensor that holds a weight; null where the file has none.</summary>
    public WeightTensor? Find(IWeightFile file, WeightKey key, WeightNaming naming) =>
        Place(file, key, naming) is WeightPlace place && file.TryGetTensor(Name(place, key), out WeightTensor? tensor) ? tensor : null;

    public static string Name(WeightPlace place, WeightKey key) =>
        string.Format(CultureInfo.InvariantCulture, place.Name, key.Layer, key.Expert);
}
