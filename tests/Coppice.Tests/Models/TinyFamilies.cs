using Coppice.Loading;
using Coppice.Tests.Loading;
using static Coppice.Tests.Models.TinyFiles;
using static Coppice.Tests.Models.TinyMath;

namespace Coppice.Tests.Models;

/// <summary>A checkpoint of a family in one container, and what it is.</summary>
/// <param name="Name">Family, what is special, container.</param>
/// <param name="Model">What it is.</param>
/// <param name="Write">Writes it and gives the path.</param>
/// <param name="Context">The engine's context; null: the model's.</param>
internal sealed record TinyCase(string Name, TinyModel Model, Func<TempFolder, string> Write, int? Context = null);

/// <summary>Every family in both containers, with settings and names as the published files have them.</summary>
internal static class TinyFamilies
{
    public static IReadOnlyDictionary<string, TinyCase> All { get; } =
        new[] { Llamas(), Scalings(), Mistrals(), Mixtrals(), NeoXs(), Gemmas(), Qwens(), Phis() }.SelectMany(cases => cases).ToDictionary(c => c.Name, StringComparer.Ordinal);

    private static IEnumerable<TinyCase> Llamas()
    {
        TinyModel plain = new(1) { H = 4, Hkv = 2, RopeBase = 1e6 };    // CodeLlama's base
        yield return Folder("codellama folder", plain, TinyFiles.Json(plain, "llama", "LlamaForCausalLM", ("rope_theta", "1000000.0")));
        yield return Gguf("codellama gguf", plain, Keys(plain, "llama").Key("llama.rope.freq_base", 1e6f).Key("llama.rope.dimension_count", 8u), interleaved: true);

        TinyModel tied = new(2) { Tied = true, Hkv = 1, H = 3, D = 16, RopeDimensions = 16 };
        yield return Folder("llama tied folder", tied, TinyFiles.Json(tied, "llama", "LlamaForCausalLM", ("tie_word_embeddings", "true"), ("head_dim", "16")));
        yield return Gguf("llama tied gguf", tied, Keys(tied, "llama"), interleaved: true);

        TinyModel biased = new(3) { QkvBias = true, OutputBias = true, MlpBias = true };
        yield return Folder("llama biased folder", biased, TinyFiles.Json(biased, "llama", "LlamaForCausalLM", ("attention_bias", "true"), ("mlp_bias", "true")));
        yield return Gguf("llama biased gguf", biased, Keys(biased, "llama"), interleaved: true);
    }

    private static IEnumerable<TinyCase> Scalings()
    {
        TinyModel linear = new(4) { Context = 64, Angles = _ => Divided(10_000, 8, _ => 4) };
        yield return Folder("llama linear folder", linear, TinyFiles.Json(linear, "llama", "LlamaForCausalLM", ("rope_scaling", """{"type":"linear","factor":4.0}""")));
        yield return Gguf("llama linear gguf", linear, Keys(linear, "llama").Key("llama.rope.scaling.type", "linear").Key("llama.rope.scaling.factor", 4f).Key("llama.rope.scaling.original_context_length", 64u), interleaved: true);
        yield return Gguf("llama old linear gguf", linear, Keys(linear, "llama").Key("llama.rope.scale_linear", 4f).Key("llama.rope.scaling.original_context_length", 64u), interleaved: true);

        // base · (factor · L / L0 - (factor - 1))^(R / (R - 2)), at the context of the engine.
        TinyModel dynamic = new(5) { Context = 64, Angles = _ => Plain(10_000 * Math.Pow(4 * 4 - 3, 8.0 / 6), 8) };
        yield return Folder("llama dynamic folder", dynamic, TinyFiles.Json(dynamic, "llama", "LlamaForCausalLM", ("rope_scaling", """{"type":"dynamic","factor":4.0}""")));
        TinyModel shorter = new(5) { Context = 64, Angles = _ => Plain(10_000 * Math.Pow(4 * 2 - 3, 8.0 / 6), 8) };
        yield return Folder("llama dynamic, context of 128, folder", shorter, TinyFiles.Json(shorter, "llama", "LlamaForCausalLM", ("rope_scaling", """{"type":"dynamic","factor":4.0}""")), context: 128);

        foreach ((string name, string more, double magnitude) in ((string, string, double)[])[("yarn", "", 0.1 * Math.Log(4) + 1), ("yarn with attention factor", ",\"attention_factor\":0.9", 0.9),
            ("yarn with mscale", ",\"mscale\":0.7,\"mscale_all_dim\":0.4", (0.07 * Math.Log(4) + 1) / (0.04 * Math.Log(4) + 1))])
        {
            TinyModel yarn = new(6) { Context = 64, D = 16, RopeDimensions = 16, RopeBase = 500, RopeMagnitude = magnitude, Angles = _ => Yarn(500, 16, 4, 64, 6, 1.5) };
            yield return Folder($"llama {name} folder", yarn, TinyFiles.Json(yarn, "llama", "LlamaForCausalLM", ("rope_theta", "500"), ("head_dim", "16"),
                ("rope_scaling", $$"""{"rope_type":"yarn","factor":4.0,"original_max_position_embeddings":64,"beta_fast":6,"beta_slow":1.5{{more}}}""")));
        }
        TinyModel yarns = new(6) { Context = 64, D = 16, RopeDimensions = 16, RopeBase = 500, RopeMagnitude = 0.1 * Math.Log(4) + 1, Angles = _ => Yarn(500, 16, 4, 64, 6, 1.5) };
        yield return Gguf("llama yarn gguf", yarns, Keys(yarns, "llama").Key("llama.rope.freq_base", 500f).Key("llama.rope.scaling.type", "yarn").Key("llama.rope.scaling.factor", 4f)
            .Key("llama.rope.scaling.original_context_length", 64u).Key("llama.rope.scaling.yarn_beta_fast", 6f).Key("llama.rope.scaling.yarn_beta_slow", 1.5f), interleaved: true);

        // Llama 3: wavelengths beyond 64 / 1 by 8, below 64 / 4 as they are, a ramp between.
        float[] divisors = [.. Plain(500, 16).Select(angle => (float)Llama3Divisor(2 * Math.PI / angle, 8, 1, 4, 64))];
        Assert.Contains(divisors, d => d == 1);
        Assert.Contains(divisors, d => d == 8);
        Assert.Contains(divisors, d => d is > 1 and < 8);
        TinyModel llama3 = new(7) { Tied = true, D = 16, RopeDimensions = 16, RopeBase = 500, Angles = _ => Divided(500, 16, i => Llama3Divisor(2 * Math.PI / Plain(500, 16)[i], 8, 1, 4, 64)) };
        const string Scaling = """{"rope_type":"llama3","factor":8.0,"low_freq_factor":1.0,"high_freq_factor":4.0,"original_max_position_embeddings":64}""";
        yield return Folder("llama 3 folder", llama3, TinyFiles.Json(llama3, "llama", "LlamaForCausalLM", ("rope_theta", "500"), ("head_dim", "16"), ("tie_word_embeddings", "true"), ("rope_scaling", Scaling)));
        yield return Folder("llama 3 with rope_parameters folder", llama3, TinyFiles.Json(llama3, "llama", "LlamaForCausalLM", ("head_dim", "16"), ("tie_word_embeddings", "true"),
            ("rope_parameters", Scaling.Insert(1, "\"rope_theta\":500,"))));
        yield return new TinyCase("llama 3 gguf", llama3, folder => Checkpoint.ForGguf(llama3, interleaved: true).Add("rope_freqs.weight", divisors, divisors.Length)
            .WriteGguf(folder, Keys(llama3, "llama").Key("llama.rope.freq_base", 500f)));
    }

    private static IEnumerable<TinyCase> Mistrals()
    {
        TinyModel windowed = new(8) { Window = _ => 24 };
        yield return Folder("mistral folder", windowed, TinyFiles.Json(windowed, "mistral", "MistralForCausalLM", ("sliding_window", "24")));
        yield return Gguf("mistral gguf", windowed, Keys(windowed, "llama").Key("llama.attention.sliding_window", 24u), interleaved: true);
        TinyModel open = new(9);
        yield return Folder("mistral without window folder", open, TinyFiles.Json(open, "mistral", "MistralForCausalLM", ("sliding_window", "null")));
    }

    private static IEnumerable<TinyCase> Mixtrals()
    {
        TinyModel mixtral = new(10) { Experts = 5, ExpertsPerToken = 2 };
        yield return Folder("mixtral folder", mixtral, TinyFiles.Json(mixtral, "mixtral", "MixtralForCausalLM", ("num_local_experts", "5"), ("num_experts_per_tok", "2"), ("sliding_window", "null")), part => part switch
        {
            "router" => "model.layers.#.block_sparse_moe.gate.weight",
            "gate" => "model.layers.#.block_sparse_moe.experts.@.w1.weight",
            "down" => "model.layers.#.block_sparse_moe.experts.@.w2.weight",
            "up" => "model.layers.#.block_sparse_moe.experts.@.w3.weight",
            _ => null,
        });
        GgufBuilder MixtralKeys() => Keys(mixtral, "llama").Key("llama.expert_count", 5u).Key("llama.expert_used_count", 2u);
        yield return new TinyCase("mixtral gguf", mixtral, folder => StackedExperts(mixtral, interleaved: true).WriteGguf(folder, MixtralKeys()));
        yield return Gguf("mixtral of 2023 gguf", mixtral, MixtralKeys(), interleaved: true, part => ExpertParts.Contains(part) ? $"blk.#.ffn_{part}.@.weight" : null);
    }

    private static IEnumerable<TinyCase> NeoXs()
    {
        TinyModel Neo(int seed, bool parallel, Func<double, double> activation) => new(seed)
        {
            LayerNorm = true,
            Parallel = parallel,
            QkvBias = true,
            OutputBias = true,
            MlpBias = true,
            Gated = false,
            Activation = activation,
            H = 4,
            Hkv = 4,
            D = 16,
            E = 64,
            RopeDimensions = 4,
        };
        TinyModel pythia = Neo(11, parallel: true, Gelu), sequential = Neo(12, parallel: false, GeluTanh);
        string Config(TinyModel m, params (string, string)[] more) => TinyFiles.Json(m, "gpt_neox", "GPTNeoXForCausalLM", [("rotary_pct", "0.25"), ("rotary_emb_base", "10000"), ("layer_norm_eps", "1e-05"), .. more]);
        yield return new TinyCase("pythia folder", pythia, folder => NeoXFolder(pythia).WriteFolder(folder, Config(pythia, ("hidden_act", "\"gelu\""), ("use_parallel_residual", "true"))));
        yield return new TinyCase("gpt-neox sequential folder", sequential, folder => NeoXFolder(sequential).WriteFolder(folder, Config(sequential, ("hidden_act", "\"gelu_new\""), ("use_parallel_residual", "false"))));
        yield return new TinyCase("pythia gguf", pythia, folder => NeoXGguf(pythia).WriteGguf(folder, Keys(pythia, "gptneox").Key("gptneox.attention.layer_norm_epsilon", 1e-5f)
            .Key("gptneox.rope.dimension_count", 4u).Key("gptneox.use_parallel_residual", GgufValueType.Bool, [1])));
    }

    private static IEnumerable<TinyCase> Gemmas()
    {
        TinyModel gemma = new(13) { NormOffset = true, EmbeddingScale = Math.Sqrt(32), Activation = GeluTanh, D = 16, RopeDimensions = 16, Hkv = 1, Tied = true };
        yield return Folder("gemma folder", gemma, TinyFiles.Json(gemma, "gemma", "GemmaForCausalLM", ("head_dim", "16"), ("hidden_act", "\"gelu\""), ("hidden_activation", "null")));
        yield return Gguf("gemma gguf", gemma, Keys(gemma, "gemma"));

        TinyModel gemma2 = new(14)
        {
            Layers = 4,
            NormOffset = true,
            PostNorms = true,
            EmbeddingScale = Math.Sqrt(32),
            Activation = GeluTanh,
            D = 16,
            RopeDimensions = 16,
            Tied = true,
            AttentionCap = 4,
            LogitCap = 3,
            AttentionScale = 1 / Math.Sqrt(16),
            Window = layer => layer % 2 == 0 ? 20 : 0,
        };
        yield return Folder("gemma 2 folder", gemma2, TinyFiles.Json(gemma2, "gemma2", "Gemma2ForCausalLM", ("head_dim", "16"), ("query_pre_attn_scalar", "16"), ("hidden_activation", "\"gelu_pytorch_tanh\""),
            ("attn_logit_softcapping", "4.0"), ("final_logit_softcapping", "3.0"), ("sliding_window", "20")), GemmaNames);
        yield return Gguf("gemma 2 gguf", gemma2, Keys(gemma2, "gemma2").Key("gemma2.attn_logit_softcapping", 4f).Key("gemma2.final_logit_softcapping", 3f).Key("gemma2.attention.sliding_window", 20u));

        // The cap alone: its windows cover everything.
        TinyModel capped = new(14)
        {
            NormOffset = true,
            PostNorms = true,
            EmbeddingScale = Math.Sqrt(32),
            Activation = GeluTanh,
            D = 16,
            RopeDimensions = 16,
            Tied = true,
            LogitCap = 3,
            AttentionScale = 1 / Math.Sqrt(24),
        };
        yield return Folder("gemma 2 with a scale of its own folder", capped, TinyFiles.Json(capped, "gemma2", "Gemma2ForCausalLM", ("head_dim", "16"), ("query_pre_attn_scalar", "24"),
            ("attn_logit_softcapping", "null"), ("final_logit_softcapping", "3.0"), ("sliding_window", "4096"), ("layer_types", """["full_attention","full_attention"]""")), GemmaNames);

        // Two layers of three are local, with the plain base; the global one is stretched.
        TinyModel gemma3 = new(15)
        {
            Layers = 6,
            NormOffset = true,
            PostNorms = true,
            QueryKeyNorms = true,
            EmbeddingScale = Math.Sqrt(32),
            Activation = GeluTanh,
            D = 16,
            RopeDimensions = 16,
            Hkv = 1,
            Tied = true,
            AttentionScale = 1 / Math.Sqrt(16),
            Window = layer => (layer + 1) % 3 == 0 ? 0 : 18,
            Angles = layer => (layer + 1) % 3 == 0 ? Divided(1e6, 16, _ => 8) : Plain(10_000, 16),
        };
        yield return Folder("gemma 3 folder", gemma3, TinyFiles.Json(gemma3, "gemma3_text", "Gemma3ForCausalLM", ("head_dim", "16"), ("query_pre_attn_scalar", "16"), ("rope_theta", "1000000"), ("rope_local_base_freq", "10000"),
            ("sliding_window", "18"), ("sliding_window_pattern", "3"), ("rope_scaling", """{"rope_type":"linear","factor":8.0}""")), GemmaNames);
        yield return Folder("gemma 3 with layer types folder", gemma3, TinyFiles.Json(gemma3, "gemma3_text", "Gemma3ForCausalLM", ("head_dim", "16"), ("query_pre_attn_scalar", "16"), ("sliding_window", "18"),
            ("layer_types", """["sliding_attention","sliding_attention","full_attention","sliding_attention","sliding_attention","full_attention"]"""),
            ("rope_parameters", """{"full_attention":{"rope_theta":1000000,"rope_type":"linear","factor":8},"sliding_attention":{"rope_theta":10000,"rope_type":"default"}}""")), GemmaNames);
        yield return Gguf("gemma 3 gguf", gemma3, Keys(gemma3, "gemma3").Key("gemma3.rope.freq_base", 1e6f).Key("gemma3.attention.sliding_window", 18u).Key("gemma3.attention.sliding_window_pattern", 3u)
            .Key("gemma3.rope.scaling.type", "linear").Key("gemma3.rope.scaling.factor", 8f));

        static string? GemmaNames(string part) => part switch
        {
            "attention post norm" => "model.layers.#.post_attention_layernorm.weight",
            "ffn norm" => "model.layers.#.pre_feedforward_layernorm.weight",
            "ffn post norm" => "model.layers.#.post_feedforward_layernorm.weight",
            _ => null,
        };
    }

    private static IEnumerable<TinyCase> Qwens()
    {
        TinyModel qwen2 = new(16) { QkvBias = true, Tied = true };
        yield return Folder("qwen2 folder", qwen2, TinyFiles.Json(qwen2, "qwen2", "Qwen2ForCausalLM", ("tie_word_embeddings", "true"), ("use_sliding_window", "false"), ("sliding_window", "16"), ("max_window_layers", "1")));
        yield return Gguf("qwen2 gguf", qwen2, Keys(qwen2, "qwen2"));
        TinyModel windowed = new(17) { QkvBias = true, Layers = 3, Window = layer => layer >= 1 ? 16 : 0 };
        yield return Folder("qwen2 windowed folder", windowed, TinyFiles.Json(windowed, "qwen2", "Qwen2ForCausalLM", ("use_sliding_window", "true"), ("sliding_window", "16"), ("max_window_layers", "1")));

        TinyModel qwen3 = new(18) { QueryKeyNorms = true, D = 16, RopeDimensions = 16 };
        yield return Folder("qwen3 folder", qwen3, TinyFiles.Json(qwen3, "qwen3", "Qwen3ForCausalLM", ("head_dim", "16"), ("attention_bias", "false"), ("use_sliding_window", "false"), ("sliding_window", "null")));
        yield return Gguf("qwen3 gguf", qwen3, Keys(qwen3, "qwen3"));

        TinyModel Moe(bool normalized) => new(19) { QueryKeyNorms = true, D = 16, RopeDimensions = 16, Experts = 8, ExpertsPerToken = 3, F = 24, NormalizedExperts = normalized };
        foreach (bool normalized in (bool[])[true, false])
        {
            TinyModel moe = Moe(normalized);
            yield return Folder($"qwen3 moe {(normalized ? "" : "of shares ")}folder", moe, TinyFiles.Json(moe, "qwen3_moe", "Qwen3MoeForCausalLM", ("head_dim", "16"), ("num_experts", "8"), ("num_experts_per_tok", "3"),
                ("moe_intermediate_size", "24"), ("intermediate_size", "96"), ("norm_topk_prob", normalized ? "true" : "false"), ("decoder_sparse_step", "1"), ("mlp_only_layers", "[]")), part => part switch
                {
                    "router" => "model.layers.#.mlp.gate.weight",
                    "gate" or "up" or "down" => $"model.layers.#.mlp.experts.@.{part}_proj.weight",
                    _ => null,
                });
        }
        TinyModel stacked = Moe(normalized: true);
        yield return new TinyCase("qwen3 moe gguf", stacked, folder => StackedExperts(stacked, interleaved: false).WriteGguf(folder, Keys(stacked, "qwen3moe").Key("qwen3moe.expert_count", 8u)
            .Key("qwen3moe.expert_used_count", 3u).Key("qwen3moe.expert_feed_forward_length", 24u)));
    }

    private static IEnumerable<TinyCase> Phis()
    {
        TinyModel phi = new(20) { D = 8, Window = _ => 30 };
        yield return new TinyCase("phi-3 folder", phi, folder => PhiFolder(phi).WriteFolder(folder, TinyFiles.Json(phi, "phi3", "Phi3ForCausalLM", ("sliding_window", "30"), ("rope_scaling", "null"))));
        yield return new TinyCase("phi-3 gguf", phi, folder => PhiGguf(phi).WriteGguf(folder, Keys(phi, "phi3").Key("phi3.attention.sliding_window", 30u).Key("phi3.rope.dimension_count", 8u)));

        float[] shorts = [1f, 1.05f, 1.1f, 1.3f, 1.7f, 2f], longs = [1f, 1.5f, 2.5f, 4f, 6f, 7.5f];
        // √(1 + ln(256 / 32) / ln 32), whichever of the two is in force.
        TinyModel Long(float[] divisors) => new(21)
        {
            D = 16,
            E = 64,
            RopeDimensions = 12,
            Tied = true,
            Context = 256,
            RopeMagnitude = Math.Sqrt(1 + Math.Log(8) / Math.Log(32)),
            Angles = _ => Divided(10_000, 12, i => divisors[i]),
        };
        string Scaling(string type) => $$"""{"type":"{{type}}","short_factor":{{List(shorts)}},"long_factor":{{List(longs)}}}""";
        foreach ((string name, float[] divisors, int? context) in ((string, float[], int?)[])[("long", longs, null), ("short", shorts, 32)])
        {
            TinyModel m = Long(divisors);
            yield return new TinyCase($"phi-4 mini {name} folder", m, folder => PhiFolder(m).WriteFolder(folder, TinyFiles.Json(m, "phi3", "Phi3ForCausalLM", ("partial_rotary_factor", "0.75"), ("tie_word_embeddings", "true"),
                ("original_max_position_embeddings", "32"), ("rope_scaling", Scaling(name == "long" ? "longrope" : "su")))), context);
            yield return new TinyCase($"phi-4 mini {name} gguf", m, folder => PhiGguf(m).Add("rope_factors_short.weight", shorts, 6).Add("rope_factors_long.weight", longs, 6).WriteGguf(folder, Keys(m, "phi3")
                .Key("phi3.rope.dimension_count", 12u).Key("phi3.rope.scaling.original_context_length", 32u).Key("phi3.rope.scaling.attn_factor", (float)m.RopeMagnitude).Key("phi3.attention.sliding_window", 0u)), context);
        }
    }

    private static TinyCase Folder(string name, TinyModel m, string config, Func<string, string?>? rename = null, int? context = null) =>
        new(name, m, folder => Checkpoint.ForFolder(m, rename).WriteFolder(folder, config), context);

    private static TinyCase Gguf(string name, TinyModel m, GgufBuilder keys, bool interleaved = false, Func<string, string?>? rename = null) =>
        new(name, m, folder => Checkpoint.ForGguf(m, interleaved, rename).WriteGguf(folder, keys.Copy()));
}
