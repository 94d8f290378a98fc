using System.Text.Json;
using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice.Conversion;

/// <summary>The tokenizer of a tokenizer.json as GGUF may say it, in all ways that spaces are treated.</summary>
internal static class JsonCandidates
{
    public static IEnumerable<GgufVocabulary> Of(JsonField root, Tokenizer own)
    {
        JsonField model = root.Required("model");
        return own.Parts.Model switch
        {
            Bpe { Unit: BpeUnit.Byte } => Merged(root, model, own),
            Bpe => Scored(root, model, own),
            _ => Unigram(root, model, own),
        };
    }

    private static IEnumerable<GgufVocabulary> Merged(JsonField root, JsonField model, Tokenizer own)
    {
        JsonVocabulary tokens = JsonVocabulary.Read(root, BpeTokens(model));
        HashSet<int> added = [.. tokens.Added.Select(a => a.Token.Id)];
        return MergedCandidates.Of(root.File, own, id => tokens.Special[id] ? PieceType.Control : added.Contains(id) ? PieceType.UserDefined : PieceType.Normal, Merges(model));
    }

    private static IEnumerable<GgufVocabulary> Scored(JsonField root, JsonField model, Tokenizer own)
    {
        JsonVocabulary tokens = JsonVocabulary.Read(root, BpeTokens(model));
        GgufVocabulary plain = Spelled(root, tokens, own, ((Bpe)own.Parts.Model).UnknownId, ((Bpe)own.Parts.Model).ByteIds) with { Scores = Scores(tokens, Merges(model)) };
        return [plain with { AddsSpace = true }, plain with { AddsSpace = false }];
    }

    private static IEnumerable<GgufVocabulary> Unigram(JsonField root, JsonField model, Tokenizer own)
    {
        (string Piece, JsonField Score)[] pieces = [.. JsonUnigram.Vocabulary(model)];
        JsonVocabulary tokens = JsonVocabulary.Read(root, pieces.Select((p, id) => (p.Piece, id)));
        Unigram unigram = (Unigram)own.Parts.Model;
        float[] scores = new float[tokens.Pieces.Length];
        for (int id = 0; id < pieces.Length; id++) scores[id] = (float)pieces[id].Score.Element.GetDouble();
        GgufVocabulary plain = Spelled(root, tokens, own, unigram.UnknownId, unigram.ByteIds) with { Model = "t5", Scores = scores, CharacterMap = JsonSteps.Read(root).CharacterMap?.ToBytes() };
        return from oneSpace in (bool[])[true, false] from space in (bool[])[true, false] select plain with { OneSpace = oneSpace, AddsSpace = space };
    }

    private static GgufVocabulary Spelled(JsonField root, JsonVocabulary tokens, Tokenizer own, int? unknown, int[]? byteIds)
    {
        HashSet<int> bytes = [.. byteIds ?? []];
        PieceType[] types = new PieceType[tokens.Pieces.Length];
        for (int id = 0; id < types.Length; id++) types[id] = !own.Has(id) ? PieceType.Unused : bytes.Contains(id) ? PieceType.Byte : PieceType.Normal;
        foreach ((AddedToken token, _) in tokens.Added)
        {
            // A piece with a mark in it is met where spaces have become marks already, and there merges make it.
            bool isMerged = token.Content.Contains(WordStarts.Mark) && tokens.ModelIds.ContainsKey(token.Content);
            types[token.Id] = token.Special ? PieceType.Control : isMerged ? PieceType.Normal : PieceType.UserDefined;
        }
        if (unknown is int mark) types[mark] = PieceType.Unknown;
        return new()
        {
            File = root.File,
            Model = "llama",
            Pre = "default",
            Tokens = tokens.Pieces,
            TokenTypes = [.. types.Select(type => (int)type)],
            Unknown = unknown,
            BeginOfText = own.BeginOfText,
            EndOfText = own.EndOfText,
            AddsBeginOfText = own.AddsBeginOfText,
            AddsEndOfText = own.AddsEndOfText,
        };
    }

    private static IEnumerable<(string Piece, int Id)> BpeTokens(JsonField model) => model.Required("vocab").Properties().Select(p => (p.Name, p.Value.Int()));

    private static List<string> Merges(JsonField model) =>
        [.. model.Required("merges").Items().Select(merge => merge.Element.ValueKind == JsonValueKind.Array ? string.Join(' ', merge.Items().Select(part => part.String())) : merge.String())];

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
}
