using System.Text.RegularExpressions;
using Coppice.Loading;

namespace Coppice.Cli.Eval;

/// <summary>Text that tasks are made of: a file's, or a few sentences about nothing in particular.</summary>
internal sealed partial class Prose
{
    private const string BuiltIn = """
        The road ran along the river for a while. Nobody had walked there since the morning. A light wind moved the leaves. The bridge was old but it held.
        In the evening the lamps were lit one after another. Somebody sang behind a closed window. The rain had stopped an hour before. The fields were still wet.
        A cart stood at the side of the road. Its wheels were covered with mud. The horses had been led away. There was smoke above the roofs.
        The church clock struck the hour. Two men talked quietly at the gate. They did not look up when a stranger passed. Later the moon came out.
        The letter lay on the table all day. It had been read more than once. The garden was full of apples that year. Most of them were left on the grass.
        The mountains could be seen on clear days only. Snow lay on them until the summer. The train came twice a week. It was seldom on time.
        """;

    private readonly string _text;

    public Prose(string text)
    {
        // Lines of a paragraph are one; paragraphs stay apart.
        _text = Spaces().Replace(ParagraphEnds().Replace(text.ReplaceLineEndings("\n"), "\u0001"), " ").Replace("\u0001", "\n\n", StringComparison.Ordinal).Trim();
        Sentences = [.. SentenceEnds().Split(_text.Replace("\n\n", " ", StringComparison.Ordinal)).Where(s => s.Length is >= 20 and <= 120 && char.IsUpper(s[0]) && s[^1] == '.')];
    }

    /// <summary>Whole sentences of 20 to 120 characters.</summary>
    public IReadOnlyList<string> Sentences { get; }

    public int Length => _text.Length;

    /// <param name="path">A text in UTF-8; null for the few sentences that are built in.</param>
    /// <exception cref="UsageException">The file has too little of a text.</exception>
    public static Prose Read(string? path)
    {
        Prose prose = new(path is null ? BuiltIn : SmallFile.ReadText(path, SmallFile.LargestData));
        if (prose.Sentences.Count < 10) throw new UsageException($"{path} has {prose.Sentences.Count} whole sentences of 20 to 120 characters; a task needs at least 10. Give a longer text with --text.");
        return prose;
    }

    /// <summary>Characters from a place that begins a word.</summary>
    /// <exception cref="UsageException">The text is shorter.</exception>
    public string Passage(Random random, int characters)
    {
        if (_text.Length <= characters) throw new UsageException($"The text has {_text.Length} characters and the task takes {characters} at a time; give a longer one with --text.");
        int from = random.Next(_text.Length - characters);
        while (from > 0 && !char.IsWhiteSpace(_text[from - 1])) from--;
        int to = from + characters;
        return char.IsLowSurrogate(_text[to]) ? _text[from..(to + 1)] : _text[from..to];
    }

    [GeneratedRegex(@"\n[ \t]*\n\s*")]
    private static partial Regex ParagraphEnds();

    [GeneratedRegex(@"\s+")]
    private static partial Regex Spaces();

    [GeneratedRegex(@"(?<=[.!?])\s+")]
    private static partial Regex SentenceEnds();
}
