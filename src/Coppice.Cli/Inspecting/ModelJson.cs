using System.Buffers;
using System.Text.Encodings.Web;
using System.Text.Json;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>A model's facts for programs: one object, sizes in bytes; what is not known is null.</summary>
internal static class ModelJson
{
    private static readonly JsonWriterOptions s_json = new() { Indented = true, NewLine = "\n", Encoder = JavaScriptEncoder.UnsafeRelaxedJsonEscaping };

    /// <inheritdoc cref="ModelReport.Rows"/>
    public static byte[] Write(ModelFacts facts, EngineOptions options)
    {
        ArrayBufferWriter<byte> bytes = new();
        using (Utf8JsonWriter json = new(bytes, s_json))
        {
            json.WriteStartObject();
            json.WriteString("model", facts.Path);
            json.WriteBoolean("runs", facts.Refusals.Count == 0);
            json.WriteString("family", facts.Config?.Family);
            json.WriteString("architecture", facts.Named);
            json.WriteNumber("parameters", facts.Parameters);
            WriteFormats(json, facts);
            json.WriteStartObject("settings");
            foreach ((string key, int value) in facts.Settings) json.WriteNumber(key, value);
            json.WriteEndObject();
            WriteConfig(json, facts.Config);
            WriteMemory(json, facts, options);
            WriteTokenizer(json, facts);
            WriteTemplates(json, facts);
            json.WriteStartArray("refusals");
            foreach (string refusal in facts.Refusals) json.WriteStringValue(refusal);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        bytes.Write("\n"u8);
        return bytes.WrittenSpan.ToArray();
    }

    private static void WriteFormats(Utf8JsonWriter json, ModelFacts facts)
    {
        json.WriteStartArray("formats");
        foreach (TypeShare share in facts.Types)
        {
            json.WriteStartObject();
            json.WriteString("type", share.Name);
            json.WriteNumber("tensors", share.Tensors);
            json.WriteNumber("parameters", share.Parameters);
            json.WriteNumber("bytes", share.Bytes);
            json.WriteBoolean("runs", share.Refused is null);
            json.WriteEndObject();
        }
        json.WriteEndArray();
    }

    private static void WriteConfig(Utf8JsonWriter json, ModelConfig? config)
    {
        if (config is null)
        {
            json.WriteNull("config");
            return;
        }
        json.WriteStartObject("config");
        json.WriteNumber("layers", config.Layers);
        json.WriteNumber("hidden_size", config.HiddenSize);
        json.WriteNumber("feed_forward_size", config.FeedForwardSize);
        json.WriteNumber("heads", config.Heads);
        json.WriteNumber("kv_heads", config.KvHeads);
        json.WriteNumber("head_size", config.HeadSize);
        json.WriteNumber("vocabulary_size", config.VocabularySize);
        json.WriteNumber("context_tokens", config.MaxContextTokens);
        json.WriteNumber("norm_epsilon", config.NormEpsilon);
        json.WriteBoolean("tied_output", config.TiedOutput);
        WriteRope(json, "rope", config.Rope);
        WriteRope(json, "local_rope", config.LocalRope);
        json.WriteNumber("window", config.Window);
        json.WriteNumber("windowed_layers", ConfigRows.Windowed(config));
        json.WriteNumber("attention_soft_cap", config.AttentionSoftCap);
        json.WriteNumber("logit_soft_cap", config.LogitSoftCap);
        json.WriteNumber("experts", config.Experts?.Count ?? 0);
        json.WriteNumber("experts_per_token", config.Experts?.PerToken ?? 0);
        json.WriteEndObject();
    }

    private static void WriteRope(Utf8JsonWriter json, string name, RopeConfig? rope)
    {
        if (rope is null)
        {
            json.WriteNull(name);
            return;
        }
        json.WriteStartObject(name);
        json.WriteNumber("base", rope.Base);
        json.WriteString("pairing", rope.Pairing.ToString().ToLowerInvariant());
        json.WriteNumber("dimensions", rope.Dimensions);
        json.WriteString("scaling", rope.Scaling?.Kind.ToString().ToLowerInvariant());
        json.WriteNumber("scaling_factor", rope.Scaling?.Factor ?? 1);
        json.WriteNumber("original_context_tokens", rope.Scaling?.OriginalContextTokens ?? 0);
        json.WriteEndObject();
    }

    private static void WriteMemory(Utf8JsonWriter json, ModelFacts facts, EngineOptions options)
    {
        json.WriteStartObject("memory");
        json.WriteString("weights", options.Weights.ToString().ToLowerInvariant());
        json.WriteNumber("file_bytes", facts.Types.Sum(t => t.Bytes));
        json.WriteNumber("packed_bytes", facts.PackedBytes(options.Weights));
        json.WriteString("kv", options.Kv.ToString().ToLowerInvariant());
        if (facts.Config is { } config)
        {
            json.WriteNumber("kv_bytes_per_1000_tokens", (long)(1000 * ModelReport.KvTokenBytes(config, options)));
            json.WriteNumber("kv_limit_bytes", options.KvBytes ?? 0);
            json.WriteNumber("context_tokens", options.MaxContextTokens ?? config.MaxContextTokens);
        }
        json.WriteEndObject();
    }

    private static void WriteTokenizer(Utf8JsonWriter json, ModelFacts facts)
    {
        json.WriteStartObject("tokenizer");
        json.WriteString("kind", facts.TokenizerKind);
        if (facts.Tokenizer is { } tokenizer)
        {
            json.WriteNumber("tokens", tokenizer.VocabularySize);
            json.WriteStartObject("special_tokens");
            foreach (int token in ModelReport.SpecialTokens(tokenizer)) json.WriteNumber(tokenizer.Piece(token), token);
            json.WriteEndObject();
            WriteToken("begins_with", tokenizer.AddsBeginOfText ? tokenizer.BeginOfText : null);
            json.WriteStartArray("ends_at");
            foreach (int token in facts.EndOfTextTokens) json.WriteNumberValue(token);
            json.WriteEndArray();
        }
        json.WriteEndObject();

        void WriteToken(string name, int? token)
        {
            if (token is int id) json.WriteNumber(name, id);
            else json.WriteNull(name);
        }
    }

    private static void WriteTemplates(Utf8JsonWriter json, ModelFacts facts)
    {
        json.WriteStartArray("chat_templates");
        foreach (TemplateFacts template in facts.Templates)
        {
            json.WriteStartObject();
            json.WriteString("name", template.Name);
            json.WriteString("found_in", template.FoundIn);
            json.WriteBoolean("renders", template.Problem is null);
            json.WriteString("problem", template.Problem);
            json.WriteBoolean("takes_system", template.TakesSystem);
            json.WriteBoolean("takes_tools", template.TakesTools);
            json.WriteBoolean("takes_tool_calls", template.TakesCalls);
            json.WriteStartArray("roles");
            foreach (string role in template.Roles) json.WriteStringValue(role);
            json.WriteEndArray();
            json.WriteEndObject();
        }
        json.WriteEndArray();
        json.WriteString("chat_templates_problem", facts.TemplatesProblem);
    }
}
