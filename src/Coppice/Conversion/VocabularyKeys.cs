using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>Writes tokenizer.ggml.* and the chat templates.</summary>
internal static class VocabularyKeys
{
    private const string Prefix = "tokenizer.ggml.", TemplateKey = "tokenizer.chat_template";

    public static void Write(ModelSource source, GgufVocabulary vocabulary, GgufWriter writer)
    {
        writer.Key(Prefix + "model", vocabulary.Model);
        if (vocabulary.Pre is { } pre) writer.Key(Prefix + "pre", pre);
        // A token for each row of the embedding, each with a spelling of its own, as programs that read GGUF expect.
        int missing = source.Config.VocabularySize - vocabulary.Tokens.Count;
        writer.Key(Prefix + "tokens", (IReadOnlyList<string>)[.. vocabulary.Tokens.Concat(Enumerable.Repeat("", missing)).Select((piece, id) => piece.Length > 0 ? piece : $"[PAD{id}]")]);
        if (vocabulary.Scores is { } scores) writer.Key(Prefix + "scores", (IReadOnlyList<float>)[.. scores, .. new float[missing]]);
        if (vocabulary.TokenTypes is { } types) writer.Key(Prefix + "token_type", (IReadOnlyList<int>)[.. types, .. Enumerable.Repeat((int)PieceType.Unused, missing)]);
        if (vocabulary.Merges is { } merges) writer.Key(Prefix + "merges", merges);
        WriteId(writer, "bos_token_id", vocabulary.BeginOfText ?? source.BeginOfTextToken);
        WriteId(writer, "unknown_token_id", vocabulary.Unknown);

        // A text ends at any of these; the tokenizer's own is among them or comes first.
        int[] ends = [.. (vocabulary.EndOfText is int own && vocabulary.AddsEndOfText == true ? [own] : Array.Empty<int>()).Concat(source.EndOfTextTokens).Concat(vocabulary.EndOfText is int last ? [last] : []).Distinct()];
        string[] names = ["eos_token_id", "eot_token_id", "eom_token_id"];
        for (int i = 0; i < Math.Min(ends.Length, names.Length); i++) WriteId(writer, names[i], ends[i]);
        if (vocabulary.AddsBeginOfText is bool begins) writer.Key(Prefix + "add_bos_token", begins);
        if (vocabulary.AddsEndOfText is bool finishes) writer.Key(Prefix + "add_eos_token", finishes);
        if (vocabulary.AddsSpace is bool space) writer.Key(Prefix + "add_space_prefix", space);
        if (vocabulary.OneSpace is bool one) writer.Key(Prefix + "remove_extra_whitespaces", one);
        if (vocabulary.CharacterMap is { } map) writer.Key(Prefix + "precompiled_charsmap", map);
        if (ChatTemplates.FromFolder(source.Folder!) is { } templates)
            foreach (string name in templates.Names) writer.Key(name == ChatTemplates.DefaultName ? TemplateKey : $"{TemplateKey}.{name}", templates.Text(name));
    }

    private static void WriteId(GgufWriter writer, string name, int? id)
    {
        if (id is int set) writer.Key(Prefix + name, (uint)set);
    }
}
