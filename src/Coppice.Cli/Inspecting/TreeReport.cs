using Coppice.Cli.BatchFiles;
using Coppice.Cli.Options;

namespace Coppice.Cli.Inspecting;

/// <summary>A prompt, how many samples continue it, and with whom it may share.</summary>
internal sealed record TreePrompt(int[] Tokens, int Rows, string? Salt);

/// <summary>What the prompts of a file share, and what that saves.</summary>
internal sealed class TreeReport
{
    private const int MostSiblings = 5, MostDepth = 24, TextCharacters = 44;

    private readonly IReadOnlyList<TreePrompt> _prompts;
    private readonly Func<int[], string> _decode;
    private readonly PromptTree _tree = new();
    private readonly Dictionary<PromptTree.Node, Sums> _sums = [];

    /// <param name="Rows">Samples that end at or below the node.</param>
    /// <param name="Tokens">Tokens of the node and of all below it.</param>
    private readonly record struct Sums(long Rows, long Tokens);

    /// <param name="prompts">In the file's order.</param>
    /// <param name="decode">Tokens to text, for display.</param>
    public TreeReport(IReadOnlyList<TreePrompt> prompts, Func<int[], string> decode)
    {
        _prompts = prompts;
        _decode = decode;
        for (int i = 0; i < prompts.Count; i++) _tree.Add(i, prompts[i].Tokens, prompts[i].Salt);
        foreach (PromptTree.Node root in _tree.Roots) Sum(root);
    }

    /// <summary>Draws the tree: each node's tokens, and the rows that read it together.</summary>
    public void Draw(TextWriter output)
    {
        output.WriteLine($"{Plural(_prompts.Count, "prompt")}, {Plural(Rows, "row")}, {Plural(Tokens, "token")}");
        for (int i = 0; i < _tree.Roots.Count; i++)
        {
            if (_tree.Roots.Count > 1) output.WriteLine($"cache_salt group {i + 1}");
            DrawChildren(output, _tree.Roots[i], "", 0);
        }
    }

    /// <summary>What the tree promises, as rows of label and value.</summary>
    /// <param name="tokenBytes">Bytes of keys and values of one token.</param>
    /// <param name="maxBatch">Rows decoded together.</param>
    public List<(string Label, string Value)> Predict(double tokenBytes, int maxBatch)
    {
        long computed = ComputedTokens();
        (double apart, double together) = TokensReadPerStep(maxBatch);
        return
        [
            ("prompt tokens", $"{RunSummary.Count(computed)} computed of {RunSummary.Count(Tokens)} ({RunSummary.Percent(computed, Tokens)}, {RunSummary.Ratio(Tokens, computed)})"),
            ("one decode step", $"{Plural(Math.Min(maxBatch, Rows), "row")} read {ByteSize.Format(together * tokenBytes)} of prompts instead of {ByteSize.Format(apart * tokenBytes)} ({RunSummary.Ratio(apart, together)})"),
        ];
    }

    /// <summary>Each node once, and the last token again of a prompt that is found whole: its logits are needed.</summary>
    internal long ComputedTokens() => _sums.Keys.Sum(node => (long)node.Tokens.Length + Math.Max(0, node.Ending.Count - 1));

    /// <summary>Prompt tokens whose keys and values a step reads, averaged over the batches that the rows fill in the tree's order.</summary>
    /// <returns>With every row reading its own history, and with every node read once.</returns>
    internal (double Apart, double Together) TokensReadPerStep(int maxBatch)
    {
        double apart = 0, together = 0;
        long batches = 0;
        int free = 0;
        TreePrompt? previous = null;   // of the row before in the same batch
        foreach (int prompt in _tree.Order())
        {
            TreePrompt at = _prompts[prompt];
            int left = at.Rows;
            while (left > 0)
            {
                if (free == 0)
                {
                    (free, previous) = (maxBatch, null);
                    batches++;
                }
                int taken = Math.Min(left, free);
                int common = previous is null || previous.Salt != at.Salt ? 0 : previous.Tokens.AsSpan().CommonPrefixLength(at.Tokens);
                apart += (double)taken * at.Tokens.Length;
                together += at.Tokens.Length - common;
                (left, free, previous) = (left - taken, free - taken, at);
            }
        }
        return batches == 0 ? (0, 0) : (apart / batches, together / batches);
    }

    private long Rows => _prompts.Sum(prompt => (long)prompt.Rows);

    private long Tokens => _prompts.Sum(prompt => (long)prompt.Tokens.Length);

    // Children before parents, without recursion: a chain of prompts that extend one another may be thousands deep.
    private void Sum(PromptTree.Node root)
    {
        List<PromptTree.Node> nodes = [root];
        for (int i = 0; i < nodes.Count; i++) nodes.AddRange(nodes[i].Children);
        for (int i = nodes.Count - 1; i >= 0; i--)
        {
            PromptTree.Node node = nodes[i];
            _sums[node] = new Sums(
                node.Ending.Sum(prompt => (long)_prompts[prompt].Rows) + node.Children.Sum(child => _sums[child].Rows),
                node.Tokens.Length + node.Children.Sum(child => _sums[child].Tokens));
        }
    }

    private void DrawChildren(TextWriter output, PromptTree.Node node, string indent, int depth)
    {
        // A single sibling too many is shown rather than counted.
        int shown = node.Children.Count <= MostSiblings + 1 ? node.Children.Count : MostSiblings;
        for (int i = 0; i < shown; i++)
        {
            PromptTree.Node child = node.Children[i];
            bool isLast = i == node.Children.Count - 1;
            output.WriteLine($"{indent}{(isLast ? "└─ " : "├─ ")}{Plural(child.Tokens.Length, "token")} x {Plural(_sums[child].Rows, "row")}{Ends(child)}  {Text(child)}");
            string deeper = indent + (isLast ? "   " : "│  ");
            if (depth < MostDepth) DrawChildren(output, child, deeper, depth + 1);
            else if (child.Children.Count > 0) output.WriteLine($"{deeper}└─ ... {Plural(_sums[child].Tokens - child.Tokens.Length, "token")} below");
        }
        if (shown == node.Children.Count) return;
        List<Sums> rest = [.. node.Children.Skip(shown).Select(child => _sums[child])];
        output.WriteLine($"{indent}└─ ... {rest.Count} more, {Plural(rest.Sum(s => s.Tokens), "token")}, {Plural(rest.Sum(s => s.Rows), "row")}");
    }

    private static string Ends(PromptTree.Node node) =>
        node.Children.Count > 0 && node.Ending.Count > 0 ? $", {Plural(node.Ending.Count, "prompt")} {(node.Ending.Count == 1 ? "ends" : "end")} here" : "";

    private string Text(PromptTree.Node node)
    {
        // Tokens of a few bytes at least: so many are enough for what is shown.
        string text = Printable(_decode(node.Tokens[..Math.Min(node.Tokens.Length, 4 * TextCharacters)].ToArray()));
        return text.Length <= TextCharacters ? $"\"{text}\"" : $"\"{text[..(TextCharacters - 3)]}...\"";
    }

    private static string Printable(string text) => string.Concat(text.Select(c => c switch
    {
        '\n' => "\\n",
        '\t' => "\\t",
        '"' => "'",
        _ => char.IsControl(c) || char.IsSurrogate(c) ? "." : c.ToString(),
    }));

    private static string Plural(long count, string what) => $"{RunSummary.Count(count)} {what}{(count == 1 ? "" : "s")}";
}
