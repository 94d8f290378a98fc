namespace Coppice.Tokens;

/// <summary>Numbers apart from the rest: each digit by itself, or runs of them.</summary>
internal sealed class DigitsSplit(SplitBehavior behavior) : PreTokenizer
{
    protected override void Split(ReadOnlySpan<char> word, int start, WordList words)
    {
        int plain = 0;
        for (int at = 0; at < word.Length;)
        {
            bool number = CharClass.At(word, at, out int chars) == CharKind.Number;
            int end = at + chars;
            if (number)
            {
                words.Add(start + plain, start + at);
                if (behavior == SplitBehavior.Contiguous) end = CharClass.RunEnd(word, end, CharKind.Number);
                words.Add(start + at, start + end);
                plain = end;
            }
            at = end;
        }
        words.Add(start + plain, start + word.Length);
    }
}

/// <summary>Spells the text in <see cref="ByteAlphabet"/>: only where another step follows ByteLevel, otherwise the model reads the bytes themselves.</summary>
internal sealed class SpellBytes : PreTokenizer
{
    public override void Run(WordList words)
    {
        ReadOnlySpan<char> text = words.Text.Span;
        System.Text.StringBuilder spelled = new(text.Length);
        Span<byte> utf8 = stackalloc byte[256];
        foreach ((int start, int end) in words.BeginStep())
        {
            int from = spelled.Length;
            System.Text.Encoder encoder = System.Text.Encoding.UTF8.GetEncoder();
            for (int at = start; at < end;)
            {
                encoder.Convert(text[at..end], utf8, flush: true, out int chars, out int bytes, out _);
                foreach (byte value in utf8[..bytes]) spelled.Append(ByteAlphabet.CharOf(value));
                at += chars;
            }
            words.Add(from, spelled.Length);
        }
        words.RewriteSpelled(spelled.ToString().AsMemory());
    }

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words) => words.Add(start, start + word.Length);
}

/// <summary>Puts a space before every word that does not begin with one.</summary>
internal sealed class SpaceBefore : PreTokenizer
{
    public override void Run(WordList words)
    {
        ReadOnlySpan<char> text = words.Text.Span;
        System.Text.StringBuilder spaced = new(text.Length + 1);
        foreach ((int start, int end) in words.BeginStep())
        {
            int from = spaced.Length;
            if (text[start] != ' ') spaced.Append(' ');
            spaced.Append(text[start..end]);
            words.Add(from, spaced.Length);
        }
        words.Rewrite(spaced.ToString().AsMemory());
    }

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words) => words.Add(start, start + word.Length);
}

/// <summary>Which pieces of a text get the mark of a word's beginning put before them.</summary>
internal enum PrependScheme
{
    /// <summary>All.</summary>
    Always,

    /// <summary>The one the text begins with.</summary>
    First,

    /// <summary>None.</summary>
    Never,
}

/// <summary>Spaces become a visible mark, which begins every word.</summary>
internal sealed class Metaspace(char mark, PrependScheme prepend, bool split) : PreTokenizer
{
    public override void Run(WordList words)
    {
        ReadOnlySpan<char> text = words.Text.Span;
        System.Text.StringBuilder marked = new(text.Length + 1);
        foreach ((int start, int end) in words.BeginStep())
        {
            int from = marked.Length;
            bool begins = words.BeginsText && start == 0;
            if (text[start] is var first && first != ' ' && first != mark && (prepend == PrependScheme.Always || (prepend == PrependScheme.First && begins)))
                marked.Append(mark);
            for (int at = start; at < end; at++)
            {
                char c = text[at] == ' ' ? mark : text[at];
                if (split && c == mark)
                {
                    words.Add(from, marked.Length);
                    from = marked.Length;
                }
                marked.Append(c);
            }
            words.Add(from, marked.Length);
        }
        words.Rewrite(marked.ToString().AsMemory());
    }

    protected override void Split(ReadOnlySpan<char> word, int start, WordList words) => words.Add(start, start + word.Length);
}
