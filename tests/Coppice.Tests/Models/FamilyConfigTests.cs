using System.Text;
using System.Text.Json.Nodes;
using Coppice.Loading;
using Coppice.Models;
using Coppice.Tests.Loading;
using FsCheck;
using FsCheck.Fluent;

namespace Coppice.Tests.Models;

/// <summary>What families read from their settings, what they refuse, and that no setting brings them down.</summary>
public sealed class FamilyConfigTests
{
    public static TheoryData<string> Folders => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith(" folder", StringComparison.Ordinal) && !name.Contains(',', StringComparison.Ordinal))];

    public static TheoryData<string> Ggufs => [.. TinyFamilies.All.Keys.Where(name => name.EndsWith(" gguf", StringComparison.Ordinal))];

    [Fact]
    public void Every_family_has_a_tiny_checkpoint_in_both_containers()
    {
        HashSet<string> folders = [], ggufs = [];
        foreach (TinyCase one in TinyFamilies.All.Values)
        {
            using TempFolder folder = new();
            using ModelSource source = ModelSource.Open(one.Write(folder));
            (source.Gguf is null ? folders : ggufs).Add(source.Config.Family);
        }
        Assert.Equal(ModelFamilies.All.Select(f => f.Name).Order(), folders.Order());
        // A Mistral in GGUF is a Llama.
        Assert.Equal(ModelFamilies.All.Select(f => f.Name).Where(name => name != "mistral").Order(), ggufs.Order());
    }

    [Theory]
    [InlineData("mistral folder", "sliding_window", null, 4096, 4096)]      // the class's own default
    [InlineData("mistral folder", "sliding_window", "null", 0, 0)]
    [InlineData("mistral folder", "sliding_window", "24", 24, 24)]
    [InlineData("gemma 2 folder", "sliding_window", "20", 20, 0)]
    [InlineData("qwen2 folder", "use_sliding_window", "true", 16, 0)]
    [InlineData("qwen2 folder", "use_sliding_window", null, 0, 0)]
    [InlineData("qwen2 windowed folder", "max_window_layers", "0", 16, 16)]
    [InlineData("qwen2 windowed folder", "sliding_window", "null", 0, 0)]
    public void Windows_are_those_of_the_config(string name, string key, string? json, int window, int largest) => Opened(name, key, json, config =>
    {
        Assert.Equal(window, config.Window);
        Assert.Equal(largest, config.LargestWindow);
        Assert.Equal(config.IsWindowed(0) ? window : 0, config.Rule(0).Window);
    });

    [Theory]
    [InlineData("llama linear folder", 256)]
    [InlineData("llama dynamic folder", 256)]
    [InlineData("llama yarn folder", 256)]
    [InlineData("llama 3 folder", 256)]
    [InlineData("gemma 3 folder", 256)]
    [InlineData("phi-4 mini long folder", 256)]
    public void The_longest_sequence_is_that_behind_the_stretch(string name, int tokens) => Opened(name, "bos_token_id", "1", config => Assert.Equal(tokens, config.MaxContextTokens));

    [Theory]
    [InlineData("gemma 2 folder", "query_pre_attn_scalar", "144", 144)]
    [InlineData("gemma 2 folder", "query_pre_attn_scalar", null, 256)]
    [InlineData("gemma 3 folder", "query_pre_attn_scalar", "168", 168)]
    public void Gemma_scales_scores_by_a_size_of_its_own(string name, string key, string? json, double size) =>
        Opened(name, key, json, config => Assert.Equal(1 / Math.Sqrt(size), config.Rule(0).Scale, 1e-12));

    [Theory]
    [InlineData("gemma2", 46, 168 / 4.0)]
    [InlineData("gemma2", 42, 16)]
    [InlineData("gemma3", 62, 168 / 4.0)]
    [InlineData("gemma3", 48, 16)]
    public void A_GGUF_Gemma_of_27B_is_known_by_its_layers(string architecture, int layers, double size)
    {
        using TempFolder folder = new();
        GgufBuilder keys = new GgufBuilder().Key("general.architecture", architecture);
        foreach ((string key, int value) in ((string, int)[])[("block_count", layers), ("embedding_length", 168), ("feed_forward_length", 40), ("context_length", 64), ("attention.head_count", 4), ("attention.key_length", 16),
            ("vocab_size", 32), ("attention.sliding_window", 16)]) keys.Key($"{architecture}.{key}", (uint)value);
        keys.Key($"{architecture}.attention.layer_norm_rms_epsilon", 1e-6f);
        using GgufFile file = GgufFile.Open(folder.Write("a.gguf", keys.Build()));
        ModelConfig config = ModelFamilies.Of(file.Metadata).ReadConfig(file);
        Assert.Equal(1 / Math.Sqrt(size), config.Rule(0).Scale, 1e-12);
        Assert.Equal((16, 0), (config.Rule(0).Window, config.Rule(5).Window));
    }

    [Fact]
    public void A_GGUF_Gemma_may_list_its_windowed_layers()
    {
        using TempFolder folder = new();
        GgufBuilder keys = new GgufBuilder().Key("general.architecture", "gemma3");
        foreach ((string key, int value) in ((string, int)[])[("block_count", 3), ("embedding_length", 32), ("feed_forward_length", 40), ("context_length", 64), ("attention.head_count", 4), ("vocab_size", 32),
            ("attention.sliding_window", 16)]) keys.Key($"gemma3.{key}", (uint)value);
        keys.Key("gemma3.attention.layer_norm_rms_epsilon", 1e-6f).Array("gemma3.attention.sliding_window_pattern", GgufValueType.Bool, 3, [1, 0, 1]);
        using GgufFile file = GgufFile.Open(folder.Write("a.gguf", keys.Build()));
        ModelConfig config = ModelFamilies.Of(file.Metadata).ReadConfig(file);
        Assert.Equal([16, 0, 16], Enumerable.Range(0, 3).Select(layer => config.Rule(layer).Window));
    }

    [Fact]
    public void A_later_GPT_NeoX_config_has_the_common_names()
    {
        using TempFolder folder = Changed("pythia folder", "rotary_pct", null);
        string config = File.ReadAllText(folder.File("config.json")).Replace("\"rotary_emb_base\":10000", "\"rope_theta\":50000,\"partial_rotary_factor\":0.5", StringComparison.Ordinal);
        folder.Write("config.json", config);
        using (ModelSource source = ModelSource.Open(folder.Path)) Assert.Equal((50_000f, 8), (source.Config.Rope.Base, source.Config.Rope.Dimensions));
        folder.Write("config.json", config.Replace("\"rope_theta\":50000,\"partial_rotary_factor\":0.5", """ "rope_parameters":{"rope_theta":70000,"partial_rotary_factor":0.125} """, StringComparison.Ordinal));
        using (ModelSource source = ModelSource.Open(folder.Path)) Assert.Equal((70_000f, 2), (source.Config.Rope.Base, source.Config.Rope.Dimensions));
    }

    [Theory]
    [InlineData("mixtral folder", "num_experts_per_tok", "6", "num_experts_per_tok is 6; needed: a whole number from 1 to 5")]
    [InlineData("mixtral folder", "num_local_experts", "0", "num_local_experts is missing")]
    [InlineData("mixtral folder", "num_local_experts", "6", "block_sparse_moe.gate.weight' has shape [5, 32]; the model's config needs [6, 32]")]
    [InlineData("qwen3 moe folder", "decoder_sparse_step", "2", "decoder_sparse_step is 2; needed: 1: experts in every layer")]
    [InlineData("qwen3 moe folder", "mlp_only_layers", "[0]", "mlp_only_layers is a list of 1; needed: an empty one")]
    [InlineData("gemma folder", "hidden_activation", "\"relu\"", "hidden_activation is 'relu'; needed: 'gelu_pytorch_tanh'")]
    [InlineData("gemma folder", "attention_bias", "true", "attention_bias is true; needed: false")]
    [InlineData("gemma 2 folder", "sliding_window", null, "sliding_window is missing; needed: a whole number from 1")]
    [InlineData("gemma 3 with layer types folder", "layer_types", """["full_attention"]""", "layer_types is a list of 1; needed: 6, one for each layer")]
    [InlineData("gemma 2 with a scale of its own folder", "layer_types", """["full_attention","chunked_attention"]""", "layer_types is a list with 'chunked_attention'; needed: 'sliding_attention' and 'full_attention'")]
    [InlineData("pythia folder", "hidden_act", "\"relu\"", "hidden_act is 'relu'; needed: 'gelu' or 'gelu_new'")]
    [InlineData("pythia folder", "rotary_pct", "0.05", "rotary_pct is 0.05; needed: a share of 16, the head size, that is an even number")]
    [InlineData("pythia folder", "num_key_value_heads", "2", "num_key_value_heads is 2; needed: 4, as many as query heads")]
    [InlineData("phi-3 folder", "partial_rotary_factor", "0.4", "partial_rotary_factor is 0.4; needed: a share of 8")]
    [InlineData("phi-4 mini long folder", "rope_scaling", """{"type":"longrope","short_factor":[1,1,1,1,1,1],"long_factor":[1,1,1,1,1,0]}""", "rope_scaling.long_factor is [1,1,1,1,1,0]; needed: numbers from")]
    [InlineData("phi-4 mini long folder", "rope_scaling", """{"type":"longrope","short_mscale":1.1}""", "rope_scaling.short_mscale is there")]
    [InlineData("qwen3 folder", "partial_rotary_factor", "0.5", "partial_rotary_factor is 0.5; needed: 1")]
    [InlineData("llama yarn folder", "rope_theta", "1", "rope_theta is 1; needed: more than 1 for 'yarn'")]
    public void What_would_change_the_computation_is_refused_by_name(string name, string key, string? json, string message)
    {
        using TempFolder folder = Changed(name, key, json);
        Assert.Contains(message, Assert.Throws<ModelFormatException>(() => ModelSource.Open(folder.Path)).Message, StringComparison.Ordinal);
        Assert.Empty(folder.StillOpen());
    }

    [Theory, MemberData(nameof(Folders))]
    public void A_config_with_values_of_other_kinds_opens_or_is_refused(string name)
    {
        using TempFolder folder = new();
        TinyFamilies.All[name].Write(folder);
        Dictionary<string, string> config = JsonNode.Parse(File.ReadAllBytes(folder.File("config.json")))!.AsObject().ToDictionary(p => p.Key, p => p.Value?.ToJsonString() ?? "null", StringComparer.Ordinal);
        string[] keys = [.. config.Keys, "rope_scaling", "rope_parameters", "layer_types", "sliding_window", "head_dim", "partial_rotary_factor", "use_sliding_window", "max_window_layers", "tie_word_embeddings"];
        string[] values = ["null", "0", "1", "-1", "2", "3", "0.5", "1e400", "2147483648", "true", "false", "\"x\"", "[]", "[1]", "[\"x\"]", "[\"full_attention\"]", "{}",
            """{"rope_type":"linear","factor":3}""", """{"rope_type":"dynamic","factor":1000000}""", """{"rope_type":"yarn","factor":2,"beta_fast":1,"beta_slow":32}""", """{"rope_type":"yarn","original_max_position_embeddings":1}""",
            """{"rope_type":"yarn","factor":1000000,"original_max_position_embeddings":200000000,"truncate":false}""", """{"rope_type":"llama3","factor":1,"low_freq_factor":1,"high_freq_factor":2,"original_max_position_embeddings":1}""",
            """{"rope_type":"longrope","short_factor":[1,1,1,1],"long_factor":[2,2,2,1e-6]}""", """{"full_attention":{"rope_type":"yarn"},"sliding_attention":3}"""];
        Arbitrary<(string Key, string Value)[]> changes = Gen.Choose(1, 3).SelectMany(count =>
            (from key in Gen.Elements(keys) from value in Gen.Elements(values) select (key, value)).ArrayOf(count)).ToArbitrary();
        MutationTests.Check(changes, 100, edits =>
        {
            Dictionary<string, string> fields = new(config, StringComparer.Ordinal);
            foreach ((string key, string value) in edits) fields[key] = value;
            return OpensWithFiniteAngles(folder, "config.json", Encoding.UTF8.GetBytes(Text(fields)), folder.Path);
        });
    }

    [Theory, MemberData(nameof(Ggufs))]
    public void A_damaged_file_opens_or_is_refused(string name)
    {
        using TempFolder folder = new();
        byte[] file = File.ReadAllBytes(TinyFamilies.All[name].Write(folder));
        // The header, and as many numbers behind it: a header of so many sizes does not bear much.
        int header = Array.LastIndexOf(file[..4000], (byte)'.');
        MutationTests.Check(MutationTests.Edits(2 * header), 60, edits => OpensWithFiniteAngles(folder, "model.gguf", MutationTests.Apply(file, edits), folder.File("model.gguf")));
    }

    private static bool OpensWithFiniteAngles(TempFolder folder, string name, byte[] bytes, string path)
    {
        folder.Write(name, bytes);
        bool opened = false;
        try
        {
            using ModelSource source = ModelSource.Open(path);
            opened = true;
            foreach (WeightTensor weight in source.AllWeights.Values) weight.Row(0);
            foreach (RopeConfig? rope in (RopeConfig?[])[source.Config.Rope, source.Config.LocalRope])
            {
                if (rope is null) continue;
                Assert.All(RopeFrequencies.Of(rope, 1000), angle => Assert.InRange(angle, 0, double.MaxValue));
                Assert.InRange(rope.Scaling?.AttentionFactor ?? 1, 0, double.MaxValue);
            }
            for (int layer = 0; layer < source.Config.Layers; layer++) Assert.InRange(source.Config.Rule(layer).Scale, 0, double.MaxValue);
        }
        catch (ModelFormatException)
        {
        }
        Assert.Empty(folder.StillOpen());
        return opened;
    }

    private static void Opened(string name, string key, string? json, Action<ModelConfig> check)
    {
        using TempFolder folder = Changed(name, key, json);
        using ModelSource source = ModelSource.Open(folder.Path);
        check(source.Config);
    }

    private static TempFolder Changed(string name, string key, string? json)
    {
        TempFolder folder = new();
        TinyFamilies.All[name].Write(folder);
        Dictionary<string, string> config = JsonNode.Parse(File.ReadAllBytes(folder.File("config.json")))!.AsObject().ToDictionary(p => p.Key, p => p.Value?.ToJsonString() ?? "null", StringComparer.Ordinal);
        if (json is null) config.Remove(key);
        else config[key] = json;
        folder.Write("config.json", Text(config));
        return folder;
    }

    private static string Text(Dictionary<string, string> fields) => $"{{{string.Join(',', fields.Select(f => $"\"{f.Key}\":{f.Value}"))}}}";
}
