using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>The tokenizer.ggml.* values of a GGUF file, as they stand there; null where the key is missing.</summary>
internal sealed record GgufVocabulary
{
    /// <summary>The file, for messages.</summary>
    public required string File { get; init; }

    /// <summary>general.name.</summary>
    public string? ModelName { get; init; }

    /// <summary>tokenizer.ggml.model.</summary>
    public required string Model { get; init; }

    /// <summary>tokenizer.ggml.pre.</summary>
    public string? Pre { get; init; }

    public required IReadOnlyList<string> Tokens { get; init; }

    public IReadOnlyList<float>? Scores { get; init; }

    /// <summary>tokenizer.ggml.token_type.</summary>
    public IReadOnlyList<int>? TokenTypes { get; init; }

    public IReadOnlyList<string>? Merges { get; init; }

    /// <summary>tokenizer.ggml.bos_token_id.</summary>
    public int? BeginOfText { get; init; }

    /// <summary>tokenizer.ggml.eos_token_id.</summary>
    public int? EndOfText { get; init; }

    /// <summary>tokenizer.ggml.unknown_token_id.</summary>
    public int? Unknown { get; init; }

    public bool? AddsBeginOfText { get; init; }

    public bool? AddsEndOfText { get; init; }

    /// <summary>tokenizer.ggml.add_space_prefix.</summary>
    public bool? AddsSpace { get; init; }

    /// <summary>tokenizer.ggml.remove_extra_whitespaces.</summary>
    public bool? OneSpace { get; init; }

    /// <summary>tokenizer.ggml.precompiled_charsmap.</summary>
    public byte[]? CharacterMap { get; init; }

    /// <summary>
    /// Whether an added token takes the white space behind it with it. No key says so: Phi-3's do, and files of it are known by the model's name,
    /// as llama.cpp knows them.
    /// </summary>
    public bool StripsRight(string added) =>
        ModelName is { } name && (name.Contains("phi-3", StringComparison.OrdinalIgnoreCase) || name.Contains("phi3", StringComparison.OrdinalIgnoreCase)) && added is not ("<unk>" or "<s>" or "<|endoftext|>");
}

/// <summary>Makes a tokenizer of GGUF metadata: model "llama" (scores), "t5" (scores of a unigram model) and "gpt2" (merges).</summary>
internal static class GgufTokenizer
{
    private const string Unigram = "t5";

    public static TokenizerParts Read(GgufVocabulary vocabulary)
    {
        string file = vocabulary.File;
        if (vocabulary.Tokens.Count == 0) throw new ModelFormatException(file, "tokenizer.ggml.tokens is empty.");
        PieceType[] types = Types(vocabulary);
        return vocabulary.Model switch
        {
            "llama" or Unigram => Scored(vocabulary, types),
            "gpt2" => Merged(vocabulary, types),
            string other => throw new ModelFormatException(file, $"tokenizer.ggml.model is '{other}', which is not supported; supported: llama, {Unigram}, gpt2."),
        };
    }

    private static PieceType[] Types(GgufVocabulary vocabulary)
    {
        string file = vocabulary.File;
        PieceType[] types = new PieceType[vocabulary.Tokens.Count];
        if (vocabulary.TokenTypes is { } given)
        {
            if (given.Count != types.Length) throw new ModelFormatException(file, $"tokenizer.ggml.token_type has {given.Count} values for {types.Length} tokens.");
            for (int id = 0; id < types.Length; id++)
                types[id] = given[id] is >= 1 and <= 6 ? (PieceType)given[id] : throw new ModelFormatException(file, $"tokenizer.ggml.token_type[{id}] is {given[id]}; types are 1 to 6.");
        }
        else
        {
            for (int id = 0; id < types.Length; id++)
                types[id] = vocabulary.Model is "llama" or Unigram && PieceDecoder.TryByteToken(vocabulary.Tokens[id], out _) ? PieceType.Byte : PieceType.Normal;
        }
        foreach (int? id in (int?[])[vocabulary.BeginOfText, vocabulary.EndOfText, vocabulary.Unknown])
            if (id is int mark && (uint)mark < (uint)types.Length && (vocabulary.TokenTypes is null || types[mark] == PieceType.Unused)) types[mark] = PieceType.Control;
        return types;
    }

    private static TokenizerParts Scored(GgufVocabulary vocabulary, PieceType[] types)
    {
        string file = vocabulary.File;
        IReadOnlyList<float> scores = vocabulary.Scores ?? throw new ModelFormatException(file, $"tokenizer.ggml.scores is missing; a '{vocabulary.Model}' vocabulary needs it.");
        if (scores.Count != types.Length) throw new ModelFormatException(file, $"tokenizer.ggml.scores has {scores.Count} values for {types.Length} tokens.");
        for (int id = 0; id < scores.Count; id++)
            if (!float.IsFinite(scores[id])) throw new ModelFormatException(file, $"tokenizer.ggml.scores[{id}] is {scores[id]}; it must be finite.");
        bool unigram = vocabulary.Model == Unigram;
        return new ScoredVocabulary
        {
            File = file,
            Pieces = vocabulary.Tokens,
            Scores = scores,
            Types = types,
            Unknown = vocabulary.Unknown,
            BeginOfText = vocabulary.BeginOfText,
            EndOfText = vocabulary.EndOfText,
            // llama.cpp's defaults.
            AddsBeginOfText = vocabulary.AddsBeginOfText ?? !unigram,
            AddsEndOfText = vocabulary.AddsEndOfText ?? unigram,
            AddsSpace = vocabulary.AddsSpace ?? !unigram,
            OneSpace = unigram && vocabulary.OneSpace == true,
            IsUnigram = unigram,
            CharacterMap = unigram && vocabulary.CharacterMap is { } map ? CharacterMap.Read(file, map) : null,
            StripsRight = vocabulary.StripsRight,
        }.Build();
    }

    private static TokenizerParts Merged(GgufVocabulary vocabulary, PieceType[] types)
    {
        string file = vocabulary.File;
        GgufPreTokenizer pre = GgufPreTokenizer.Find(file, vocabulary.Pre ?? "default");
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        for (int id = 0; id < types.Length; id++) ids.TryAdd(vocabulary.Tokens[id], id);
        IReadOnlyList<string> lines = vocabulary.Merges ?? throw new ModelFormatException(file, "tokenizer.ggml.merges is missing; a 'gpt2' vocabulary needs it.");
        MergeTable merges = new(lines.Count);
        for (int rank = 0; rank < lines.Count; rank++)
        {
            string place = $"tokenizer.ggml.merges[{rank}]";
            (string left, string right) = MergeLine.Split(file, place, lines[rank]);
            MergeLine.Add(file, place, merges, ids, left, right, rank);
        }
        foreach ((string name, int? id) in ((string, int?)[])[("bos", vocabulary.BeginOfText), ("eos", vocabulary.EndOfText), ("unknown", vocabulary.Unknown)])
            if (id is int set && (uint)set >= (uint)types.Length) throw new ModelFormatException(file, $"tokenizer.ggml.{name}_token_id is {set}; there are {types.Length} tokens.");

        int[] bytes = new int[256];
        for (int b = 0; b < 256; b++) bytes[b] = ids.TryGetValue(ByteAlphabet.CharOf((byte)b).ToString(), out int id) ? id : SymbolMerger.Unknown;
        bool[] special = [.. types.Select(t => t is PieceType.Control or PieceType.Unknown)];
        Vocabulary pieces = new(file, Vocabulary.WithoutUnused(vocabulary.Tokens, types), special, [.. types.Select(t => t != PieceType.Normal)], new PieceDecoder { ByteLevel = true });
        IEnumerable<AddedToken> added = Enumerable.Range(0, types.Length)
            .Where(id => types[id] is PieceType.Control or PieceType.Unknown or PieceType.UserDefined && vocabulary.Tokens[id].Length > 0)
            .Select(id => new AddedToken(id, vocabulary.Tokens[id]) { Special = special[id], StripRight = vocabulary.StripsRight(vocabulary.Tokens[id]) });
        bool addsBegin = vocabulary.AddsBeginOfText ?? pre.AddsBeginOfText;
        return new TokenizerParts
        {
            Vocabulary = pieces,
            AddedToText = new AddedTokens(file, added),
            AddedToNormalized = new AddedTokens(file, []),
            PreTokenizers = vocabulary.AddsSpace == true ? [new SpaceBefore(), .. pre.Steps] : pre.Steps,
            Model = new Bpe
            {
                Unit = BpeUnit.Byte,
                Merges = merges,
                VocabularySize = types.Length,
                ByteIds = bytes,
                UnknownId = vocabulary.Unknown,
                WholeWords = pre.IgnoresMerges ? pieces : null,
            },
            Before = addsBegin && vocabulary.BeginOfText is int begin ? [begin] : [],
            After = vocabulary.AddsEndOfText == true && vocabulary.EndOfText is int end ? [end] : [],
            BeginOfText = vocabulary.BeginOfText,
            EndOfText = vocabulary.EndOfText,
        };
    }
}
