using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>
/// The tokenizer of a Hugging Face folder as tokenizer.ggml.* values. GGUF keeps a name for how text is cut into words and not the patterns
/// themselves, so names are tried until one gives the folder's own tokens on texts of every kind; a tokenizer that none fits is refused.
/// What GGUF does not hold at all is lost: composing characters (NFC), which few texts need.
/// </summary>
internal static class FolderVocabulary
{
    // Of names that mean the same the one that most files have; each with its own way of cutting words.
    private static readonly string[] s_pre = ["llama-bpe", "gpt-2", "qwen2", "starcoder", "default", "dbrx", "tekken", "gpt-4o", "falcon", "deepseek-v3", "deepseek-coder", "qwen35", "seed-coder", "bailingmoe", "bloom", "viking"];

    /// <exception cref="ModelFormatException">The tokenizer is none that GGUF can hold.</exception>
    public static GgufVocabulary Read(string folder)
    {
        TokenizerConfigFile config = TokenizerConfigFile.Read(Path.Combine(folder, "tokenizer_config.json"));
        string json = Path.Combine(folder, "tokenizer.json"), pieces = Path.Combine(folder, "tokenizer.model");
        Tokenizer own = Tokenizer.FromFolder(folder);
        string[] probes = [.. TokenizerProbes.Texts, string.Concat(Enumerable.Range(0, own.VocabularySize).Where(own.IsSpecial).Take(32).Select(token => $"a{own.Piece(token)} b"))];
        int[][] expected = [.. probes.Select(text => own.Encode(text))];
        IEnumerable<GgufVocabulary> candidates = File.Exists(json) ? JsonField.ReadFile(json, root => FromJson(root, own)).ToArray()
            : File.Exists(pieces) ? [FromPieces(SentencePieceFile.ReadVocabulary(pieces, config))]
            : throw new ModelFormatException(folder, "There is neither tokenizer.json nor tokenizer.model; others cannot be kept in GGUF.");
        foreach (GgufVocabulary candidate in candidates)
        {
            Tokenizer tokenizer = Tokenizer.FromGguf(candidate);
            if (probes.Select((text, i) => tokenizer.Encode(text).AsSpan().SequenceEqual(expected[i])).All(equal => equal)) return candidate;
        }
        throw new ModelFormatException(folder, "No tokenizer that GGUF can name gives the same tokens as the folder's own. Use the folder as it is, with --weights q8_0.");
    }

    private static IEnumerable<GgufVocabulary> FromJson(JsonField root, Tokenizer own)
    {
        JsonField model = root.Required("model");
        if (model.Optional("type") is { IsNull: false } type && type.String() != "BPE") throw new ModelFormatException(root.File, $"model.type is '{type.String()}'; only BPE can be kept in GGUF.");
        JsonVocabulary tokens = JsonVocabulary.Read(root, model.Required("vocab").Properties().Select(p => (p.Name, p.Value.Int())));
        string? unknown = model.Optional("unk_token") is { IsNull: false } piece ? piece.String() : null;
        int? unknownId = unknown is not null && tokens.ModelIds.TryGetValue(unknown, out int found) ? found : null;
        List<string> merges = [.. model.Required("merges").Items().Select(Merge)];
        bool byteLevel = JsonSteps.Read(root).ByteLevel;
        HashSet<int> added = [.. tokens.Added.Select(a => a.Token.Id)];
        int[] types = new int[tokens.Pieces.Length];
        for (int id = 0; id < types.Length; id++)
        {
            types[id] = (int)(id == unknownId && !byteLevel ? PieceType.Unknown : tokens.Special[id] ? PieceType.Control : added.Contains(id) ? PieceType.UserDefined
                : !byteLevel && PieceDecoder.TryByteToken(tokens.Pieces[id], out _) ? PieceType.Byte : PieceType.Normal);
        }
        GgufVocabulary plain = new()
        {
            File = root.File,
            Model = byteLevel ? "gpt2" : "llama",
            Tokens = tokens.Pieces,
            TokenTypes = types,
            Unknown = unknownId,
            BeginOfText = own.BeginOfText,
            EndOfText = own.EndOfText,
            AddsBeginOfText = own.AddsBeginOfText,
            AddsEndOfText = own.AddsEndOfText,
        };
        if (byteLevel)
        {
            // A vocabulary may hide a difference: names with steps of the same kinds go first.
            List<Type> kinds = Kinds(JsonSteps.Read(root).PreTokenizers);
            return s_pre.OrderByDescending(pre => Kinds(GgufPreTokenizer.Find(root.File, pre).Steps).SequenceEqual(kinds)).Select(pre => plain with { Pre = pre, Merges = merges });
        }
        float[] scores = Scores(tokens, merges);
        return [plain with { Scores = scores, AddsSpace = true }, plain with { Scores = scores, AddsSpace = false }];
    }

    private static List<Type> Kinds(IEnumerable<PreTokenizer> steps) => [.. steps.Select(step => step.GetType()).Where(kind => kind != typeof(SpellBytes))];

    private static string Merge(JsonField merge) => merge.Element.ValueKind == System.Text.Json.JsonValueKind.Array ? string.Join(' ', merge.Items().Select(part => part.String())) : merge.String();

    // A piece is made as early as the first merge that gives it.
    private static float[] Scores(JsonVocabulary tokens, List<string> merges)
    {
        float[] scores = new float[tokens.Pieces.Length];
        for (int rank = merges.Count - 1; rank >= 0; rank--)
        {
            (string left, string right) = MergeLine.Split("tokenizer.json", $"merges[{rank}]", merges[rank]);
            if (tokens.ModelIds.TryGetValue(left + right, out int id)) scores[id] = -1 - rank;
        }
        return scores;
    }

    private static GgufVocabulary FromPieces(ScoredVocabulary pieces) => new()
    {
        File = pieces.File,
        Model = "llama",
        Tokens = pieces.Pieces,
        Scores = pieces.Scores,
        TokenTypes = [.. pieces.Types.Select(type => (int)type)],
        Unknown = pieces.Unknown,
        BeginOfText = pieces.BeginOfText,
        EndOfText = pieces.EndOfText,
        AddsBeginOfText = pieces.AddsBeginOfText,
        AddsEndOfText = pieces.AddsEndOfText,
        AddsSpace = pieces.AddsSpace,
    };
}
