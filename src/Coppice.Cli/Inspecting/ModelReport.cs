using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Options;
using Coppice.KvCache;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>A model's facts, as rows of label and value.</summary>
internal static class ModelReport
{
    /// <param name="facts">The model.</param>
    /// <param name="options">Every default filled in where the model's config is known.</param>
    public static List<(string Label, string Value)> Rows(ModelFacts facts, EngineOptions options)
    {
        List<(string, string)> rows = [("model", facts.Path), ("family", facts.Config?.Family ?? (facts.Named is string named ? $"{named} (refused)" : "unknown"))];
        if (facts.Settings.Count > 0) rows.Add(("settings", string.Join(", ", facts.Settings.Select(s => $"{s.Key} {RunSummary.Count(s.Value)}"))));
        if (facts.Types.Count > 0)
        {
            rows.Add(("parameters", $"{RunSummary.Count(facts.Parameters)} in {facts.Types.Sum(t => t.Tensors)} tensors"));
            rows.Add(("formats", string.Join(", ", facts.Types.Select(t => $"{t.Name}: {t.Tensors} of {ByteSize.Format(t.Bytes)}{(t.Refused is null ? "" : " (does not run)")}"))));
            rows.Add(("weights in memory", $"{ByteSize.Format(facts.PackedBytes(options.Weights))} packed ({options.Weights.ToString().ToLowerInvariant()}), of {ByteSize.Format(facts.Types.Sum(t => t.Bytes))} in the file"));
        }
        if (facts.Config is { } config)
        {
            rows.AddRange(ConfigRows.Of(config));
            rows.AddRange(Memory(config, options));
        }
        rows.AddRange(Text(facts));
        rows.AddRange(Templates(facts));
        rows.AddRange(facts.Refusals.Select(refusal => ("would be refused", refusal)));
        return rows;
    }

    public static double KvTokenBytes(ModelConfig config, EngineOptions options) => KvLayout.Of(config, options.Kv).PageBytes / (double)KvLayout.PageTokens;

    private static List<(string, string)> Memory(ModelConfig config, EngineOptions options)
    {
        double tokenBytes = KvTokenBytes(config, options);
        int context = options.MaxContextTokens ?? config.MaxContextTokens;
        long budget = options.KvBytes ?? 0;
        return
        [
            ("context", $"{RunSummary.Count(context)} tokens{(context < config.MaxContextTokens ? $" of {RunSummary.Count(config.MaxContextTokens)}" : "")}"),
            ("keys and values", $"{ByteSize.Format(1000 * tokenBytes)} per 1,000 tokens in {options.Kv.ToString().ToLowerInvariant()}, {ByteSize.Format(tokenBytes * context)} a full context"),
            ("KV memory limit", $"{ByteSize.Format(budget)}: {RunSummary.Count((long)(budget / tokenBytes))} tokens"),
        ];
    }

    private static List<(string, string)> Text(ModelFacts facts)
    {
        if (facts.Tokenizer is not { } tokenizer) return [("tokenizer", $"{facts.TokenizerKind}, which cannot be used")];
        string of = facts.Config is { } config && tokenizer.VocabularySize < config.VocabularySize ? $" of {RunSummary.Count(config.VocabularySize)}" : "";
        return
        [
            ("tokenizer", $"{facts.TokenizerKind}, {RunSummary.Count(tokenizer.VocabularySize)} tokens{of}"),
            ("special tokens", Specials(tokenizer)),
            ("begins with", tokenizer is { AddsBeginOfText: true, BeginOfText: int begin } ? Token(tokenizer, begin) : "nothing"),
            ("ends at", facts.EndOfTextTokens.Count > 0 ? string.Join(", ", facts.EndOfTextTokens.Select(token => Token(tokenizer, token))) : "nothing"),
        ];
    }

    private static IEnumerable<(string, string)> Templates(ModelFacts facts)
    {
        if (facts.TemplatesProblem is string problem) return [("chat template", $"cannot be read: {problem}")];
        if (facts.Templates.Count == 0) return [("chat template", "none: chat needs --chat-template")];
        return facts.Templates.Select(t => ("chat template", $"{(facts.Templates.Count > 1 ? $"{t.Name}, " : "")}in {t.FoundIn}: "
            + (t.Problem is not null ? $"does not render. {t.Problem}" : $"renders; takes a system prompt: {YesNo(t.TakesSystem)}, tools: {YesNo(t.TakesTools)}, their calls: {YesNo(t.TakesCalls)}; roles: {string.Join(", ", t.Roles)}")));
    }

    private static string YesNo(bool value) => value ? "yes" : "no";

    private static string Specials(Tokenizer tokenizer)
    {
        const int most = 12;
        List<int> specials = [.. SpecialTokens(tokenizer)];
        string shown = string.Join(", ", specials.Take(most).Select(token => Token(tokenizer, token)));
        return specials.Count == 0 ? "none" : specials.Count > most ? $"{shown} and {specials.Count - most} more" : shown;
    }

    public static IEnumerable<int> SpecialTokens(Tokenizer tokenizer) => Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsSpecial);

    private static string Token(Tokenizer tokenizer, int token) => token < tokenizer.VocabularySize ? $"{tokenizer.Piece(token)} ({token.ToString(CultureInfo.InvariantCulture)})" : $"({token})";
}
