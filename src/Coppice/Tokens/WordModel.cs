using System.Runtime.InteropServices;

namespace Coppice.Tokens;

/// <summary>From the words that the pre-tokenizer made to tokens. Immutable; what a call needs is in its <see cref="WordScratch"/>.</summary>
internal abstract class WordModel
{
    /// <summary>Appends the tokens of one word.</summary>
    /// <param name="word">Not empty.</param>
    /// <param name="isSpelled">Whether it is spelled in <see cref="ByteAlphabet"/> already.</param>
    /// <param name="scratch">Of this call alone.</param>
    /// <param name="tokens">Takes the tokens.</param>
    public void Encode(ReadOnlySpan<char> word, bool isSpelled, WordScratch scratch, List<int> tokens)
    {
        if (word.Length > WordCache.LongestWord)
        {
            EncodeAnew(word, isSpelled, scratch, tokens);
            return;
        }
        if (scratch.Cache.TryFind(word, out ReadOnlySpan<int> ids))
        {
            tokens.AddRange(ids);
            return;
        }
        int before = tokens.Count;
        EncodeAnew(word, isSpelled, scratch, tokens);
        scratch.Cache.Add(word, CollectionsMarshal.AsSpan(tokens)[before..]);
    }

    /// <inheritdoc cref="Encode"/>
    protected abstract void EncodeAnew(ReadOnlySpan<char> word, bool isSpelled, WordScratch scratch, List<int> tokens);
}

/// <summary>What one call of a <see cref="WordModel"/> works with; used by one call at a time and by the next after it.</summary>
internal sealed class WordScratch
{
    private const int KeptBytes = 1 << 18;
    private byte[] _bytes = [];
    private char[] _chars = [];
    private int[] _starts = [];
    private double[] _scores = [];
    private (int From, int Id)[] _steps = [];

    public WordCache Cache { get; } = new();

    public SymbolMerger Merger { get; } = new();

    public WordList Words { get; } = new();

    public Span<byte> Bytes(int count) => Room(ref _bytes, count);

    public Span<char> Chars(int count) => Room(ref _chars, count);

    public Span<int> Starts(int count) => Room(ref _starts, count);

    public Span<double> Scores(int count) => Room(ref _scores, count);

    public Span<(int From, int Id)> Steps(int count) => Room(ref _steps, count);

    /// <summary>Gives back what an unusually long text took.</summary>
    public void Trim()
    {
        Merger.Trim();
        Words.Trim();
        if (_bytes.Length > KeptBytes) _bytes = [];
        if (_chars.Length > KeptBytes) _chars = [];
        if (_starts.Length > KeptBytes) _starts = [];
        if (_scores.Length > KeptBytes) _scores = [];
        if (_steps.Length > KeptBytes) _steps = [];
    }

    private static Span<T> Room<T>(ref T[] buffer, int count)
    {
        if (buffer.Length < count) buffer = new T[Math.Max(256, (int)System.Numerics.BitOperations.RoundUpToPowerOf2((uint)count))];
        return buffer.AsSpan(0, count);
    }
}
