using Coppice.Loading;

namespace Coppice.Tokens;

/// <summary>The tokens of a tokenizer.json: those of its model and those added to it.</summary>
internal sealed class JsonVocabulary
{
    // Room for reserved ids, and a limit to what one large number in a file can ask for.
    private const int MostGaps = 1 << 16;

    private JsonVocabulary(int count, Dictionary<string, int> modelIds, List<(AddedToken, bool)> added)
    {
        Pieces = new string[count];
        Array.Fill(Pieces, "");
        Special = new bool[count];
        Literal = new bool[count];
        ModelIds = modelIds;
        Added = added;
    }

    /// <summary>By id; empty where an id has no token.</summary>
    public string[] Pieces { get; }

    public bool[] Special { get; }

    public bool[] Literal { get; }

    /// <summary>The model's own vocabulary.</summary>
    public Dictionary<string, int> ModelIds { get; }

    /// <summary>The added tokens, and whether each is looked for in the normalised text.</summary>
    public List<(AddedToken Token, bool Normalized)> Added { get; }

    /// <param name="root">The file.</param>
    /// <param name="modelTokens">The model's own tokens.</param>
    public static JsonVocabulary Read(JsonField root, IEnumerable<(string Piece, int Id)> modelTokens)
    {
        string file = root.File;
        Dictionary<string, int> modelIds = new(StringComparer.Ordinal);
        foreach ((string piece, int id) in modelTokens)
            if (!modelIds.TryAdd(piece, id)) throw new ModelFormatException(file, $"model.vocab has the token '{piece}' twice.");

        JsonField addedTokens = root.Optional("added_tokens");
        List<(AddedToken Token, bool Normalized)> added = addedTokens.IsNull ? [] : [.. addedTokens.Items().Select(ReadAdded)];
        int tokens = modelIds.Count + added.Count(a => !modelIds.ContainsKey(a.Token.Content));
        int count = 0;
        foreach ((string piece, int id) in modelIds.Select(p => (p.Key, p.Value)).Concat(added.Select(a => (a.Token.Content, a.Token.Id))))
        {
            if (id < 0 || id >= tokens + MostGaps) throw new ModelFormatException(file, $"Token {Quoted.Of(piece)} has the id {id}; {tokens} tokens may have ids from 0 to {tokens + MostGaps - 1}.");
            count = Math.Max(count, id + 1);
        }
        JsonVocabulary all = new(count, modelIds, added);
        foreach ((string piece, int place) in modelIds) all.Place(file, place, piece);
        foreach ((AddedToken token, _) in added)
        {
            if (modelIds.TryGetValue(token.Content, out int id) ? id != token.Id : all.Pieces[token.Id].Length > 0)
                throw new ModelFormatException(file, $"Added token '{token.Content}' has the id {token.Id}, which is another token's, or is {id} in the vocabulary.");
            if (!modelIds.ContainsKey(token.Content)) all.Place(file, token.Id, token.Content);
            all.Special[token.Id] = token.Special;
            all.Literal[token.Id] = true;
        }
        return all;
    }

    private static (AddedToken, bool) ReadAdded(JsonField field)
    {
        bool special = field.Optional("special").Bool(missing: false);
        AddedToken token = new(field.Required("id").Int(), field.Required("content").String())
        {
            Special = special,
            StripLeft = field.Optional("lstrip").Bool(missing: false),
            StripRight = field.Optional("rstrip").Bool(missing: false),
            SingleWord = field.Optional("single_word").Bool(missing: false),
        };
        return (token, field.Optional("normalized").Bool(missing: !special));
    }

    private void Place(string file, int id, string piece)
    {
        if (Pieces[id] is { Length: > 0 } other) throw new ModelFormatException(file, $"The tokens '{other}' and '{piece}' have the same id {id}.");
        Pieces[id] = piece;
    }
}
