using System.Collections.Concurrent;
using System.Text;
using Coppice.Loading;
using Coppice.Tokens;

namespace Coppice;

/// <summary>
/// Text to tokens and back, as the model's own files say: byte-level BPE, SentencePiece-style BPE and Unigram.
/// Threads may use one tokenizer together. Encoding takes time and memory linear in the text, up to a logarithm for single words of great length.
/// </summary>
public sealed class Tokenizer
{
    private readonly TokenizerParts _parts;
    private readonly Vocabulary _vocabulary;
    private readonly ConcurrentBag<WordScratch> _scratch = [];

    internal Tokenizer(TokenizerParts parts)
    {
        _parts = parts;
        _vocabulary = parts.Vocabulary;
    }

    /// <summary>The steps a text passes through.</summary>
    internal TokenizerParts Parts => _parts;

    /// <summary>Ids are in [0, this). A model may have rows for more.</summary>
    public int VocabularySize => _vocabulary.Count;

    /// <summary>Which ids there are.</summary>
    internal TokenIds Ids => _vocabulary.Ids;

    /// <summary>Whether there is a token of this id. Vocabularies may have gaps.</summary>
    public bool Has(int token) => _vocabulary.Ids.Has(token);

    /// <summary>The token that begins a text, if the model has one.</summary>
    public int? BeginOfText => _parts.BeginOfText;

    /// <summary>The token that ends a text, if the model has one.</summary>
    public int? EndOfText => _parts.EndOfText;

    /// <summary>Whether <see cref="Encode"/> puts <see cref="BeginOfText"/> before a prompt.</summary>
    public bool AddsBeginOfText => _parts.BeginOfText is int begin && _parts.Before.Contains(begin);

    /// <summary>Whether <see cref="Encode"/> puts <see cref="EndOfText"/> behind a prompt.</summary>
    internal bool AddsEndOfText => _parts.EndOfText is int end && _parts.After.Contains(end);

    /// <summary>Reads the tokenizer of a Hugging Face folder: tokenizer.json, or else tokenizer.model (SentencePiece or tiktoken) or *.tiktoken; tokenizer_config.json beside it names begin and end of text.</summary>
    /// <exception cref="ModelFormatException">There is none, it is malformed, or it asks for something that is not supported; the message names it.</exception>
    public static Tokenizer FromFolder(string folder)
    {
        TokenizerConfigFile config = TokenizerConfigFile.Read(Path.Combine(folder, "tokenizer_config.json"));
        (TokenizerFileKind kind, string file) = TokenizerFile.Find(folder);
        return new Tokenizer(kind switch
        {
            TokenizerFileKind.Json => TokenizerJsonFile.Read(file, config),
            TokenizerFileKind.Tiktoken => TiktokenFile.Read(file, config),
            _ => SentencePieceFile.Read(file, config),
        });
    }

    /// <summary>Makes the tokenizer that a GGUF file's metadata describes.</summary>
    /// <exception cref="ModelFormatException">The metadata is inconsistent or asks for something that is not supported.</exception>
    internal static Tokenizer FromGguf(GgufVocabulary vocabulary) => new(GgufTokenizer.Read(vocabulary));

    /// <summary>The tokens of a text.</summary>
    /// <param name="text">Any text; half a surrogate pair counts as U+FFFD.</param>
    /// <param name="specials">What special tokens have to do with it; without it, the text is a prompt.</param>
    public int[] Encode(string text, Specials specials = Specials.All)
    {
        ArgumentNullException.ThrowIfNull(text);
        List<int> tokens = new(text.Length / 3 + 2);
        bool around = specials.HasFlag(Specials.Around);
        if (around) tokens.AddRange(_parts.Before);
        if (!_scratch.TryTake(out WordScratch? scratch)) scratch = new WordScratch();
        AddedTokens added = _parts.AddedToText;
        int done = 0;
        while (added.Any && added.TryNext(text, done, specials, out int start, out int end, out int id))
        {
            EncodeText(text.AsMemory(done, start - done), done == 0, specials, scratch, tokens);
            tokens.Add(id);
            done = end;
        }
        EncodeText(text.AsMemory(done), done == 0, specials, scratch, tokens);
        scratch.Trim();
        _scratch.Add(scratch);
        if (around) tokens.AddRange(_parts.After);
        return [.. tokens];
    }

    /// <summary>The text of a whole sequence of tokens. Special tokens are left out; bytes that are not UTF-8 become U+FFFD.</summary>
    /// <exception cref="ArgumentOutOfRangeException">A token is not in the vocabulary.</exception>
    public string Decode(ReadOnlySpan<int> tokens)
    {
        using MemoryStream bytes = new();
        bool begins = true;
        foreach (int token in tokens) bytes.Write(BytesAt(token, ref begins));
        return Encoding.UTF8.GetString(bytes.GetBuffer().AsSpan(0, (int)bytes.Length));
    }

    /// <summary>The bytes of UTF-8 that a token adds to a text, maybe not whole characters; none for a special token.
    /// The leading space of SentencePiece vocabularies is kept: only the first token of a whole text loses it.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The token is not in the vocabulary.</exception>
    public ReadOnlySpan<byte> Bytes(int token) => _vocabulary.Bytes(token);

    /// <summary>The vocabulary's own spelling of a token, for display.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The token is not in the vocabulary.</exception>
    public string Piece(int token) => _vocabulary.Piece(token);

    /// <summary>Whether a token is a mark and not text.</summary>
    /// <exception cref="ArgumentOutOfRangeException">The token is not in the vocabulary.</exception>
    public bool IsSpecial(int token) => _vocabulary.IsSpecial(token);

    /// <summary>The token of this spelling.</summary>
    public bool TryFind(string piece, out int token) => _vocabulary.TryFind(piece, out token);

    /// <summary>Whether the first token with text in it loses the space that encoding put before the text.</summary>
    internal bool DropsLeadingSpace => _parts.DropsLeadingSpace;

    /// <summary>A token's bytes where it stands: the first token with text in it loses the space that encoding put before the text.</summary>
    /// <param name="token">The token.</param>
    /// <param name="begins">Whether no text came before; false as soon as some has.</param>
    internal ReadOnlySpan<byte> BytesAt(int token, ref bool begins)
    {
        ReadOnlySpan<byte> bytes = _vocabulary.Bytes(token);
        if (!begins || bytes.IsEmpty) return bytes;
        begins = false;
        return _parts.DropsLeadingSpace && bytes[0] == (byte)' ' ? bytes[1..] : bytes;
    }

    private void EncodeText(ReadOnlyMemory<char> text, bool begins, Specials specials, WordScratch scratch, List<int> tokens)
    {
        if (text.IsEmpty) return;
        if (_parts.Normalizer is not null) text = _parts.Normalizer.Apply(text.ToString()).AsMemory();
        AddedTokens added = _parts.AddedToNormalized;
        int done = 0;
        while (added.Any && added.TryNext(text.Span, done, specials, out int start, out int end, out int id))
        {
            EncodeWords(text[done..start], begins && done == 0, scratch, tokens);
            tokens.Add(id);
            done = end;
        }
        EncodeWords(text[done..], begins && done == 0, scratch, tokens);
    }

    private void EncodeWords(ReadOnlyMemory<char> text, bool begins, WordScratch scratch, List<int> tokens)
    {
        WordList words = scratch.Words;
        words.Begin(text, begins);
        foreach (PreTokenizer step in _parts.PreTokenizers) step.Run(words);
        ReadOnlySpan<char> span = words.Text.Span;
        foreach ((int start, int end) in words.Words) _parts.Model.Encode(span[start..end], words.IsSpelled, scratch, tokens);
    }
}
