using System.Text;

namespace Coppice.Tokens;

/// <summary>
/// The texts that end a sample, as bytes, with the failure links of Knuth, Morris and Pratt: every byte is looked at once, wherever tokens end.
/// Immutable; shared by the samples of a request.
/// </summary>
internal sealed class StopTexts
{
    public static readonly StopTexts None = new([]);

    private StopTexts(byte[][] texts)
    {
        Texts = texts;
        Failures = [.. texts.Select(Links)];
    }

    /// <summary>Each stop text in UTF-8.</summary>
    public byte[][] Texts { get; }

    /// <summary>[i][n]: length of the longest proper suffix of the first n bytes of text i that begins it.</summary>
    public int[][] Failures { get; }

    /// <exception cref="InvalidRequestException">One of them is empty.</exception>
    public static StopTexts Of(IReadOnlyList<string> texts)
    {
        if (texts.Count == 0) return None;
        for (int i = 0; i < texts.Count; i++)
            if (string.IsNullOrEmpty(texts[i])) throw new InvalidRequestException($"{nameof(GenerateOptions.Stop)}[{i}] is empty; a stop text has at least one character.");
        return new StopTexts([.. texts.Distinct(StringComparer.Ordinal).Select(Encoding.UTF8.GetBytes)]);
    }

    private static int[] Links(byte[] text)
    {
        int[] links = new int[text.Length + 1];
        for (int at = 1, length = 0; at < text.Length; at++)
        {
            while (length > 0 && text[at] != text[length]) length = links[length];
            if (text[at] == text[length]) length++;
            links[at + 1] = length;
        }
        return links;
    }
}

/// <summary>Follows one sample's bytes and says when a stop text is complete. Allocates only when made.</summary>
internal sealed class StopMatcher(StopTexts stops)
{
    private readonly int[] _matched = new int[stops.Texts.Length];   // by text: how many of its bytes end what came so far

    /// <summary>How many of the last bytes may be the beginning of a stop text.</summary>
    public int Held { get; private set; }

    /// <summary>Looks at the next byte. True if a stop text ends with it: <paramref name="length"/> bytes, the longest that does.</summary>
    public bool Append(byte value, out int length)
    {
        length = 0;
        int held = 0;
        for (int i = 0; i < _matched.Length; i++)
        {
            byte[] text = stops.Texts[i];
            int[] links = stops.Failures[i];
            int matched = _matched[i];
            if (matched == text.Length) matched = links[matched];
            while (matched > 0 && text[matched] != value) matched = links[matched];
            if (text[matched] == value) matched++;
            _matched[i] = matched;
            if (matched == text.Length) length = Math.Max(length, matched);
            held = Math.Max(held, matched == text.Length ? links[matched] : matched);
        }
        Held = held;
        return length > 0;
    }

    /// <summary>Looks at a token's bytes. True as soon as a stop text ends in them; the bytes after it are not looked at.</summary>
    public bool Append(ReadOnlySpan<byte> bytes)
    {
        if (_matched.Length == 0) return false;
        foreach (byte value in bytes)
            if (Append(value, out _)) return true;
        return false;
    }

    /// <summary>Looks at a token's bytes in which a stop text may begin, but one that ends in them is text like any other.</summary>
    public void Pass(ReadOnlySpan<byte> bytes)
    {
        if (_matched.Length == 0) return;
        foreach (byte value in bytes) Append(value, out _);
    }
}
