namespace Coppice.Tokens;

/// <summary>A text and the words it is split into so far: ranges in order. A step reads the old ranges and adds the new ones.</summary>
internal sealed class WordList
{
    private const int KeptWords = 1 << 16;
    private List<(int Start, int End)> _old = [], _words = [];

    public ReadOnlyMemory<char> Text { get; private set; }

    /// <summary>Whether <see cref="Text"/> is the beginning of what was asked to be encoded.</summary>
    public bool BeginsText { get; private set; }

    /// <summary>Whether <see cref="Text"/> is spelled in <see cref="ByteAlphabet"/> by now.</summary>
    public bool IsSpelled { get; private set; }

    public List<(int Start, int End)> Words => _words;

    public void Begin(ReadOnlyMemory<char> text, bool beginsText)
    {
        Text = text;
        BeginsText = beginsText;
        IsSpelled = false;
        _words.Clear();
        if (!text.IsEmpty) _words.Add((0, text.Length));
    }

    /// <summary>Starts a step: gives the ranges so far, and takes new ones through <see cref="Add"/>.</summary>
    public List<(int Start, int End)> BeginStep()
    {
        (_old, _words) = (_words, _old);
        _words.Clear();
        return _old;
    }

    public void Add(int start, int end)
    {
        if (end > start) _words.Add((start, end));
    }

    /// <summary>Ends a step that made a new text, to which its ranges refer.</summary>
    public void Rewrite(ReadOnlyMemory<char> text) => Text = text;

    /// <inheritdoc cref="Rewrite"/>
    public void RewriteSpelled(ReadOnlyMemory<char> text)
    {
        Text = text;
        IsSpelled = true;
    }

    /// <summary>Gives back what an unusually long text took.</summary>
    public void Trim()
    {
        Text = default;
        if (_words.Capacity > KeptWords) _words = [];
        if (_old.Capacity > KeptWords) _old = [];
    }
}

/// <summary>A step that splits a text into words; tokens never reach over the border of two words.</summary>
internal abstract class PreTokenizer
{
    public virtual void Run(WordList words)
    {
        ReadOnlySpan<char> text = words.Text.Span;
        foreach ((int start, int end) in words.BeginStep()) Split(text[start..end], start, words);
    }

    /// <param name="word">What is split.</param>
    /// <param name="start">Where it begins in the text: what is added refers to the text.</param>
    /// <param name="words">Takes the parts.</param>
    protected abstract void Split(ReadOnlySpan<char> word, int start, WordList words);
}
