using System.Text.Json.Nodes;
using Coppice.Backends;
using Coppice.Conversion;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Scheduling;
using Coppice.Tests.Loading;
using Coppice.Tests.Models;
using static Coppice.Tests.Conversion.Converted;

namespace Coppice.Tests.Conversion;

/// <summary>Every family, from either container, to a GGUF file that is the same model.</summary>
public sealed class FamilyConversionTests
{
    private static readonly EngineOptions s_floats = new() { Weights = WeightFormat.F32 };

    // What GGUF cannot say, and the words it is refused with.
    private static readonly Dictionary<string, string> s_refused = new(StringComparer.Ordinal)
    {
        ["llama dynamic folder"] = "RoPE scaling is 'dynamic'",
        ["llama dynamic, context of 128, folder"] = "RoPE scaling is 'dynamic'",
        ["gpt-neox sequential folder"] = "its activation is the approximation of GELU",
        ["qwen2 windowed folder"] = "see 16 positions only (use_sliding_window)",
    };

    public static TheoryData<string> Folders => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith("folder", StringComparison.Ordinal) && !s_refused.ContainsKey(name))];

    public static TheoryData<string> Files => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith("gguf", StringComparison.Ordinal))];

    public static TheoryData<string> Refused => [.. s_refused.Keys];

    [Theory, MemberData(nameof(Folders))]
    public void A_folder_becomes_a_file_with_the_same_logits(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder), to = folder.File("written.gguf");
        Convert(from, WeightType.F32, to);
        using ModelSource own = ModelSource.Open(from), written = ModelSource.Open(to);
        // Turned rows change the order of the sums in a score; divisors of RoPE's angles and the factor on its cosines are floats in GGUF. Else the bits are the same.
        RopeConfig before = own.Config.Rope, after = written.Config.Rope;
        bool sameBits = before.Pairing == after.Pairing && before.Scaling?.Kind == after.Scaling?.Kind && before.Scaling?.AttentionFactor == after.Scaling?.AttentionFactor;
        foreach ((float[] a, float[] b) in Logits(name, from, s_floats).Zip(Logits(name, to, s_floats)))
        {
            if (sameBits) Assert.Equal(a, b);
            float scale = Math.Max(1, a.Max(MathF.Abs));
            for (int i = 0; i < a.Length; i++) Assert.Equal(a[i], b[i], 1e-4f * scale);
        }
    }

    [Theory, MemberData(nameof(Refused))]
    public void What_GGUF_cannot_say_is_refused_by_name_and_leaves_no_file(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder);
        string said = Assert.Throws<ModelFormatException>(() => Convert(from, WeightType.F32, folder.File("written.gguf"))).Message;
        Assert.Contains(s_refused[name], said, StringComparison.Ordinal);
        Assert.EndsWith("Use the folder itself, with --weights q8_0 if it is too large.", said, StringComparison.Ordinal);
        Assert.Empty(Directory.GetFiles(folder.Path, "*.gguf*"));
    }

    [Theory, MemberData(nameof(Files))]
    public void A_file_becomes_a_file_with_the_same_bits(string name)
    {
        using TempFolder folder = new();
        string from = TinyFamilies.All[name].Write(folder), to = folder.File("written.gguf");
        Convert(from, WeightType.F32, to);
        Assert.Equal(Logits(name, from, s_floats), Logits(name, to, s_floats));
    }

    [Theory, MemberData(nameof(Folders)), MemberData(nameof(Files))]
    public void Weights_in_q8_0_are_within_half_a_step_and_rows_that_do_not_divide_and_routers_are_exact(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder);
        Convert(from, WeightType.F32, folder.File("exact.gguf"));
        Convert(from, WeightType.Q8_0, folder.File("rounded.gguf"));
        using GgufFile exact = GgufFile.Open(folder.File("exact.gguf")), rounded = GgufFile.Open(folder.File("rounded.gguf"));
        Assert.Equal(exact.Tensors.Select(t => t.Name), rounded.Tensors.Select(t => t.Name));
        Assert.Contains(rounded.Tensors, t => t.Type == WeightType.Q8_0);
        foreach ((WeightTensor a, WeightTensor b) in exact.Tensors.Zip(rounded.Tensors))
        {
            float[] own = Numbers(a), written = Numbers(b);
            bool stays = a.Shape.Count == 1 || a.Shape[^1] % 32 != 0 || a.Name.Contains("ffn_gate_inp", StringComparison.Ordinal);
            Assert.Equal(stays ? WeightType.F32 : WeightType.Q8_0, b.Type);
            if (stays) Assert.Equal(own, written);
            // The step is the largest number of 32 over 127, rounded to a half.
            for (int block = 0; !stays && block < own.Length; block += 32)
            {
                float step = own.AsSpan(block, 32).ToArray().Max(MathF.Abs) / 127 * (1 + 1f / 1024);
                for (int i = block; i < block + 32; i++) Assert.InRange(MathF.Abs(own[i] - written[i]), 0, step * 0.56f);
            }
        }
        // The file's own numbers, computed exactly, against those of the same numbers as floats.
        Convert(folder.File("rounded.gguf"), WeightType.F32, folder.File("again.gguf"));
        Assert.Equal(Logits(name, folder.File("again.gguf"), s_floats), Logits(name, folder.File("rounded.gguf"), s_floats));
    }

    [Theory, MemberData(nameof(Folders))]
    public void A_folder_in_q8_0_computes_nearly_what_it_did(string name)
    {
        using TempFolder folder = new();
        string from = Write(name, folder), to = folder.File("written.gguf");
        Convert(from, WeightType.Q8_0, to);
        double error = 0, all = 0;
        foreach ((float[] a, float[] b) in Logits(name, from, s_floats, decoded: 1).Zip(Logits(name, to, new EngineOptions(), decoded: 1)))
        {
            error += a.Zip(b).Sum(pair => Math.Pow(pair.First - pair.Second, 2));
            all += a.Sum(value => Math.Pow(value, 2));
        }
        // Scores of these models are large, and one with two that are nearly equal turns to the other: a weight in a wrong place gives more than 1.
        Assert.InRange(Math.Sqrt(error / all), 1e-6, 0.5);
    }

    [Theory]
    [InlineData("llama 3 folder", "llama.rope.dimension_count llama.rope.freq_base", "rope_freqs.weight blk.0.attn_q.weight blk.1.ffn_down.weight")]
    [InlineData("llama biased folder", "llama.attention.layer_norm_rms_epsilon", "blk.0.attn_q.bias blk.0.attn_output.bias blk.0.ffn_gate.bias output.weight")]
    [InlineData("llama linear folder", "llama.rope.scaling.type llama.rope.scaling.factor llama.rope.scaling.original_context_length", "")]
    [InlineData("llama yarn with attention factor folder", "llama.rope.scaling.type llama.rope.scaling.attn_factor llama.rope.scaling.yarn_beta_fast llama.rope.scaling.yarn_beta_slow", "")]
    [InlineData("mistral folder", "llama.attention.sliding_window", "")]
    [InlineData("mixtral folder", "llama.expert_count llama.expert_used_count", "blk.0.ffn_gate_inp.weight blk.0.ffn_gate_exps.weight blk.0.ffn_up_exps.weight blk.0.ffn_down_exps.weight")]
    [InlineData("pythia folder", "gptneox.attention.layer_norm_epsilon gptneox.use_parallel_residual", "blk.0.attn_qkv.weight blk.0.attn_qkv.bias output_norm.bias blk.0.ffn_up.bias")]
    [InlineData("gemma 2 folder", "gemma2.attn_logit_softcapping gemma2.final_logit_softcapping gemma2.attention.sliding_window", "blk.0.post_attention_norm.weight blk.0.post_ffw_norm.weight")]
    [InlineData("gemma 3 folder", "gemma3.rope.freq_base_swa gemma3.attention.sliding_window_pattern gemma3.attention.key_length", "blk.0.attn_q_norm.weight")]
    [InlineData("qwen3 moe of shares folder", "qwen3moe.expert_feed_forward_length qwen3moe.expert_weights_norm", "blk.0.ffn_gate_inp.weight blk.0.ffn_down_exps.weight")]
    [InlineData("phi-4 mini long folder", "phi3.rope.scaling.attn_factor phi3.rope.scaling.original_context_length phi3.attention.sliding_window", "rope_factors_long.weight rope_factors_short.weight blk.0.attn_qkv.weight blk.0.ffn_up.weight")]
    public void Keys_and_tensors_have_the_names_that_files_of_the_family_have(string name, string keys, string tensors)
    {
        using TempFolder folder = new();
        Convert(Write(name, folder), WeightType.F32, folder.File("written.gguf"));
        using GgufFile file = GgufFile.Open(folder.File("written.gguf"));
        Assert.Superset(keys.Split(' ').ToHashSet(), file.Metadata.Keys.ToHashSet());
        Assert.Superset(tensors.Split(' ', StringSplitOptions.RemoveEmptyEntries).ToHashSet(), file.Tensors.Select(t => t.Name).ToHashSet());
    }

    [Fact]
    public void Experts_are_stacked_in_their_order_and_norms_of_Gemma_have_their_1_added()
    {
        using TempFolder folder = new(), other = new();
        Convert(Write("qwen3 moe folder", folder), WeightType.F32, folder.File("written.gguf"));
        TinyModel moe = TinyFamilies.All["qwen3 moe folder"].Model, gemma = TinyFamilies.All["gemma folder"].Model;
        using GgufFile file = GgufFile.Open(folder.File("written.gguf"));
        Assert.True(file.TryGetTensor("blk.1.ffn_down_exps.weight", out WeightTensor? experts));
        Assert.Equal([moe.Experts, moe.E, moe.F], experts.Shape);
        Assert.Equal(Checkpoint.Stack(moe, [.. Enumerable.Range(0, moe.Experts).Select(x => $"1.down.{x}")]), Numbers(experts));

        Convert(Write("gemma folder", other), WeightType.F32, other.File("written.gguf"));
        using GgufFile norms = GgufFile.Open(other.File("written.gguf"));
        Assert.True(norms.TryGetTensor("blk.0.attn_norm.weight", out WeightTensor? norm));
        Assert.Equal(gemma.Tensors["0.attention norm"].Data.Select(w => w + 1), Numbers(norm));
    }

    [Theory]
    [InlineData("gemma 2 folder", """{"layer_types":["full_attention","sliding_attention","sliding_attention","full_attention"]}""")]
    [InlineData("gemma 3 folder", """{"layer_types":["full_attention","sliding_attention","sliding_attention","full_attention","full_attention","sliding_attention"]}""")]
    [InlineData("gemma 3 folder", """{"final_logit_softcapping":7.5, "query_pre_attn_scalar":20}""")]
    [InlineData("qwen3 folder", """{"use_sliding_window":true, "sliding_window":4096, "max_window_layers":1}""")]
    [InlineData("mixtral folder", """{"sliding_window":12}""")]
    public void Unusual_settings_survive(string name, string settings)
    {
        using TempFolder folder = new();
        string from = Write(name, folder, settings), to = folder.File("written.gguf");
        Convert(from, WeightType.F32, to);
        foreach ((float[] a, float[] b) in Logits(name, from, s_floats).Zip(Logits(name, to, s_floats)))
            for (int i = 0; i < a.Length; i++) Assert.Equal(a[i], b[i], 1e-4f);
    }

    [Theory]
    [InlineData("llama yarn folder", """{"rope_scaling":{"rope_type":"yarn","factor":4.0,"truncate":false}}""", "its YaRN ramp may end within a pair")]
    [InlineData("gemma 3 folder", """{"rope_parameters":{"sliding_attention":{"rope_theta":10000,"rope_type":"linear","factor":2}}}""", "RoPE's angles in layer 0 cannot be told")]
    public void Unusual_settings_that_do_not_survive_are_refused_by_name(string name, string settings, string said)
    {
        using TempFolder folder = new();
        string from = Write(name, folder, settings);
        Assert.Contains(said, Assert.Throws<ModelFormatException>(() => Convert(from, WeightType.F32, folder.File("written.gguf"))).Message, StringComparison.Ordinal);
    }

    internal static string Write(string name, TempFolder folder, string settings = "{}")
    {
        string path = TinyFamilies.All[name].Write(folder);
        if (!Directory.Exists(path)) return path;
        JsonObject config = JsonNode.Parse(File.ReadAllText(folder.File("config.json")))!.AsObject();
        foreach ((string key, JsonNode? value) in JsonNode.Parse(settings)!.AsObject()) config[key] = value?.DeepClone();
        folder.Write("config.json", config.ToJsonString());
        string vocabulary = string.Join(',', Enumerable.Range(0, TinyFamilies.All[name].Model.V).Select(id => $"\"{(id == '\\' - 'A' ? 'é' : (char)('A' + id))}\":{id}"));
        folder.Write("tokenizer.json", """{"model":{"type":"BPE","vocab":{VOCABULARY},"merges":[]},"pre_tokenizer":{"type":"ByteLevel","add_prefix_space":false}}""".Replace("VOCABULARY", vocabulary, StringComparison.Ordinal));
        return path;
    }

    internal static int[] Prompt(string name) => [.. Enumerable.Range(0, 25).Select(i => i * 7 % TinyFamilies.All[name].Model.V)];

    // Of a prompt's end and of the likeliest tokens that follow.
    internal static List<float[]> Logits(string name, string path, EngineOptions options, int decoded = 6)
    {
        using FamilyRun run = new(path, options with { MaxContextTokens = TinyFamilies.All[name].Context }, new CpuBackend(2, options.Weights));
        Request request = run.Submit(Prompt(name), new GenerateOptions { MaxTokens = decoded, Temperature = 0, IgnoreEndOfText = true });
        run.Run();
        if (request.Error is { } error) throw error;
        return run.Seen[(request, 0)];
    }
}
