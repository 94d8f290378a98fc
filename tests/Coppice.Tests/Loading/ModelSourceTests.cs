using System.Text.Json.Nodes;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Tests.Loading;

public sealed class ModelSourceTests
{
    [Fact]
    public void The_sample_model_opens_with_every_weight_in_place()
    {
        using ModelSource model = ModelSource.Open(TestData.SampleModel);
        Assert.Equal(new ModelConfig
        {
            Family = "llama",
            Layers = 4,
            HiddenSize = 256,
            FeedForwardSize = 640,
            Heads = 8,
            KvHeads = 4,
            HeadSize = 32,
            VocabularySize = 1024,
            MaxContextTokens = 4096,
            NormEpsilon = 1e-5f,
            Rope = new RopeConfig { Base = 10_000, Dimensions = 32, Pairing = RopePairing.Halves },
            TiedOutput = true,
        }, model.Config);
        Assert.Equal([2], model.EndOfTextTokens);
        Assert.Equal(1, model.BeginOfTextToken);
        Assert.Equal(TestData.SampleModel, model.Folder);
        Assert.Null(model.Gguf);
        Assert.Same(model.Weight(new(WeightRole.Embedding)), model.Weight(new(WeightRole.Output)));
        Assert.Equal("model.layers.3.mlp.down_proj.weight", model.Weight(new(WeightRole.Down, 3)).Name);
        Assert.Equal([256L, 640L], model.Weight(new(WeightRole.Down, 3)).Shape);
        Assert.Equal("model.layers.0.input_layernorm.weight", model.Weight(new(WeightRole.AttentionNorm, 0)).Name);
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Weight(new(WeightRole.Down, 4)));
        Assert.Throws<ArgumentOutOfRangeException>(() => model.Weight(new(WeightRole.Down, -1)));
    }

    [SharedFact]
    public void Both_containers_hold_the_same_stories_model_but_for_the_order_of_query_and_key_rows()
    {
        using ModelSource folder = ModelSource.Open(TestData.Shared("testdata/stories260K/hf"));
        using ModelSource gguf = ModelSource.Open(TestData.Shared("testdata/stories260K/stories260K-f32.gguf"));
        Assert.Equal(folder.Config with { Rope = folder.Config.Rope with { Pairing = RopePairing.Interleaved } }, gguf.Config);
        Assert.Equal((172, 8, 4, 8), (gguf.Config.FeedForwardSize, gguf.Config.Heads, gguf.Config.KvHeads, gguf.Config.HeadSize));
        Assert.Equal([1, 2], folder.EndOfTextTokens); // its generation_config.json has both
        Assert.Equal([2], gguf.EndOfTextTokens);
        Assert.Equal(folder.BeginOfTextToken, gguf.BeginOfTextToken);
        Assert.NotNull(gguf.Gguf);

        int half = folder.Config.HeadSize / 2;
        Assert.Equal(folder.AllWeights.Keys, gguf.AllWeights.Keys);
        foreach ((WeightKey key, WeightTensor ours) in folder.AllWeights)
        {
            WeightTensor theirs = gguf.Weight(key);
            Assert.Equal(ours.Shape, theirs.Shape);
            for (long row = 0; row < ours.Rows(); row++)
            {
                // Interleaved: the pair (i, i + D/2) of a head lies at (2i, 2i + 1).
                long head = row / (2 * half), element = row % (2 * half);
                long other = key.Role is WeightRole.Query or WeightRole.Key ? head * 2 * half + element % half * 2 + element / half : row;
                Assert.Equal(ours.Row(row), theirs.Row(other));
            }
        }
    }

    [Theory]
    [InlineData("model_type", "\"gemma3\"", "model_type is 'gemma3'; needed: one of 'llama', 'mistral', 'mixtral', 'gpt_neox', 'gemma', 'gemma2', 'gemma3_text', 'qwen2', 'qwen3', 'qwen3_moe', 'phi3'")]
    [InlineData("model_type", null, "model_type is missing")]
    [InlineData("architectures", "[\"MixtralForCausalLM\"]", "architectures is 'MixtralForCausalLM'; needed: 'LlamaForCausalLM' in a model of type 'llama'")]
    [InlineData("rope_scaling", """{"rope_type":"spiral","factor":8}""", "rope_scaling.rope_type is 'spiral'; needed: 'default', 'linear', 'dynamic', 'yarn', 'llama3' or 'longrope'")]
    [InlineData("rope_scaling", """{"factor":8}""", "rope_scaling.type is missing")]
    [InlineData("rope_scaling", """{"type":"linear"}""", "rope_scaling.factor is missing; needed: a number from 1")]
    [InlineData("rope_scaling", """{"type":"linear","factor":0.5}""", "rope_scaling.factor is 0.5; needed: a number from 1")]
    [InlineData("rope_scaling", """{"type":"dynamic","factor":2,"alpha":1000}""", "rope_scaling.alpha is there; needed: RoPE without it")]
    [InlineData("rope_scaling", """{"rope_type":"llama3","factor":8,"low_freq_factor":4,"high_freq_factor":4,"original_max_position_embeddings":64}""", "rope_scaling.high_freq_factor is 4; needed: more than low_freq_factor, which is 4")]
    [InlineData("rope_scaling", """{"type":"longrope","short_factor":[1],"long_factor":[2]}""", "rope_scaling.short_factor is a list of 1; needed: 16 numbers, one for each pair that turns")]
    [InlineData("rope_scaling", """{"type":"longrope","short_factor":[1]}""", "rope_scaling.short_factor is a list of 1")]
    [InlineData("rope_parameters", """{"rope_type":"mrope"}""", "rope_parameters.rope_type is 'mrope'")]
    [InlineData("rope_parameters", """{"rope_theta":500000}""", "rope_theta is 10000; needed: 500000, as in rope_parameters")]
    [InlineData("hidden_act", "\"gelu\"", "hidden_act is 'gelu'; needed: 'silu'")]
    [InlineData("attention_bias", "true", "Tensor 'model.layers.0.self_attn.q_proj.bias' is missing; needed: [256]")]
    [InlineData("mlp_bias", "true", "Tensor 'model.layers.0.mlp.gate_proj.bias' is missing; needed: [640]")]
    [InlineData("use_bidirectional_attention", "true", "use_bidirectional_attention is true; needed: false")]
    [InlineData("quantization_config", """{"quant_method":"gptq"}""", "quantization_config is of method 'gptq'")]
    [InlineData("partial_rotary_factor", "0.5", "partial_rotary_factor is 0.5; needed: 1")]
    [InlineData("num_hidden_layers", "0", "num_hidden_layers is 0; needed: a whole number from 1 to 1024")]
    [InlineData("num_hidden_layers", "4294967295", "num_hidden_layers is 4294967295")]
    [InlineData("num_hidden_layers", "3", "Tensor 'model.layers.3.input_layernorm.weight' has no place in a llama model of 3 layers")]
    [InlineData("num_hidden_layers", "5", "Tensor 'model.layers.4.input_layernorm.weight' is missing; needed: [256]")]
    [InlineData("num_key_value_heads", "3", "num_key_value_heads is 3; needed: a divisor of num_attention_heads, which is 8")]
    [InlineData("num_key_value_heads", "0", "num_key_value_heads is 0")]
    [InlineData("head_dim", "31", "head_dim is 31; needed: an even number")]
    [InlineData("head_dim", "64", "Tensor 'model.layers.0.self_attn.q_proj.weight' has shape [256, 256]; the model's config needs [512, 256]")]
    [InlineData("hidden_size", "\"256\"", "hidden_size is the string '256'")]
    [InlineData("vocab_size", "1023", "Tensor 'model.embed_tokens.weight' has shape [1024, 256]; the model's config needs [1023, 256]")]
    [InlineData("rms_norm_eps", "0", "rms_norm_eps is 0; needed: a number from")]
    [InlineData("rms_norm_eps", "1e999", "rms_norm_eps is 1e999")]
    [InlineData("rope_theta", "-1", "rope_theta is -1")]
    [InlineData("tie_word_embeddings", "false", "Tensor 'lm_head.weight' is missing; needed: [1024, 256]")]
    [InlineData("eos_token_id", "[2, 1024]", "eos_token_id is [2, 1024]; needed: whole numbers from 0 to 1023")]
    [InlineData("bos_token_id", "-1", "bos_token_id is -1")]
    public void A_config_that_asks_for_something_else_is_refused_by_name(string key, string? json, string message)
    {
        using TempFolder folder = Sample(key, json);
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => ModelSource.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.StillOpen());
    }

    [Theory]
    [InlineData("rope_scaling", "null"), InlineData("rope_scaling", """{"rope_type":"default"}"""), InlineData("rope_parameters", """{"rope_type":"default","rope_theta":10000}""")]
    [InlineData("rope_theta", null), InlineData("head_dim", null), InlineData("tie_word_embeddings", null), InlineData("hidden_act", null), InlineData("architectures", null)]
    public void A_key_that_may_be_absent_or_default_changes_nothing(string key, string? json)
    {
        using TempFolder folder = Sample(key, json);
        using ModelSource changed = ModelSource.Open(folder.Path), sample = ModelSource.Open(TestData.SampleModel);
        Assert.Equal(sample.Config, changed.Config);
    }

    [Fact]
    public void The_base_frequency_may_stand_in_rope_parameters()
    {
        using TempFolder folder = Sample("rope_theta", null);
        Change(folder, "rope_parameters", """{"rope_theta":500000.0,"rope_type":"default"}""");
        using ModelSource model = ModelSource.Open(folder.Path);
        Assert.Equal(500_000f, model.Config.Rope.Base);
    }

    [Fact]
    public void Generation_config_overrides_the_ends_of_text()
    {
        using TempFolder folder = Sample("eos_token_id", "7");
        using (ModelSource model = ModelSource.Open(folder.Path)) Assert.Equal([7], model.EndOfTextTokens);
        folder.Write("generation_config.json", """{"eos_token_id":[5,6,5],"bos_token_id":null}""");
        using (ModelSource model = ModelSource.Open(folder.Path))
        {
            Assert.Equal([5, 6], model.EndOfTextTokens);
            Assert.Equal(1, model.BeginOfTextToken);
        }
    }

    [Fact]
    public void Any_file_of_a_folder_stands_for_it()
    {
        using TempFolder folder = Sample("eos_token_id", "7");
        foreach (string name in (string[])["model.safetensors", "config.json"])
        {
            using ModelSource model = ModelSource.Open(folder.File(name));
            Assert.Equal(folder.Path, model.Folder);
        }
    }

    [Fact]
    public void What_is_no_model_is_refused_with_a_remedy()
    {
        using TempFolder folder = new();
        void Refused(string path, string message) => Assert.Contains(message, Assert.Throws<ModelFormatException>(() => ModelSource.Open(path)).Message, StringComparison.Ordinal);
        Refused(folder.File("nothing"), "There is no such file or folder");
        Refused(folder.File("nothing.gguf"), "There is no such file or folder");
        Refused(folder.Path, "has no config.json: it is not a Hugging Face model");
        Refused(folder.Write("weights.bin", "x"), "A model is a Hugging Face folder (config.json and safetensors) or a .gguf file");
        folder.Write("model.gguf", "x");
        Refused(folder.Path, "Name the GGUF file itself, such as 'model.gguf'");
        File.Copy(Path.Combine(TestData.SampleModel, "config.json"), folder.File("config.json"));
        Refused(folder.Path, "has neither model.safetensors nor model.safetensors.index.json");
        folder.Write("model.safetensors", SafetensorsBuilder.Build());
        Refused(folder.Path, "Tensor 'model.embed_tokens.weight' is missing; needed: [1024, 256]");
        folder.Write("config.json", "");
        Refused(folder.Path, "config.json: The file is empty");
        Assert.Throws<ArgumentException>(() => ModelSource.Open(""));
    }

    [Fact]
    public void Weights_of_a_type_that_cannot_be_computed_with_are_refused_at_opening()
    {
        using TempFolder folder = Sample("eos_token_id", "7");
        folder.Write("model.safetensors", SafetensorsBuilder.Build(("model.embed_tokens.weight", "F8_E4M3", [1024, 256], new byte[1024 * 256])));
        Assert.Contains("Tensor 'model.embed_tokens.weight' is kept as F8_E4M3", Assert.Throws<ModelFormatException>(() => ModelSource.Open(folder.Path)).Message, StringComparison.Ordinal);
    }

    [Fact]
    public void A_GGUF_model_may_have_output_weights_of_its_own_and_head_sizes_of_its_own()
    {
        using TempFolder folder = new();
        using ModelSource model = Open(folder, TinyGguf().Key("llama.attention.key_length", 6u).Key("tokenizer.ggml.eos_token_id", 2u).Key("tokenizer.ggml.eot_token_id", 1u), headSize: 6, output: true);
        Assert.Equal((2, 1, 6, 3, false), (model.Config.Heads, model.Config.KvHeads, model.Config.HeadSize, model.Config.VocabularySize, model.Config.TiedOutput));
        Assert.Equal([2, 1], model.EndOfTextTokens);
        Assert.Null(model.BeginOfTextToken);
        Assert.Equal("output.weight", model.Weight(new(WeightRole.Output)).Name);
        Assert.Equal(10_000f, model.Config.Rope.Base);
    }

    [Fact]
    public void A_GGUF_model_that_would_be_computed_wrongly_is_refused_by_name()
    {
        void Refused(GgufBuilder builder, string message)
        {
            using TempFolder folder = new();
            Assert.Contains(message, Assert.Throws<ModelFormatException>(() => Open(folder, builder, headSize: 4, output: false)).Message, StringComparison.Ordinal);
            Assert.Empty(folder.StillOpen());
        }
        Refused(TinyGguf().Key("llama.rope.scaling.type", "spiral"), "'llama.rope.scaling.type' is 'spiral'; needed: 'none', 'linear', 'yarn'");
        Refused(TinyGguf().Key("llama.rope.scale_linear", 0.5f), "is 0.5; needed: a number from 1");
        Refused(TinyGguf().Key("llama.expert_count", 8u), "'llama.expert_used_count' is missing; needed: a whole number from 1 to 8");
        Refused(TinyGguf().Key("llama.expert_count", 8u).Key("llama.expert_used_count", 9u), "'llama.expert_used_count' is 9; needed: a number from 1 to 8");
        Refused(TinyGguf().Key("llama.expert_count", 8u).Key("llama.expert_used_count", 2u), "Tensor 'blk.0.ffn_gate_inp.weight' is missing; needed: [8, 8]");
        Refused(TinyGguf().Key("llama.attention.clamp_kqv", 8f), "'llama.attention.clamp_kqv' is 8; needed: 0");
        Refused(TinyGguf().Key("llama.rope.scaling.attn_factor", 1.2f), "'llama.rope.scaling.attn_factor' is 1.2; needed: 1 without YaRN or LongRoPE");
        Refused(TinyGguf().Key("llama.rope.scaling.yarn_log_multiplier", 0.1f), "'llama.rope.scaling.yarn_log_multiplier' is 0.1; needed: 0");
        Refused(TinyGguf().Key("llama.logit_scale", 0.5f), "'llama.logit_scale' is 0.5; needed: 1");
        Refused(TinyGguf().Key("llama.rope.dimension_count", 2u), "'llama.rope.dimension_count' is 2; needed: 4, the head size");
        Refused(TinyGguf().Key("llama.attention.value_length", 8u), "'llama.attention.value_length' is 8; needed: 4, the head size");
        Refused(TinyGguf().Key("llama.rope.freq_base", float.NaN), "'llama.rope.freq_base' is NaN; needed: a number from 1 to");
        Refused(TinyGguf().Key("llama.attention.head_count_kv", GgufValueType.Array, [4, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 1, 0, 0, 0]), "twice");
        Refused(TinyGguf().Key("split.count", GgufValueType.UInt16, [3, 0]), "'split.count' is 3; needed: 1; merge the parts");
        Refused(TinyGguf().Key("tokenizer.ggml.eos_token_id", 3u), "'tokenizer.ggml.eos_token_id' is 3; needed: a number from 0 to 2");
        Refused(TinyGguf().Tensor("rope_freqs.weight", [2], 0, new byte[8]), "Tensor 'rope_freqs.weight' divides RoPE's frequencies by numbers that are not all above 0");
        Refused(TinyGguf().Tensor("rope_freqs.weight", [3], 0, new byte[12]), "Tensor 'rope_freqs.weight' has shape [3]; the model's config needs [2]");
        Refused(TinyGguf().Tensor("rope_factors_long.weight", [2], 0, [.. BitConverter.GetBytes(1f), .. BitConverter.GetBytes(2f)]), "needed: the tensor rope_factors_short.weight beside");
        Refused(TinyGguf().Tensor("blk.0.attn_q.bias", [8], 0, new byte[32]), "Tensor 'blk.0.attn_k.bias' is missing");
        Refused(TinyGguf().Tensor("blk.0.attn_q_norm.weight", [4], 0, new byte[16]), "Tensor 'blk.0.attn_q_norm.weight' has no place in a llama model of 1 layers");
        Refused(new GgufBuilder().Key("general.architecture", "mamba"), "'general.architecture' is 'mamba'; needed: one of 'llama', 'gptneox', 'gemma', 'gemma2', 'gemma3', 'qwen2', 'qwen3', 'qwen3moe', 'phi3'");
    }

    private static GgufBuilder TinyGguf() => new GgufBuilder().Key("general.architecture", "llama").Key("llama.block_count", 1u).Key("llama.embedding_length", 8u)
        .Key("llama.feed_forward_length", 5u).Key("llama.context_length", 16u).Key("llama.attention.head_count", 2u).Key("llama.attention.head_count_kv", 1u)
        .Key("llama.attention.layer_norm_rms_epsilon", 1e-5f).Array("tokenizer.ggml.tokens", "a", "b", "c");

    private static ModelSource Open(TempFolder folder, GgufBuilder builder, ulong headSize, bool output)
    {
        void Add(string name, params ulong[] dimensions) => builder.Tensor(name, dimensions, 1, new byte[2 * dimensions.Aggregate(1UL, (a, b) => a * b)]);
        Add("token_embd.weight", 8, 3);
        Add("output_norm.weight", 8);
        if (output) Add("output.weight", 8, 3);
        Add("blk.0.attn_norm.weight", 8);
        Add("blk.0.attn_q.weight", 8, 2 * headSize);
        Add("blk.0.attn_k.weight", 8, headSize);
        Add("blk.0.attn_v.weight", 8, headSize);
        Add("blk.0.attn_output.weight", 2 * headSize, 8);
        Add("blk.0.ffn_norm.weight", 8);
        Add("blk.0.ffn_gate.weight", 8, 5);
        Add("blk.0.ffn_up.weight", 8, 5);
        Add("blk.0.ffn_down.weight", 5, 8);
        return ModelSource.Open(folder.Write("a.gguf", builder.Build()));
    }

    /// <summary>The sample model with one key of its config changed; null removes it.</summary>
    private static TempFolder Sample(string key, string? json)
    {
        TempFolder folder = new();
        foreach (string name in (string[])["config.json", "model.safetensors"]) File.Copy(Path.Combine(TestData.SampleModel, name), folder.File(name));
        Change(folder, key, json);
        return folder;
    }

    private static void Change(TempFolder folder, string key, string? json)
    {
        JsonObject config = JsonNode.Parse(File.ReadAllBytes(folder.File("config.json")))!.AsObject();
        config.Remove(key);
        string text = config.ToJsonString();
        folder.Write("config.json", json is null ? text : $"{text[..^1]},\"{key}\":{json}}}");
    }
}
