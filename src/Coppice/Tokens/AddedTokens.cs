using System.Buffers;
using System.Globalization;
using System.Text;
using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>A token that is found in a text before anything else is done with it.</summary>
/// <param name="Id">The token.</param>
/// <param name="Content">What is looked for.</param>
internal sealed record AddedToken(int Id, string Content)
{
    /// <summary>A mark and not text: its like in a text is recognised only where the caller wants that.</summary>
    public bool Special { get; init; }

    /// <summary>Takes the white space to its left with it.</summary>
    public bool StripLeft { get; init; }

    /// <summary>Takes the white space to its right with it.</summary>
    public bool StripRight { get; init; }

    /// <summary>Not inside a word.</summary>
    public bool SingleWord { get; init; }
}

/// <summary>Finds added tokens in a text: the leftmost first, the longest of those that begin there.</summary>
internal sealed class AddedTokens
{
    /// <summary>Longest token looked for, in chars: it bounds the work at each place of a text.</summary>
    public const int LongestContent = 1024;

    private const int MostSearched = 1024, MostCharacters = 1 << 22;

    private readonly Dictionary<(int Node, char Step), int> _edges = [];
    private readonly List<AddedToken?> _ends = [null];   // by node of the trie
    private readonly SearchValues<char> _firsts;
    private readonly SearchValues<string>? _contents;

    public AddedTokens(string file, IEnumerable<AddedToken> tokens)
    {
        HashSet<char> firsts = [];
        int characters = 0;
        foreach (AddedToken token in tokens)
        {
            if (token.Content.Length is 0 or > LongestContent)
                throw new ModelFormatException(file, $"Added token {token.Id} has {token.Content.Length} characters; it must have 1 to {LongestContent}.");
            characters += token.Content.Length;
            if (characters > MostCharacters) throw new ModelFormatException(file, $"The added tokens up to {token.Id} have more than {MostCharacters} characters together.");
            firsts.Add(token.Content[0]);
            int node = 0;
            foreach (char step in token.Content)
            {
                if (_edges.TryGetValue((node, step), out int next))
                {
                    node = next;
                    continue;
                }
                _edges[(node, step)] = _ends.Count;
                node = _ends.Count;
                _ends.Add(null);
            }
            _ends[node] ??= token;
        }
        _firsts = SearchValues.Create([.. firsts]);
        // Where a token begins with a common character (pythia's begin with a space), looking for whole tokens stops at far fewer places.
        string[] contents = [.. Shortest()];
        if (contents.Length is > 0 and <= MostSearched) _contents = SearchValues.Create(contents, StringComparison.Ordinal);
        Any = firsts.Count > 0;
    }

    public bool Any { get; }

    /// <summary>The next token in text[from..]. [start, end) takes in the white space it strips, never from before <paramref name="from"/>.</summary>
    public bool TryNext(ReadOnlySpan<char> text, int from, Specials specials, out int start, out int end, out int id)
    {
        for (int at = from; at < text.Length; at++)
        {
            int skipped = _contents is null ? text[at..].IndexOfAny(_firsts) : text[at..].IndexOfAny(_contents);
            if (skipped < 0) break;
            at += skipped;
            if (!TryLongestAt(text, at, out AddedToken? token)) continue;
            start = at;
            end = at + token.Content.Length;
            if ((token.Special && !specials.HasFlag(Specials.InText)) || (token.SingleWord && (EndsWord(text[..start]) || StartsWord(text[end..]))))
            {
                at = end - 1;
                continue;
            }
            if (token.StripLeft)
                while (start > from && char.IsWhiteSpace(text[start - 1])) start--;
            if (token.StripRight)
                while (end < text.Length && char.IsWhiteSpace(text[end])) end++;
            id = token.Id;
            return true;
        }
        start = end = id = 0;
        return false;
    }

    // The tokens that no other is the beginning of.
    private IEnumerable<string> Shortest()
    {
        foreach (AddedToken? token in _ends)
        {
            if (token is null) continue;
            int node = 0, at = 0;
            while (at < token.Content.Length - 1 && _ends[node = _edges[(node, token.Content[at])]] is null) at++;
            if (at >= token.Content.Length - 1) yield return token.Content;
        }
    }

    private bool TryLongestAt(ReadOnlySpan<char> text, int at, [System.Diagnostics.CodeAnalysis.NotNullWhen(true)] out AddedToken? longest)
    {
        longest = null;
        for (int node = 0; at < text.Length && _edges.TryGetValue((node, text[at]), out node); at++) longest = _ends[node] ?? longest;
        return longest is not null;
    }

    private static bool EndsWord(ReadOnlySpan<char> text) => Rune.DecodeLastFromUtf16(text, out Rune last, out _) == OperationStatus.Done && IsWord(last);

    private static bool StartsWord(ReadOnlySpan<char> text) => Rune.DecodeFromUtf16(text, out Rune first, out _) == OperationStatus.Done && IsWord(first);

    private static bool IsWord(Rune rune) => Rune.IsLetterOrDigit(rune)
        || Rune.GetUnicodeCategory(rune) is UnicodeCategory.NonSpacingMark or UnicodeCategory.SpacingCombiningMark or UnicodeCategory.EnclosingMark
            or UnicodeCategory.ConnectorPunctuation or UnicodeCategory.LetterNumber;
}
