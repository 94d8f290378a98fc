using System.Globalization;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>A tree of prefixes, level by level; the nodes of the last level are the sequences. "1,4,256/8,256,32": nodes / tokens of each.</summary>
internal sealed record TreeShape
{
    private const int MostNodes = 65_536, MostTokens = 1 << 20;

    private TreeShape(string text, int[] nodes, int[] tokens) => (Text, Nodes, Tokens) = (text, nodes, tokens);

    public string Text { get; }

    /// <summary>Nodes of each level.</summary>
    public IReadOnlyList<int> Nodes { get; }

    /// <summary>Tokens of each node of a level.</summary>
    public IReadOnlyList<int> Tokens { get; }

    /// <summary>B.</summary>
    public int Rows => Nodes[^1];

    /// <summary>Tokens of one sequence.</summary>
    public int Length => Tokens.Sum();

    /// <summary>Tokens of all nodes.</summary>
    public long UniqueTokens => Nodes.Zip(Tokens, (nodes, tokens) => (long)nodes * tokens).Sum();

    /// <summary>A prefix of <paramref name="prefix"/> tokens (0: none) and, for each row, <paramref name="suffix"/> of its own.</summary>
    public static TreeShape OneLevel(int rows, int prefix, int suffix) => prefix == 0
        ? new TreeShape($"{rows}/{suffix}", [rows], [suffix])
        : new TreeShape($"1,{rows}/{prefix},{suffix}", [1, rows], [prefix, suffix]);

    public static bool TryParse(string text, out TreeShape? shape)
    {
        shape = null;
        string[] parts = text.Split('/');
        if (parts.Length != 2 || !TryNumbers(parts[0], MostNodes, out int[] nodes) || !TryNumbers(parts[1], MostTokens, out int[] tokens)) return false;
        if (tokens.Length == 1) tokens = [.. Enumerable.Repeat(tokens[0], nodes.Length)];
        if (tokens.Length != nodes.Length || tokens.Sum(t => (long)t) > MostTokens) return false;
        for (int level = 1; level < nodes.Length; level++)
            if (nodes[level] % nodes[level - 1] != 0) return false;
        shape = new TreeShape(text, nodes, tokens);
        return true;
    }

    /// <summary>Null if the text is not a tree.</summary>
    public static TreeShape? Parse(string text) => TryParse(text, out TreeShape? shape) ? shape : null;

    private static bool TryNumbers(string text, int most, out int[] numbers)
    {
        string[] parts = text.Split(',');
        numbers = new int[parts.Length];
        for (int i = 0; i < parts.Length; i++)
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i]) || numbers[i] < 1 || numbers[i] > most) return false;
        return true;
    }
}
