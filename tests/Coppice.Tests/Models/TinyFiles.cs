using System.Globalization;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Models;

/// <summary>How families keep a model in files: settings, and tensors that hold several weights.</summary>
internal static class TinyFiles
{
    public static readonly string[] ExpertParts = ["gate", "up", "down"];

    public static Checkpoint NeoXFolder(TinyModel m)
    {
        Checkpoint file = Checkpoint.ForFolder(m, part => part switch
        {
            "embed" => "gpt_neox.embed_in.weight",
            "norm" => "gpt_neox.final_layer_norm.weight",
            "norm bias" => "gpt_neox.final_layer_norm.bias",
            "head" => "embed_out.weight",
            "attention norm" => "gpt_neox.layers.#.input_layernorm.weight",
            "attention norm bias" => "gpt_neox.layers.#.input_layernorm.bias",
            "ffn norm" => "gpt_neox.layers.#.post_attention_layernorm.weight",
            "ffn norm bias" => "gpt_neox.layers.#.post_attention_layernorm.bias",
            "o" => "gpt_neox.layers.#.attention.dense.weight",
            "o bias" => "gpt_neox.layers.#.attention.dense.bias",
            "up" => "gpt_neox.layers.#.mlp.dense_h_to_4h.weight",
            "up bias" => "gpt_neox.layers.#.mlp.dense_h_to_4h.bias",
            "down" => "gpt_neox.layers.#.mlp.dense_4h_to_h.weight",
            "down bias" => "gpt_neox.layers.#.mlp.dense_4h_to_h.bias",
            _ => "",
        });
        for (int i = 0; i < m.Layers; i++)
        {
            file.Add($"gpt_neox.layers.{i}.attention.query_key_value.weight", ByHead(i, "", m.E), 3 * m.H * m.D, m.E);
            file.Add($"gpt_neox.layers.{i}.attention.query_key_value.bias", ByHead(i, " bias", 1), 3 * m.H * m.D);
            file.Add($"gpt_neox.layers.{i}.attention.rotary_emb.inv_freq", [1, 2], 2);
            file.Add($"gpt_neox.layers.{i}.attention.bias", [1, 0, 1, 1], 1, 1, 2, 2);
            file.Add($"gpt_neox.layers.{i}.attention.masked_bias", [-1e9f]);
        }
        return file;

        // A head's query, key and value rows, then the next head's.
        float[] ByHead(int layer, string kind, int columns) => [.. Enumerable.Range(0, m.H).SelectMany(head => new[] { "q", "k", "v" }.SelectMany(name =>
            m.Tensors[$"{layer}.{name}{kind}"].Data.Skip(head * m.D * columns).Take(m.D * columns)))];
    }

    public static Checkpoint NeoXGguf(TinyModel m)
    {
        Checkpoint file = Checkpoint.ForGguf(m, interleaved: false, part => part is "q" or "k" or "v" or "q bias" or "k bias" or "v bias" ? "" : null);
        for (int i = 0; i < m.Layers; i++)
        {
            file.Add($"blk.{i}.attn_qkv.weight", Checkpoint.Stack(m, $"{i}.q", $"{i}.k", $"{i}.v"), 3 * m.H * m.D, m.E);
            file.Add($"blk.{i}.attn_qkv.bias", Checkpoint.Stack(m, $"{i}.q bias", $"{i}.k bias", $"{i}.v bias"), 3 * m.H * m.D);
        }
        return file;
    }

    public static Checkpoint PhiFolder(TinyModel m) => Fused(m, Checkpoint.ForFolder(m, Fusible), "model.layers.#.self_attn.qkv_proj.weight", "model.layers.#.mlp.gate_up_proj.weight");

    public static Checkpoint PhiGguf(TinyModel m) => Fused(m, Checkpoint.ForGguf(m, interleaved: false, Fusible), "blk.#.attn_qkv.weight", "blk.#.ffn_up.weight");

    private static string? Fusible(string part) => part is "q" or "k" or "v" or "gate" or "up" ? "" : null;

    private static Checkpoint Fused(TinyModel m, Checkpoint file, string qkv, string gateUp)
    {
        for (int i = 0; i < m.Layers; i++)
        {
            string layer = i.ToString(CultureInfo.InvariantCulture);
            file.Add(qkv.Replace("#", layer, StringComparison.Ordinal), Checkpoint.Stack(m, $"{i}.q", $"{i}.k", $"{i}.v"), (m.H + 2 * m.Hkv) * m.D, m.E);
            file.Add(gateUp.Replace("#", layer, StringComparison.Ordinal), Checkpoint.Stack(m, $"{i}.gate.0", $"{i}.up.0"), 2 * m.F, m.E);
        }
        return file;
    }

    public static Checkpoint StackedExperts(TinyModel m, bool interleaved)
    {
        Checkpoint file = Checkpoint.ForGguf(m, interleaved, part => ExpertParts.Contains(part) ? "" : null);
        for (int i = 0; i < m.Layers; i++)
            foreach (string part in ExpertParts)
                file.Add($"blk.{i}.ffn_{part}_exps.weight", Checkpoint.Stack(m, [.. Enumerable.Range(0, m.Experts).Select(x => $"{i}.{part}.{x}")]), [m.Experts, .. m.Tensors[$"{i}.{part}.0"].Shape]);
        return file;
    }

    public static string Json(TinyModel m, string type, string architecture, params (string Key, string Value)[] more)
    {
        Dictionary<string, string> fields = new(StringComparer.Ordinal)
        {
            ["model_type"] = $"\"{type}\"",
            ["architectures"] = $"[\"{architecture}\"]",
            ["hidden_size"] = $"{m.E}",
            ["num_attention_heads"] = $"{m.H}",
            ["num_key_value_heads"] = $"{m.Hkv}",
            ["num_hidden_layers"] = $"{m.Layers}",
            ["intermediate_size"] = $"{m.F}",
            ["vocab_size"] = $"{m.V}",
            ["max_position_embeddings"] = $"{m.Context}",
            ["rms_norm_eps"] = "1e-05",
            ["bos_token_id"] = "1",
            ["eos_token_id"] = "2",
        };
        foreach ((string key, string value) in more) fields[key] = value;
        return $"{{{string.Join(',', fields.Select(f => $"\"{f.Key}\":{f.Value}"))}}}";
    }

    public static GgufBuilder Keys(TinyModel m, string architecture) => new GgufBuilder().Key("general.architecture", architecture).Key($"{architecture}.block_count", (uint)m.Layers)
        .Key($"{architecture}.embedding_length", (uint)m.E).Key($"{architecture}.feed_forward_length", (uint)m.F).Key($"{architecture}.context_length", (uint)m.Context)
        .Key($"{architecture}.attention.head_count", (uint)m.H).Key($"{architecture}.attention.head_count_kv", (uint)m.Hkv).Key($"{architecture}.attention.key_length", (uint)m.D)
        .Key($"{architecture}.attention.value_length", (uint)m.D).Key($"{architecture}.attention.layer_norm_rms_epsilon", 1e-5f).Key($"{architecture}.vocab_size", (uint)m.V);

    public static string List(float[] values) => $"[{string.Join(',', values.Select(v => v.ToString(CultureInfo.InvariantCulture)))}]";
}
