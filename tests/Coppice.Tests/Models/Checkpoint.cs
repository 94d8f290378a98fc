using System.Runtime.InteropServices;
using Coppice.Loading;
using Coppice.Tests.Loading;

namespace Coppice.Tests.Models;

/// <summary>A tiny model on its way into a file: named tensors, as the published files of its family have them.</summary>
internal sealed class Checkpoint
{
    private readonly List<(string Name, float[] Data, long[] Shape)> _tensors = [];

    public Checkpoint Add(string name, float[] data, params long[] shape)
    {
        _tensors.Add((name, data, shape));
        return this;
    }

    /// <summary>config.json and model.safetensors.</summary>
    public string WriteFolder(TempFolder folder, string config)
    {
        folder.Write("config.json", config);
        folder.Write("model.safetensors", SafetensorsBuilder.Build([.. _tensors.Select(t => (t.Name, "F32", t.Shape, Bytes(t.Data)))]));
        return folder.Path;
    }

    public string WriteGguf(TempFolder folder, GgufBuilder builder)
    {
        foreach ((string name, float[] data, long[] shape) in _tensors) builder.Tensor(name, [.. shape.Reverse().Select(d => (ulong)d)], 0, Bytes(data));
        return folder.Write("model.gguf", builder.Build());
    }

    private static byte[] Bytes(float[] data) => MemoryMarshal.AsBytes(data.AsSpan()).ToArray();

    /// <summary>Short names to those of Llama's folders, with a family's differences on top.</summary>
    public static Checkpoint ForFolder(TinyModel m, Func<string, string?>? rename = null)
    {
        Checkpoint file = new();
        foreach ((string name, (float[] data, long[] shape)) in m.Tensors)
        {
            (string layer, string part, string expert) = Split(name);
            string? own = rename?.Invoke(part);
            string block = $"model.layers.{layer}.";
            string full = own is not null ? own.Replace("#", layer, StringComparison.Ordinal).Replace("@", expert, StringComparison.Ordinal) : part switch
            {
                "embed" => "model.embed_tokens.weight",
                "norm" => "model.norm.weight",
                "head" => "lm_head.weight",
                "attention norm" => $"{block}input_layernorm.weight",
                "ffn norm" => $"{block}post_attention_layernorm.weight",
                "q norm" or "k norm" => $"{block}self_attn.{part[0]}_norm.weight",
                "q" or "k" or "v" or "o" => $"{block}self_attn.{part}_proj.weight",
                "q bias" or "k bias" or "v bias" or "o bias" => $"{block}self_attn.{part[0]}_proj.bias",
                "gate" or "up" or "down" => $"{block}mlp.{part}_proj.weight",
                "gate bias" or "up bias" or "down bias" => $"{block}mlp.{part[..^5]}_proj.bias",
                _ => throw new InvalidOperationException(part),
            };
            if (full.Length > 0) file.Add(full, data, shape);
        }
        return file;
    }

    /// <summary>Short names to GGUF's. An empty new name leaves a tensor out.</summary>
    public static Checkpoint ForGguf(TinyModel m, bool interleaved, Func<string, string?>? rename = null)
    {
        Checkpoint file = new();
        foreach ((string name, (float[] data, long[] shape)) in m.Tensors)
        {
            (string layer, string part, string expert) = Split(name);
            string block = $"blk.{layer}.";
            string full = rename?.Invoke(part)?.Replace("#", layer, StringComparison.Ordinal).Replace("@", expert, StringComparison.Ordinal) ?? part switch
            {
                "embed" => "token_embd.weight",
                "norm" => "output_norm.weight",
                "norm bias" => "output_norm.bias",
                "head" => "output.weight",
                "attention norm" => $"{block}attn_norm.weight",
                "attention norm bias" => $"{block}attn_norm.bias",
                "attention post norm" => $"{block}post_attention_norm.weight",
                "ffn norm" => $"{block}ffn_norm.weight",
                "ffn norm bias" => $"{block}ffn_norm.bias",
                "ffn post norm" => $"{block}post_ffw_norm.weight",
                "q norm" or "k norm" => $"{block}attn_{part[0]}_norm.weight",
                "q" or "k" or "v" => $"{block}attn_{part}.weight",
                "q bias" or "k bias" or "v bias" => $"{block}attn_{part[0]}.bias",
                "o" => $"{block}attn_output.weight",
                "o bias" => $"{block}attn_output.bias",
                "gate" or "up" or "down" => $"{block}ffn_{part}.weight",
                "gate bias" or "up bias" or "down bias" => $"{block}ffn_{part[..^5]}.bias",
                "router" => $"{block}ffn_gate_inp.weight",
                _ => throw new InvalidOperationException(part),
            };
            if (full.Length == 0) continue;
            bool turned = interleaved && (part is "q" or "k" or "q bias" or "k bias");
            // Norms that are kept as a difference from 1 elsewhere have the 1 added here.
            bool shifted = m.NormOffset && part.EndsWith("norm", StringComparison.Ordinal);
            file.Add(full, turned ? Interleave(data, m.D, shape) : shifted ? [.. data.Select(v => v + 1)] : data, shape);
        }
        return file;
    }

    /// <summary>Rows of one tensor behind those of another.</summary>
    public static float[] Stack(TinyModel m, params string[] names) => [.. names.SelectMany(name => m.Tensors[name].Data)];

    // The rows i and i + D/2 of a head go to 2i and 2i + 1.
    private static float[] Interleave(float[] data, int d, long[] shape)
    {
        int columns = (int)(shape.Length == 1 ? 1 : shape[1]);
        float[] result = new float[data.Length];
        for (int row = 0; row < shape[0]; row++)
        {
            int head = row / d, i = row % d, to = head * d + (i < d / 2 ? 2 * i : 2 * (i - d / 2) + 1);
            Array.Copy(data, row * columns, result, to * columns, columns);
        }
        return result;
    }

    private static (string Layer, string Part, string Expert) Split(string name)
    {
        string[] parts = name.Split('.');
        return parts.Length == 1 ? ("", name, "") : (parts[0], parts[1], parts.Length > 2 ? parts[2] : "");
    }
}
