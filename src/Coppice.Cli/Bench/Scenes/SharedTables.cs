using Coppice.KvCache;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>
/// The page tables of the sequences of a tree, shared as the engine shares them: a page is shared by those who have all of its tokens
/// in common; one in which they branch is copied for each.
/// </summary>
internal sealed class SharedTables
{
    /// <param name="shape">The tree.</param>
    /// <param name="moreTokens">Room for so many tokens behind every sequence.</param>
    public SharedTables(TreeShape shape, int moreTokens = 0)
    {
        int length = shape.Length, pages = KvLayout.PagesFor(length + moreTokens);
        Tables = new PageTable[shape.Rows];
        int[][] nodePages = [.. shape.Nodes.Select(nodes => new int[nodes])];
        for (int row = 0; row < Tables.Length; row++) Tables[row] = new PageTable(length + moreTokens);
        int next = 1;
        for (int page = 0; page < pages; page++)
        {
            int level = LevelOf(shape, Math.Min((page + 1) * KvLayout.PageTokens, length + moreTokens) - 1);
            int[] ofNode = nodePages[level];
            for (int node = 0; node < ofNode.Length; node++) ofNode[node] = next++;
            for (int row = 0; row < Tables.Length; row++) Tables[row].Append(ofNode[row / (shape.Rows / ofNode.Length)]);
        }
        Pages = next;
    }

    /// <summary>Of every sequence, in the tree's order.</summary>
    public PageTable[] Tables { get; }

    /// <summary>Page 0 included.</summary>
    public int Pages { get; }

    // The level that holds a position; what comes behind the tree belongs to its last level.
    private static int LevelOf(TreeShape shape, int position)
    {
        int level = 0;
        for (int end = shape.Tokens[0]; position >= end && level < shape.Tokens.Count - 1; end += shape.Tokens[level]) level++;
        return level;
    }
}
