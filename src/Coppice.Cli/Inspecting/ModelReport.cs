using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Cli.Options;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>A model's sizes, as rows of label and value.</summary>
internal static class ModelReport
{
    public static List<(string Label, string Value)> Rows(ModelSource source, Tokenizer tokenizer, EngineOptions options)
    {
        ModelConfig c = source.Config;
        KvLayout layout = KvLayout.Of(c, options.Kv);
        double tokenBytes = layout.PageBytes / (double)KvLayout.PageTokens;
        int context = options.MaxContextTokens ?? c.MaxContextTokens;
        long budget = options.KvBytes ?? 0;
        List<WeightTensor> weights = [.. source.UsedTensors()];
        long parameters = weights.Sum(Elements), bytes = weights.Sum(w => Elements(w) * (w.Type == WeightType.F32 ? 4 : 2));
        string types = string.Join(", ", weights.Select(w => w.Type.ToString().ToLowerInvariant()).Distinct());
        return
        [
            ("model", source.Path),
            ("family", c.Family),
            ("parameters", $"{RunSummary.Count(parameters)} in {weights.Count} tensors"),
            ("weights", $"{ByteSize.Format(bytes)} in the file ({types}), {ByteSize.Format(4.0 * parameters)} in memory (f32)"),
            ("layers", $"{c.Layers} of width {c.HiddenSize}, feed-forward {c.FeedForwardSize}"),
            ("attention", $"{c.Heads} query heads over {c.KvHeads} key and value heads of {c.HeadSize}"),
            ("positions", $"RoPE, base {c.Rope.Base.ToString("N0", CultureInfo.InvariantCulture)}, {c.Rope.Pairing.ToString().ToLowerInvariant()}"),
            ("norm", $"RMSNorm, epsilon {c.NormEpsilon.ToString("0e0", CultureInfo.InvariantCulture)}"),
            ("output", c.TiedOutput ? "the embedding's weights" : "weights of its own"),
            ("context", $"{RunSummary.Count(context)} tokens{(context < c.MaxContextTokens ? $" of {RunSummary.Count(c.MaxContextTokens)}" : "")}"),
            ("keys and values", $"{ByteSize.Format(tokenBytes)} a token in {options.Kv.ToString().ToLowerInvariant()}, {ByteSize.Format(tokenBytes * context)} a full context"),
            ("KV memory limit", $"{ByteSize.Format(budget)}: {RunSummary.Count((long)(budget / tokenBytes))} tokens"),
            ("tokenizer", $"{Kind(source)}, {RunSummary.Count(tokenizer.VocabularySize)} tokens{(tokenizer.VocabularySize < c.VocabularySize ? $" of {RunSummary.Count(c.VocabularySize)}" : "")}"),
            ("special tokens", Specials(tokenizer)),
            ("begins with", tokenizer is { AddsBeginOfText: true, BeginOfText: int begin } ? Token(tokenizer, begin) : "nothing"),
            ("ends at", source.EndOfTextTokens.Count > 0 ? string.Join(", ", source.EndOfTextTokens.Select(token => Token(tokenizer, token))) : "nothing"),
        ];
    }

    private static long Elements(WeightTensor weight) => weight.Shape.Aggregate(1L, (product, size) => product * size);

    private static string Kind(ModelSource source) => source.Gguf is { } metadata ? $"{metadata.RequiredString("tokenizer.ggml.model")} in GGUF metadata"
        : File.Exists(Path.Combine(source.Folder!, "tokenizer.json")) ? "BPE in tokenizer.json" : "SentencePiece BPE in tokenizer.model";

    private static string Specials(Tokenizer tokenizer)
    {
        const int most = 12;
        List<int> specials = [.. Enumerable.Range(0, tokenizer.VocabularySize).Where(tokenizer.IsSpecial)];
        string shown = string.Join(", ", specials.Take(most).Select(token => Token(tokenizer, token)));
        return specials.Count == 0 ? "none" : specials.Count > most ? $"{shown} and {specials.Count - most} more" : shown;
    }

    private static string Token(Tokenizer tokenizer, int token) => token < tokenizer.VocabularySize ? $"{tokenizer.Piece(token)} ({token})" : $"({token})";
}
