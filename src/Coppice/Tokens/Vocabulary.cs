using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>
/// A tokenizer's tokens: how each is spelled, and the bytes it adds to a text (none for special tokens). Ids whose spelling is empty have no token;
/// behind the last token the vocabulary ends.
/// </summary>
internal sealed class Vocabulary
{
    private readonly string[] _pieces;
    private readonly bool[] _special;
    private readonly byte[] _bytes;   // token t's are [_starts[t], _starts[t + 1])
    private readonly int[] _starts;
    private readonly Dictionary<string, int> _ids;
    private readonly Dictionary<string, int>.AlternateLookup<ReadOnlySpan<char>> _idsBySpan;

    /// <param name="file">The file, for messages.</param>
    /// <param name="pieces">The spelling of every token; empty where an id has none.</param>
    /// <param name="special">Which tokens are marks, not text.</param>
    /// <param name="literal">Which tokens are text as spelled, whatever the decoder does to the others.</param>
    /// <param name="decoder">From spelling to bytes.</param>
    public Vocabulary(string file, string[] pieces, bool[] special, bool[] literal, PieceDecoder decoder)
    {
        _pieces = pieces;
        _special = special;
        int end = Array.FindLastIndex(pieces, piece => piece.Length > 0) + 1;
        Ids = new TokenIds(end, [.. Enumerable.Range(0, end).Where(id => pieces[id].Length == 0)]);
        _starts = new int[pieces.Length + 1];
        _ids = new Dictionary<string, int>(pieces.Length, StringComparer.Ordinal);
        _idsBySpan = _ids.GetAlternateLookup<ReadOnlySpan<char>>();
        using MemoryStream bytes = new();
        for (int id = 0; id < pieces.Length; id++)
        {
            if (pieces[id].Length > 0) _ids.TryAdd(pieces[id], id);
            if (!special[id]) bytes.Write(literal[id] ? Encoding.UTF8.GetBytes(pieces[id]) : decoder.Bytes(pieces[id]));
            if (bytes.Length > int.MaxValue / 2) throw new ModelFormatException(file, $"The tokens up to {id} spell more than {int.MaxValue / 2} bytes.");
            _starts[id + 1] = (int)bytes.Length;
        }
        _bytes = bytes.ToArray();
    }

    public TokenIds Ids { get; }

    /// <summary>Pieces whose type says that they are no tokens become gaps, so that padding is the same in a file that spells it out as in one that leaves it out.</summary>
    public static string[] WithoutUnused(IReadOnlyList<string> pieces, IReadOnlyList<PieceType> types) =>
        [.. pieces.Select((piece, id) => types[id] == PieceType.Unused ? "" : piece)];

    public int Count => Ids.End;

    public string Piece(int id) => _pieces[Checked(id)];

    public bool IsSpecial(int id) => _special[Checked(id)];

    public ReadOnlySpan<byte> Bytes(int id) => _bytes.AsSpan(_starts[Checked(id)].._starts[id + 1]);

    public bool TryFind(ReadOnlySpan<char> piece, out int id) => _idsBySpan.TryGetValue(piece, out id);

    private int Checked(int id) => (uint)id < (uint)Count ? id
        : throw new ArgumentOutOfRangeException(nameof(id), id, $"The vocabulary has {Count} tokens, from 0.");
}
