using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>What tokenizer_config.json says beside the tokenizer itself.</summary>
internal sealed record TokenizerConfigFile
{
    public string? BeginOfText { get; init; }

    public string? EndOfText { get; init; }

    /// <summary>Null: it does not say, and the tokenizer's own file decides.</summary>
    public bool? AddsBeginOfText { get; init; }

    /// <inheritdoc cref="AddsBeginOfText"/>
    public bool? AddsEndOfText { get; init; }

    /// <summary>Reads the file; where there is none, nothing is said.</summary>
    public static TokenizerConfigFile Read(string file)
    {
        if (!File.Exists(file)) return new TokenizerConfigFile();
        return JsonField.ReadFile(file, root => new TokenizerConfigFile
        {
            BeginOfText = TokenText(root.Optional("bos_token")),
            EndOfText = TokenText(root.Optional("eos_token")),
            AddsBeginOfText = Flag(root.Optional("add_bos_token")),
            AddsEndOfText = Flag(root.Optional("add_eos_token")),
        }, SmallFile.LargestSettings);
    }

    private static string? TokenText(JsonField field)
    {
        if (field.IsNull) return null;
        return field.Element.ValueKind == JsonValueKind.Object ? field.Required("content").String() : field.String();
    }

    private static bool? Flag(JsonField field) => field.IsNull ? null : field.Bool(missing: false);
}
