using System.Buffers;
using System.Text;

namespace Coppice.Tokens;

/// <summary>What a word's first symbols are.</summary>
internal enum BpeUnit
{
    /// <summary>The bytes of its UTF-8.</summary>
    Byte,

    /// <summary>Its characters.</summary>
    Character,
}

/// <summary>
/// Byte pair encoding over a vocabulary, of words that the pre-tokenizer made.
/// Symbol ids from <see cref="VocabularySize"/> up are characters that pieces contain but that are no tokens themselves.
/// </summary>
internal sealed class Bpe : WordModel
{
    public required BpeUnit Unit { get; init; }

    public required MergeTable Merges { get; init; }

    public required int VocabularySize { get; init; }

    /// <summary>Symbol of each single character (<see cref="BpeUnit.Character"/>).</summary>
    public IReadOnlyDictionary<int, int> CharacterIds { get; init; } = new Dictionary<int, int>();

    /// <summary>Token of each byte, or <see cref="SymbolMerger.Unknown"/>: the first symbols (<see cref="BpeUnit.Byte"/>),
    /// or what spells a character that has no token (<see cref="BpeUnit.Character"/>); null for no such thing.</summary>
    public int[]? ByteIds { get; init; }

    /// <summary>The token for what cannot be spelled otherwise. Null: it is left out.</summary>
    public int? UnknownId { get; init; }

    /// <summary>A run of unknown characters is one unknown token.</summary>
    public bool FuseUnknown { get; init; }

    /// <summary>A word that is a token is that token, whatever the merges would give: spelled as the vocabulary spells it.</summary>
    public Vocabulary? WholeWords { get; init; }

    protected override void EncodeAnew(ReadOnlySpan<char> word, bool isSpelled, WordScratch scratch, List<int> tokens)
    {
        if (Unit == BpeUnit.Byte) EncodeBytes(word, isSpelled, scratch, tokens);
        else EncodeCharacters(word, scratch, tokens);
    }

    private void EncodeBytes(ReadOnlySpan<char> word, bool isSpelled, WordScratch scratch, List<int> tokens)
    {
        Span<byte> bytes = scratch.Bytes(Encoding.UTF8.GetMaxByteCount(word.Length));
        if (isSpelled)
        {
            for (int i = 0; i < word.Length; i++) ByteAlphabet.TryByteOf(word[i], out bytes[i]);
            bytes = bytes[..word.Length];
        }
        else
        {
            bytes = bytes[..Encoding.UTF8.GetBytes(word, bytes)];
        }
        if (WholeWords is not null && TryWhole(bytes, scratch, out int whole))
        {
            tokens.Add(whole);
            return;
        }
        SymbolMerger merger = scratch.Merger;
        Span<int> symbols = merger.Begin(bytes.Length);
        for (int i = 0; i < bytes.Length; i++) symbols[i] = ByteIds![bytes[i]];
        merger.Merge(Merges, bytes.Length);
        bool wasUnknown = false;
        for (int symbol = 0; symbol >= 0; symbol = merger.Next(symbol))
        {
            if (merger.Id(symbol) >= 0) tokens.Add(merger.Id(symbol));
            else if (UnknownId is int unknown && !(FuseUnknown && wasUnknown)) tokens.Add(unknown);
            wasUnknown = merger.Id(symbol) < 0;
        }
    }

    private bool TryWhole(ReadOnlySpan<byte> bytes, WordScratch scratch, out int id)
    {
        Span<char> spelled = scratch.Chars(bytes.Length);
        for (int i = 0; i < bytes.Length; i++) spelled[i] = ByteAlphabet.CharOf(bytes[i]);
        return WholeWords!.TryFind(spelled[..bytes.Length], out id);
    }

    private void EncodeCharacters(ReadOnlySpan<char> word, WordScratch scratch, List<int> tokens)
    {
        if (WholeWords is not null && WholeWords.TryFind(word, out int whole))
        {
            tokens.Add(whole);
            return;
        }
        SymbolMerger merger = scratch.Merger;
        Span<int> symbols = merger.Begin(word.Length);
        Span<int> starts = scratch.Starts(word.Length + 1);
        int count = 0;
        for (int at = 0; at < word.Length; count++)
        {
            Rune.DecodeFromUtf16(word[at..], out Rune rune, out int chars);
            symbols[count] = CharacterIds.TryGetValue(rune.Value, out int id) ? id : SymbolMerger.Unknown;
            starts[count] = at;
            at += chars;
        }
        starts[count] = word.Length;
        merger.Merge(Merges, count);
        bool wasUnknown = false;
        for (int symbol = 0, next; symbol >= 0; symbol = next)
        {
            next = merger.Next(symbol);
            int id = merger.Id(symbol);
            if ((uint)id < (uint)VocabularySize)
            {
                tokens.Add(id);
                wasUnknown = false;
                continue;
            }
            ReadOnlySpan<char> text = word[starts[symbol]..starts[next >= 0 ? next : count]];
            if (TryBytes(text, tokens))
            {
                wasUnknown = false;
                continue;
            }
            if (UnknownId is int unknown && !(FuseUnknown && wasUnknown)) tokens.Add(unknown);
            wasUnknown = true;
        }
    }

    private bool TryBytes(ReadOnlySpan<char> character, List<int> tokens)
    {
        if (ByteIds is null) return false;
        Span<byte> bytes = stackalloc byte[4];
        Rune.DecodeFromUtf16(character, out Rune rune, out _);
        bytes = bytes[..rune.EncodeToUtf8(bytes)];
        foreach (byte value in bytes)
            if (ByteIds[value] < 0) return false;
        foreach (byte value in bytes) tokens.Add(ByteIds[value]);
        return true;
    }
}
