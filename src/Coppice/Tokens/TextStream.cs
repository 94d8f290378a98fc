using System.Text;

namespace Coppice.Tokens;

/// <summary>
/// One sample's tokens as text, piece by piece: whole characters only, and nothing that may turn out to be part of a stop text.
/// All pieces together are the text of the whole: what <see cref="Tokenizer.Decode"/> gives for prompt and answer after what it gives for the
/// prompt, up to the first stop text.
/// So an answer keeps the space that begins its first token, as it follows the prompt's text; only after a prompt without any text
/// does the answer begin the text and lose that space.
/// </summary>
internal sealed class TextStream
{
    private readonly Tokenizer _tokenizer;
    private readonly StopMatcher _stops;
    private readonly int _minTokens;
    private readonly Decoder _decoder = Encoding.UTF8.GetDecoder();
    private byte[] _held = new byte[64];   // bytes that came and were not given out
    private int _heldCount;
    private int _tokens;
    private bool _begins;

    /// <param name="tokenizer">Of the model.</param>
    /// <param name="stops">What ends the sample.</param>
    /// <param name="prompt">The tokens before the sample.</param>
    /// <param name="minTokens">A stop text that ends within so many first tokens is text like any other.</param>
    public TextStream(Tokenizer tokenizer, StopTexts stops, ReadOnlySpan<int> prompt, int minTokens = 0)
    {
        _tokenizer = tokenizer;
        _stops = new StopMatcher(stops);
        _minTokens = minTokens;
        _begins = BeginsText(tokenizer, prompt);
    }

    /// <summary>Whether a stop text has come: nothing follows it.</summary>
    public bool Stopped { get; private set; }

    /// <summary>Whether what follows a prompt is the beginning of the text: no token of it has text.</summary>
    public static bool BeginsText(Tokenizer tokenizer, ReadOnlySpan<int> prompt)
    {
        foreach (int token in prompt)
            if (!tokenizer.Bytes(token).IsEmpty) return false;
        return true;
    }

    /// <summary>The text that became certain with a token.</summary>
    public string Append(int token)
    {
        if (Stopped) return "";
        _tokens++;
        ReadOnlySpan<byte> bytes = _tokenizer.BytesAt(token, ref _begins);
        if (_heldCount + bytes.Length > _held.Length) Array.Resize(ref _held, Math.Max(2 * _held.Length, _heldCount + bytes.Length));
        foreach (byte value in bytes)
        {
            _held[_heldCount++] = value;
            if (!_stops.Append(value, out int stopBytes) || _tokens <= _minTokens) continue;
            // Held counted from the stop text's first byte on, so that much is still here.
            Stopped = true;
            return Release(_heldCount - stopBytes, flush: true);
        }
        return Release(_heldCount - _stops.Held, flush: false);
    }

    /// <summary>The rest, when the sample has ended: what was held back, and U+FFFD for an unfinished character.</summary>
    public string Flush() => Stopped ? "" : Release(_heldCount, flush: true);

    private string Release(int count, bool flush)
    {
        if (count == 0 && !flush) return "";
        Span<char> chars = count <= 256 ? stackalloc char[count + 4] : new char[count + 4];   // at most a char a byte, and what was begun before
        int written = _decoder.GetChars(_held.AsSpan(0, count), chars, flush);
        _held.AsSpan(count, _heldCount - count).CopyTo(_held);
        _heldCount -= count;
        return new string(chars[..written]);
    }
}
