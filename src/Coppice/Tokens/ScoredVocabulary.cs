using System.Runtime.InteropServices;
using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>What a piece of a SentencePiece or GGUF vocabulary is; the numbers are those of both files.</summary>
internal enum PieceType
{
    /// <summary>Text.</summary>
    Normal = 1,

    /// <summary>Stands for what has no token.</summary>
    Unknown = 2,

    /// <summary>A mark, not text.</summary>
    Control = 3,

    /// <summary>Text that is always one token.</summary>
    UserDefined = 4,

    /// <summary>Never produced: it pads the vocabulary.</summary>
    Unused = 5,

    /// <summary>One byte.</summary>
    Byte = 6,
}

/// <summary>A SentencePiece vocabulary. With BPE, two neighbours merge where their concatenation is a piece, the highest score first. (Kudo and Richardson 2018)</summary>
internal sealed record ScoredVocabulary
{
    private const int LongestPiece = 1024;

    public required string File { get; init; }

    public required IReadOnlyList<string> Pieces { get; init; }

    public required IReadOnlyList<float> Scores { get; init; }

    public required IReadOnlyList<PieceType> Types { get; init; }

    public required int? Unknown { get; init; }

    public required int? BeginOfText { get; init; }

    public required int? EndOfText { get; init; }

    public required bool AddsBeginOfText { get; init; }

    public required bool AddsEndOfText { get; init; }

    /// <summary>A space is put before the text.</summary>
    public required bool AddsSpace { get; init; }

    /// <summary>Runs of spaces count as one.</summary>
    public bool OneSpace { get; init; }

    /// <summary>The scores are log probabilities of a unigram model, not the order of merges.</summary>
    public bool IsUnigram { get; init; }

    /// <summary>Goes before everything else.</summary>
    public CharacterMap? CharacterMap { get; init; }

    /// <summary>User-defined pieces are looked for after spaces became marks, as SentencePiece does; otherwise in the text as given.</summary>
    public bool UserDefinedHasMarks { get; init; }

    /// <summary>Whether a mark or a user-defined piece takes the white space behind it with it.</summary>
    public Func<string, bool> StripsRight { get; init; } = _ => false;

    public TokenizerParts Build()
    {
        Check(BeginOfText, "begin of text");
        Check(EndOfText, "end of text");
        Check(Unknown, "unknown");
        bool[] special = [.. Types.Select(t => t is PieceType.Control or PieceType.Unknown)];
        PieceDecoder decoder = new() { Replacements = [(WordStarts.Mark.ToString(), " ")], ByteFallback = true, DropsLeadingSpace = AddsSpace };
        bool[] literal = [.. Types.Select(t => t == PieceType.UserDefined && !UserDefinedHasMarks)];
        List<Normalizer> normalizers = [];
        if (CharacterMap is not null) normalizers.Add(CharacterMap);
        if (OneSpace) normalizers.Add(new OneSpace());
        if (AddsSpace) normalizers.Add(new Prepend(" "));
        normalizers.Add(new Replace(" ", WordStarts.Mark.ToString()));
        IEnumerable<AddedToken> control = Of(PieceType.Control).Concat(Of(PieceType.Unknown)).Select(id => Added(id) with { Special = true });
        IEnumerable<AddedToken> user = Of(PieceType.UserDefined).Select(Added);
        Dictionary<string, int> ids = MergeableIds();
        return new TokenizerParts
        {
            Vocabulary = new Vocabulary(File, Vocabulary.WithoutUnused(Pieces, Types), special, literal, decoder),
            AddedToText = new AddedTokens(File, UserDefinedHasMarks ? control : control.Concat(user)),
            Normalizer = Normalizer.Chain(File, normalizers),
            AddedToNormalized = new AddedTokens(File, UserDefinedHasMarks ? user : []),
            PreTokenizers = WordStarts.IfSafe(ids.Keys) is { } words ? [words] : [],
            Model = IsUnigram ? BuildUnigram(ids) : BuildModel(ids),
            Before = AddsBeginOfText && BeginOfText is int begin ? [begin] : [],
            After = AddsEndOfText && EndOfText is int end ? [end] : [],
            BeginOfText = BeginOfText,
            EndOfText = EndOfText,
            DropsLeadingSpace = AddsSpace,
        };
    }

    private Dictionary<string, int> MergeableIds()
    {
        Dictionary<string, int> ids = new(StringComparer.Ordinal);
        foreach (int id in Of(PieceType.Normal))
        {
            if (Pieces[id].Length is 0 or > LongestPiece) throw new ModelFormatException(File, $"Token {id} has {Pieces[id].Length} characters; it must have 1 to {LongestPiece}.");
            ids.TryAdd(Pieces[id], id);
        }
        return ids;
    }

    private Unigram BuildUnigram(Dictionary<string, int> ids) => new(ids, [.. Scores.Select(s => (double)s)]) { UnknownId = Unknown, ByteIds = BuildBytes() };

    private Bpe BuildModel(Dictionary<string, int> ids)
    {
        Dictionary<int, int> characters = Characters.Of(ids);
        (string Piece, int Id)[] pieces = [.. ids.Select(p => (p.Key, p.Value))];
        // Ids at and above Pieces.Count are characters of longer pieces that are no pieces themselves: they can merge, and else are unknown.
        foreach ((string piece, _) in pieces)
            foreach (Rune rune in piece.EnumerateRunes())
                if (characters.TryAdd(rune.Value, Pieces.Count + ids.Count)) ids.TryAdd(rune.ToString(), characters[rune.Value]);
        return new Bpe
        {
            Unit = BpeUnit.Character,
            Merges = BuildMerges(pieces, ids),
            VocabularySize = Pieces.Count,
            CharacterIds = characters,
            ByteIds = BuildBytes(),
            UnknownId = Unknown,
            FuseUnknown = true,
        };
    }

    private MergeTable BuildMerges((string Piece, int Id)[] pieces, Dictionary<string, int> ids)
    {
        var lookup = ids.GetAlternateLookup<ReadOnlySpan<char>>();
        List<(float Score, int Left, int Right, int Merged)> merges = [];
        foreach ((string piece, int id) in pieces)
            for (int at = 1; at < piece.Length; at++)
                if (lookup.TryGetValue(piece.AsSpan(0, at), out int left) && lookup.TryGetValue(piece.AsSpan(at), out int right))
                    merges.Add((Scores[id], left, right, id));
        merges.Sort((a, b) => b.Score.CompareTo(a.Score));
        MergeTable table = new(merges.Count);
        int rank = -1;
        float previous = float.NaN;
        foreach ((float score, int left, int right, int merged) in CollectionsMarshal.AsSpan(merges))
        {
            if (score != previous) rank++;   // equal scores share a rank: the leftmost goes first
            previous = score;
            table.TryAdd(left, right, rank, merged);
        }
        return table;
    }

    private int[]? BuildBytes()
    {
        int[] bytes = new int[256];
        Array.Fill(bytes, SymbolMerger.Unknown);
        bool any = false;
        foreach (int id in Of(PieceType.Byte))
        {
            if (!PieceDecoder.TryByteToken(Pieces[id], out byte value))
                throw new ModelFormatException(File, $"Token {id} is a byte and spelled '{Pieces[id]}'; it must be <0x00> to <0xFF>.");
            bytes[value] = id;
            any = true;
        }
        return any ? bytes : null;
    }

    private AddedToken Added(int id) => new(id, Pieces[id]) { StripRight = StripsRight(Pieces[id]) };

    private IEnumerable<int> Of(PieceType type) => Enumerable.Range(0, Types.Count).Where(id => Types[id] == type);

    private void Check(int? id, string name)
    {
        if (id is int set && (uint)set >= (uint)Pieces.Count) throw new ModelFormatException(File, $"The {name} token is {set}; the vocabulary has {Pieces.Count} tokens.");
    }
}
