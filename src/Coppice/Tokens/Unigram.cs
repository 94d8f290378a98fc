using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>
/// The pieces of a word whose scores (log probabilities) sum to the most, found from left to right. (Kudo 2018, Viterbi over the lattice of pieces.)
/// A character that no piece covers alone costs more than the worst piece; a run of them is one unknown token or the bytes it has.
/// </summary>
internal sealed class Unigram : WordModel
{
    private const double UnknownPenalty = 10;

    private readonly PieceTrie _trie;
    private readonly double[] _scores;
    private readonly double _unknownScore;

    /// <param name="pieces">What words are made of.</param>
    /// <param name="scores">By token.</param>
    public Unigram(IReadOnlyCollection<KeyValuePair<string, int>> pieces, double[] scores)
    {
        _trie = new PieceTrie(pieces);
        _scores = scores;
        _unknownScore = (pieces.Count > 0 ? pieces.Min(p => scores[p.Value]) : 0) - UnknownPenalty;
    }

    public required int? UnknownId { get; init; }

    /// <inheritdoc cref="Bpe.ByteIds"/>
    public int[]? ByteIds { get; init; }

    protected override void EncodeAnew(ReadOnlySpan<char> word, bool isSpelled, WordScratch scratch, List<int> tokens)
    {
        Span<double> best = scratch.Scores(word.Length + 1);
        Span<(int From, int Id)> last = scratch.Steps(word.Length + 1);
        best.Fill(double.NegativeInfinity);
        best[0] = 0;
        for (int at = 0; at < word.Length; at++)
        {
            if (double.IsNegativeInfinity(best[at])) continue;   // inside of a surrogate pair
            int next = at + (at + 1 < word.Length && char.IsSurrogatePair(word[at], word[at + 1]) ? 2 : 1);
            bool isCovered = false;
            int node = PieceTrie.Root;
            for (int end = at; end < word.Length && _trie.TryStep(ref node, word[end], out int id); end++)
            {
                if (id == PieceTrie.None) continue;
                Offer(best, last, at, end + 1, best[at] + _scores[id], id);
                isCovered |= end + 1 == next;
            }
            if (!isCovered) Offer(best, last, at, next, best[at] + _unknownScore, PieceTrie.None);
        }
        // Back from the end, then in order.
        Span<int> cuts = scratch.Starts(word.Length + 1);
        int count = 0;
        for (int at = word.Length; at > 0; at = last[at].From) cuts[count++] = at;
        for (int from = 0; count > 0;)
        {
            int end = cuts[--count];
            if (last[end].Id != PieceTrie.None)
            {
                tokens.Add(last[end].Id);
            }
            else
            {
                while (count > 0 && last[cuts[count - 1]].Id == PieceTrie.None) end = cuts[--count];
                AddUnknown(word[from..end], scratch, tokens);
            }
            from = end;
        }
    }

    private static void Offer(Span<double> best, Span<(int From, int Id)> last, int from, int end, double score, int id)
    {
        if (score <= best[end]) return;
        best[end] = score;
        last[end] = (from, id);
    }

    private void AddUnknown(ReadOnlySpan<char> text, WordScratch scratch, List<int> tokens)
    {
        if (ByteIds is not null)
        {
            Span<byte> bytes = scratch.Bytes(Encoding.UTF8.GetMaxByteCount(text.Length));
            bytes = bytes[..Encoding.UTF8.GetBytes(text, bytes)];
            bool all = true;
            foreach (byte value in bytes) all &= ByteIds[value] >= 0;
            if (all)
            {
                foreach (byte value in bytes) tokens.Add(ByteIds[value]);
                return;
            }
        }
        if (UnknownId is int unknown) tokens.Add(unknown);
    }
}

/// <summary>Reads the Unigram model of a tokenizer.json: vocab is a list of [piece, score], a token's id its place in it.</summary>
internal static class JsonUnigram
{
    public static IEnumerable<(string Piece, JsonField Score)> Vocabulary(JsonField model)
    {
        foreach (JsonField pair in model.Required("vocab").Items())
        {
            JsonField[] both = [.. pair.Items()];
            yield return both.Length == 2 ? (both[0].String(), both[1]) : throw pair.Wrong("a piece and its score");
        }
    }

    public static Unigram Read(JsonField model, JsonVocabulary tokens, int[]? byteIds)
    {
        double[] scores = [.. Vocabulary(model).Select(p => p.Score.Element.ValueKind == System.Text.Json.JsonValueKind.Number && p.Score.Element.TryGetDouble(out double score) && double.IsFinite(score) ? score : throw p.Score.Wrong("a finite number"))];
        int? unknown = model.Optional("unk_id") is { IsNull: false } field ? (uint)field.Int() < (uint)scores.Length ? field.Int() : throw field.Wrong($"a token below {scores.Length}") : null;
        return new Unigram([.. tokens.ModelIds.Where(p => p.Key.Length > 0 && p.Value != unknown && !tokens.Special[p.Value])], scores) { UnknownId = unknown, ByteIds = byteIds };
    }
}
