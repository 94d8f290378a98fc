using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Reads a SentencePiece model (tokenizer.model): a ModelProto of sentencepiece_model.proto.</summary>
internal static class SentencePieceFile
{
    private static readonly UTF8Encoding s_strict = new(encoderShouldEmitUTF8Identifier: false, throwOnInvalidBytes: true);

    public static TokenizerParts Read(string file, TokenizerConfigFile config) => ReadVocabulary(file, config).Build();

    /// <inheritdoc cref="Read(string, TokenizerConfigFile)"/>
    public static ScoredVocabulary ReadVocabulary(string file, TokenizerConfigFile config) => ReadVocabulary(file, SmallFile.Read(file, SmallFile.LargestData), config);

    /// <param name="file">The file, for messages.</param>
    /// <param name="bytes">Its content.</param>
    /// <param name="config">The file beside it.</param>
    public static TokenizerParts Read(string file, byte[] bytes, TokenizerConfigFile config) => ReadVocabulary(file, bytes, config).Build();

    private static ScoredVocabulary ReadVocabulary(string file, byte[] bytes, TokenizerConfigFile config)
    {
        List<string> pieces = [];
        List<float> scores = [];
        List<PieceType> types = [];
        Trainer trainer = new();
        Normalization normalization = new();
        ProtoReader model = new(file, bytes);
        while (model.Next())
        {
            switch (model.Field)
            {
                case 1:
                    ReadPiece(file, pieces.Count, model.Message(), pieces, scores, types);
                    break;
                case 2:
                    trainer = ReadTrainer(file, model.Message());
                    break;
                case 3:
                    normalization = ReadNormalization(file, model.Message());
                    break;
            }
        }
        if (pieces.Count == 0) throw new ModelFormatException(file, "The model has no pieces.");
        HashSet<string> seen = new(StringComparer.Ordinal);
        foreach (string piece in pieces)
            if (!seen.Add(piece)) throw new ModelFormatException(file, $"The piece '{piece}' is there twice.");

        int Find(string name, string piece) => pieces.IndexOf(piece) is int id and >= 0 ? id
            : throw new ModelFormatException(file, $"{name} of tokenizer_config.json is '{piece}', which is not in the vocabulary.");
        return new ScoredVocabulary
        {
            File = file,
            Pieces = pieces,
            Scores = scores,
            Types = types,
            Unknown = Id(trainer.Unknown),
            BeginOfText = config.BeginOfText is { } begin ? Find("bos_token", begin) : Id(trainer.BeginOfText),
            EndOfText = config.EndOfText is { } end ? Find("eos_token", end) : Id(trainer.EndOfText),
            AddsBeginOfText = config.AddsBeginOfText ?? true,   // as the Llama tokenizer does
            AddsEndOfText = config.AddsEndOfText ?? false,
            AddsSpace = normalization.AddsSpace,
            OneSpace = normalization.OneSpace,
            IsUnigram = trainer.IsUnigram,
            CharacterMap = normalization.Map,
            UserDefinedHasMarks = true,
        };
    }

    // -1 turns a special token off.
    private static int? Id(long id) => id < 0 ? null : (int)Math.Min(id, int.MaxValue);

    private static void ReadPiece(string file, int id, ReadOnlySpan<byte> message, List<string> pieces, List<float> scores, List<PieceType> types)
    {
        string? piece = null;
        float score = 0;
        PieceType type = PieceType.Normal;
        ProtoReader reader = new(file, message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 1:
                    piece = Text(file, id, reader.Message());
                    break;
                case 2:
                    score = reader.Float();
                    break;
                case 3:
                    type = reader.Integer() is >= 1 and <= 6 and long known ? (PieceType)known
                        : throw new ModelFormatException(file, $"Piece {id} has the type {reader.Integer()}; types are 1 to 6.");
                    break;
            }
        }
        if (string.IsNullOrEmpty(piece)) throw new ModelFormatException(file, $"Piece {id} has no text.");
        if (!float.IsFinite(score)) throw new ModelFormatException(file, $"Piece {id} has the score {score}; it must be finite.");
        pieces.Add(piece);
        scores.Add(score);
        types.Add(type);
    }

    private static string Text(string file, int id, ReadOnlySpan<byte> utf8)
    {
        try
        {
            return s_strict.GetString(utf8);
        }
        catch (DecoderFallbackException e)
        {
            throw new ModelFormatException(file, $"Piece {id} is not UTF-8.", e);
        }
    }

    private static Trainer ReadTrainer(string file, ReadOnlySpan<byte> message)
    {
        long kind = 1, unknown = 0, begin = 1, end = 2;
        ProtoReader reader = new(file, message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 3:
                    kind = reader.Integer();
                    break;
                case 24 when reader.Flag():
                    throw new ModelFormatException(file, "treat_whitespace_as_suffix is set, which is not supported.");
                case 40:
                    unknown = reader.Integer();
                    break;
                case 41:
                    begin = reader.Integer();
                    break;
                case 42:
                    end = reader.Integer();
                    break;
            }
        }
        if (kind is not (1 or 2))
        {
            string name = kind switch { 3 => "word", 4 => "char", _ => kind.ToString() };
            throw new ModelFormatException(file, $"The model type is '{name}', which is not supported; supported: unigram, bpe.");
        }
        return new Trainer(unknown, begin, end, kind == 1);
    }

    private static Normalization ReadNormalization(string file, ReadOnlySpan<byte> message)
    {
        bool addsSpace = true, oneSpace = true;
        CharacterMap? map = null;
        ProtoReader reader = new(file, message);
        while (reader.Next())
        {
            switch (reader.Field)
            {
                case 2:
                    map = CharacterMap.Read(file, reader.Message());
                    break;
                case 3:
                    addsSpace = reader.Flag();
                    break;
                case 4:
                    oneSpace = reader.Flag();
                    break;
                case 5 when !reader.Flag():
                    throw new ModelFormatException(file, "escape_whitespaces is off, which is not supported.");
            }
        }
        return new Normalization(addsSpace, oneSpace, map);
    }

    private readonly record struct Trainer(long Unknown, long BeginOfText, long EndOfText, bool IsUnigram)
    {
        public Trainer() : this(0, 1, 2, true)
        {
        }
    }

    private readonly record struct Normalization(bool AddsSpace, bool OneSpace, CharacterMap? Map)
    {
        public Normalization() : this(true, true, null)
        {
        }
    }
}
