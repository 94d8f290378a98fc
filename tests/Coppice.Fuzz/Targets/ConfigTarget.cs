using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Fuzz.Targets;

/// <summary>config.json through the families, and the same bytes as the small JSON files beside it.</summary>
internal static class ConfigTarget
{
    public static FuzzTarget Target { get; } = new("config", "config.json, generation_config.json, tokenizer_config.json, chat_template.json", Syntax.Json, folder =>
    {
        string path = Path.Combine(folder, "config.json");
        File.Copy(Path.Combine(AppContext.BaseDirectory, "Corpus", "tokenizer", "bytes.json"), Path.Combine(folder, "tokenizer.json"));
        return input =>
        {
            File.WriteAllBytes(path, input);
            File.WriteAllBytes(Path.Combine(folder, "tokenizer_config.json"), input);
            File.WriteAllBytes(Path.Combine(folder, "chat_template.json"), input);
            bool tokenizer = Reading.Try(() => _ = Tokenizer.FromFolder(folder)), templates = Reading.Try(() => _ = ChatTemplates.FromFolder(folder));
            bool config = Reading.Try(() => Read(JsonFields.Load(path)));
            if (!tokenizer && !templates && !config) throw new ModelFormatException(path, "It is none of the files.");
        };
    })
    {
        Refusals = Reading.Refusals,
        Words =
        [
            "model_type", "architectures", "hidden_size", "intermediate_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "head_dim", "vocab_size", "max_position_embeddings", "rms_norm_eps",
            "layer_norm_eps", "rope_theta", "rope_scaling", "rope_parameters", "rope_type", "type", "factor", "long_factor", "short_factor", "original_max_position_embeddings", "low_freq_factor", "high_freq_factor",
            "attention_factor", "mscale", "beta_fast", "tie_word_embeddings", "hidden_act", "hidden_activation", "sliding_window", "layer_types", "sliding_window_pattern", "use_sliding_window", "max_window_layers",
            "partial_rotary_factor", "rotary_pct", "rotary_emb_base", "use_parallel_residual", "attention_bias", "num_local_experts", "num_experts", "num_experts_per_tok", "norm_topk_prob", "moe_intermediate_size",
            "attn_logit_softcapping", "final_logit_softcapping", "query_pre_attn_scalar", "rope_local_base_freq", "quantization_config", "eos_token_id", "bos_token_id", "bos_token", "eos_token", "content",
            "add_bos_token", "add_eos_token", "chat_template", "name", "template", "full_attention", "sliding_attention",
            "\"llama\"", "\"mistral\"", "\"mixtral\"", "\"gpt_neox\"", "\"gemma\"", "\"gemma2\"", "\"gemma3_text\"", "\"qwen2\"", "\"qwen3\"", "\"qwen3_moe\"", "\"phi3\"", "\"yarn\"", "\"llama3\"", "\"longrope\"", "\"dynamic\"", "\"linear\"",
            "[1.0,2.0]", "[\"full_attention\",\"sliding_attention\"]", "\"<s>\"", "{\"content\":\"<s>\"}", "{\"rope_type\":\"yarn\",\"factor\":4.0}",
        ],
    };

    private static void Read(JsonFields fields)
    {
        ModelConfig config = ModelFamilies.Of(fields).ReadConfig(fields, weights: null);
        _ = TextBoundaries.Read(fields, fields, config.VocabularySize);
    }
}
