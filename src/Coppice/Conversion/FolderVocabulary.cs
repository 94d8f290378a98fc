using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>
/// The tokenizer of a Hugging Face folder as tokenizer.ggml.* values. GGUF keeps names for how text is cut and switches for spaces and not the steps
/// themselves, so what it can say is tried until something gives the folder's own tokens on texts of every kind; a tokenizer that nothing
/// fits is refused. What GGUF does not hold at all is lost: composing characters (NFC), which few texts need.
/// </summary>
internal static class FolderVocabulary
{
    private const int ProbedMarks = 32;

    /// <exception cref="ModelFormatException">The tokenizer is none that GGUF can hold.</exception>
    public static GgufVocabulary Read(string folder)
    {
        Tokenizer own = Tokenizer.FromFolder(folder);
        string[] probes = [.. TokenizerProbes.Texts, string.Concat(Enumerable.Range(0, own.VocabularySize).Where(own.IsSpecial).Take(ProbedMarks).Select(token => $"a{own.Piece(token)} b"))];
        // A text that spells a byte's token is that byte in a unigram tokenizer.json and nowhere else.
        if (own.Parts.Model is Unigram) probes = [.. probes.Select(text => text.Replace("<0x0A>", "", StringComparison.Ordinal))];
        int[][] expected = [.. probes.Select(text => own.Encode(text))];
        string name = Path.GetFileName(Path.GetFullPath(folder));
        foreach (GgufVocabulary candidate in Candidates(folder, own))
        {
            // Marks that take white space with them are Phi-3's, and known by the model's name.
            foreach (string modelName in (string[])[name, $"Phi-3 {name}"])
            {
                GgufVocabulary named = candidate with { ModelName = modelName };
                Tokenizer tokenizer = Tokenizer.FromGguf(named);
                if (probes.Select((text, i) => tokenizer.Encode(text).AsSpan().SequenceEqual(expected[i])).All(equal => equal)) return named;
            }
        }
        throw new ModelFormatException(folder, "No tokenizer that GGUF can name gives the same tokens as the folder's own. Use the folder as it is, with --weights q8_0 if it is too large.");
    }

    private static GgufVocabulary[] Candidates(string folder, Tokenizer own)
    {
        (TokenizerFileKind kind, string file) = TokenizerFile.Find(folder);
        return kind switch
        {
            TokenizerFileKind.Json => JsonField.ReadFile(file, root => JsonCandidates.Of(root, own).ToArray()),
            TokenizerFileKind.Tiktoken => [.. MergedCandidates.Of(file, own, id => own.IsSpecial(id) ? PieceType.Control : PieceType.Normal, TiktokenFile.MergeLines(file))],
            _ => [FromPieces(SentencePieceFile.ReadVocabulary(file, TokenizerConfigFile.Read(Path.Combine(folder, "tokenizer_config.json"))))],
        };
    }

    private static GgufVocabulary FromPieces(ScoredVocabulary pieces) => new()
    {
        File = pieces.File,
        Model = pieces.IsUnigram ? "t5" : "llama",
        Pre = "default",
        // User-defined pieces are found before spaces become marks.
        Tokens = [.. pieces.Pieces.Select((piece, id) => pieces.Types[id] == PieceType.UserDefined ? piece.Replace(WordStarts.Mark, ' ') : piece)],
        Scores = pieces.Scores,
        TokenTypes = [.. pieces.Types.Select(type => (int)type)],
        Unknown = pieces.Unknown,
        BeginOfText = pieces.BeginOfText,
        EndOfText = pieces.EndOfText,
        AddsBeginOfText = pieces.AddsBeginOfText,
        AddsEndOfText = pieces.AddsEndOfText,
        AddsSpace = pieces.AddsSpace,
        OneSpace = pieces.IsUnigram ? pieces.OneSpace : null,
        CharacterMap = pieces.IsUnigram ? pieces.CharacterMap?.ToBytes() : null,
    };
}
