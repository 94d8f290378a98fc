using System.Text;
using System.Text.Json;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>Reads tokenizer.json, the format of the Hugging Face tokenizers library. What it does not support it refuses by name.</summary>
internal static class TokenizerJsonFile
{
    public static TokenizerParts Read(string file, TokenizerConfigFile config) => JsonField.ReadFile(file, root => Read(root, config));

    /// <param name="root">The file's root object.</param>
    /// <param name="config">The file beside it.</param>
    public static TokenizerParts Read(JsonField root, TokenizerConfigFile config)
    {
        JsonField model = root.Required("model");
        string kind = model.Optional("type") is { IsNull: false } type ? type.String() : "BPE";
        if (kind is not ("BPE" or "Unigram")) throw model.Optional("type").Unsupported(kind, "BPE, Unigram");
        JsonSteps steps = JsonSteps.Read(root);

        JsonVocabulary tokens = JsonVocabulary.Read(root, kind == "BPE"
            ? model.Required("vocab").Properties().Select(p => (p.Name, p.Value.Int()))
            : JsonUnigram.Vocabulary(model).Select((p, id) => (p.Piece, id)));
        // A decoder that replaces texts does so in added tokens too (Gemma's runs of spaces); one of bytes leaves them alone.
        Vocabulary vocabulary = new(root.File, tokens.Pieces, tokens.Special, steps.Decoder.ByteLevel ? tokens.Literal : new bool[tokens.Pieces.Length], steps.Decoder);
        int[]? byteIds = ByteIds(model, tokens.ModelIds, steps.ByteLevel);
        WordModel words = kind == "BPE" ? ReadBpe(model, vocabulary, tokens.ModelIds, byteIds, steps.ByteLevel ? BpeUnit.Byte : BpeUnit.Character)
            : JsonUnigram.Read(model, tokens, byteIds);

        List<PreTokenizer> preTokenizers = [.. steps.PreTokenizers];
        if (kind == "Unigram" && steps.ByteLevel && !preTokenizers.OfType<SpellBytes>().Any()) preTokenizers.Add(new SpellBytes());
        if (!steps.ByteLevel && preTokenizers.Count == 0 && WordStarts.IfSafe(tokens.ModelIds.Keys) is { } starts) preTokenizers.Add(starts);
        (List<int> before, List<int> after) = JsonPostProcessor.Read(root.Optional("post_processor"), vocabulary);
        int? begin = Find(root, vocabulary, config.BeginOfText, "bos_token"), end = Find(root, vocabulary, config.EndOfText, "eos_token");
        if (begin is null && before.Count > 0) begin = before[0];
        Ask(config.AddsBeginOfText, begin, before, 0);
        Ask(config.AddsEndOfText, end, after, after.Count);

        return new TokenizerParts
        {
            Vocabulary = vocabulary,
            AddedToText = new AddedTokens(root.File, tokens.Added.Where(a => !a.Normalized).Select(a => a.Token)),
            Normalizer = steps.Normalizer,
            AddedToNormalized = new AddedTokens(root.File, tokens.Added.Where(a => a.Normalized)
                .Select(a => a.Token with { Content = steps.Normalizer?.Apply(a.Token.Content) ?? a.Token.Content })),
            PreTokenizers = preTokenizers,
            Model = words,
            Before = before,
            After = after,
            BeginOfText = begin,
            EndOfText = end,
            DropsLeadingSpace = steps.Decoder.DropsLeadingSpace,
        };
    }

    // What tokenizer_config.json says outright goes before what the template does.
    private static void Ask(bool? wanted, int? token, List<int> around, int place)
    {
        if (wanted is not bool wants || token is not int id) return;
        if (!wants) around.RemoveAll(t => t == id);
        else if (!around.Contains(id)) around.Insert(place, id);
    }

    private static int? Find(JsonField root, Vocabulary vocabulary, string? piece, string name)
    {
        if (piece is null) return null;
        return vocabulary.TryFind(piece, out int id) ? id
            : throw new ModelFormatException(root.File, $"{name} of tokenizer_config.json is '{piece}', which is not in the vocabulary.");
    }

    // Byte-level words need all bytes; others only what spells what has no piece.
    private static int[]? ByteIds(JsonField model, Dictionary<string, int> ids, bool byteLevel)
    {
        if (!byteLevel && !model.Optional("byte_fallback").Bool(missing: false)) return null;
        int[] byteIds = new int[256];
        for (int b = 0; b < 256; b++)
        {
            string spelled = byteLevel ? ByteAlphabet.CharOf((byte)b).ToString() : $"<0x{b:X2}>";
            byteIds[b] = ids.TryGetValue(spelled, out int id) ? id : SymbolMerger.Unknown;
        }
        return byteIds;
    }

    private static Bpe ReadBpe(JsonField model, Vocabulary vocabulary, Dictionary<string, int> ids, int[]? byteIds, BpeUnit unit)
    {
        foreach (string affix in (string[])["continuing_subword_prefix", "end_of_word_suffix"])
            if (model.Optional(affix) is { IsNull: false } field && field.String() is { Length: > 0 } text) throw field.Unsupported(text, "none");

        return new Bpe
        {
            Unit = unit,
            Merges = ReadMerges(model.Required("merges"), ids),
            VocabularySize = vocabulary.Count,
            CharacterIds = unit == BpeUnit.Character ? Characters.Of(ids) : new Dictionary<int, int>(),
            ByteIds = byteIds,
            UnknownId = ReadUnknown(model, ids),
            FuseUnknown = model.Optional("fuse_unk").Bool(missing: false),
            WholeWords = model.Optional("ignore_merges").Bool(missing: false) ? vocabulary : null,
        };
    }

    private static int? ReadUnknown(JsonField model, Dictionary<string, int> ids)
    {
        JsonField field = model.Optional("unk_token");
        if (field.IsNull) return null;
        return ids.TryGetValue(field.String(), out int id) ? id : throw new ModelFormatException(model.File, $"{field.Path} '{field.String()}' is not in the vocabulary.");
    }

    private static MergeTable ReadMerges(JsonField merges, Dictionary<string, int> ids)
    {
        MergeTable table = new(merges.Count);
        int rank = 0;
        foreach (JsonField merge in merges.Items())
        {
            string left, right;
            if (merge.Element.ValueKind == JsonValueKind.Array)
            {
                JsonField[] pair = [.. merge.Items()];
                if (pair.Length != 2) throw merge.Wrong("two texts");
                (left, right) = (pair[0].String(), pair[1].String());
            }
            else
            {
                (left, right) = MergeLine.Split(merge.File, merge.Path, merge.String());
            }
            MergeLine.Add(merge.File, merge.Path, table, ids, left, right, rank++);
        }
        return table;
    }
}

/// <summary>A merge as the files write it: two tokens, whose concatenation is a token too.</summary>
internal static class MergeLine
{
    public static (string Left, string Right) Split(string file, string place, string line)
    {
        int space = line.IndexOf(' ');
        if (space <= 0 || space == line.Length - 1 || line.IndexOf(' ', space + 1) >= 0)
            throw new ModelFormatException(file, $"{place} is '{Shown(line)}'; a merge is two tokens with one space between them.");
        return (line[..space], line[(space + 1)..]);
    }

    public static void Add(string file, string place, MergeTable table, Dictionary<string, int> ids, string left, string right, int rank)
    {
        if (!ids.TryGetValue(left, out int leftId)) throw Missing(left);
        if (!ids.TryGetValue(right, out int rightId)) throw Missing(right);
        if (!ids.TryGetValue(left + right, out int merged)) throw Missing(left + right);
        table.TryAdd(leftId, rightId, rank, merged);

        ModelFormatException Missing(string piece) =>
            new(file, $"{place} merges '{Shown(left)}' and '{Shown(right)}', but '{Shown(piece)}' is not in the vocabulary.");
    }

    private static string Shown(string piece) => piece.Length <= 60 ? piece : piece[..60] + "…";
}

/// <summary>The tokens that are single characters.</summary>
internal static class Characters
{
    public static Dictionary<int, int> Of(IEnumerable<KeyValuePair<string, int>> ids)
    {
        Dictionary<int, int> characters = [];
        foreach ((string piece, int id) in ids)
            if (piece.Length is 1 or 2 && Rune.DecodeFromUtf16(piece, out Rune rune, out int chars) == System.Buffers.OperationStatus.Done && chars == piece.Length)
                characters.TryAdd(rune.Value, id);
        return characters;
    }
}
