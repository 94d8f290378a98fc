namespace Coppice.KvCache;

/// <summary>The pages of one sequence, in order. Places beyond the last page hold 0, the page that stands for none.</summary>
internal sealed class PageTable
{
    /// <param name="maxTokens">Longest the sequence can become.</param>
    public PageTable(int maxTokens) => Pages = new int[(maxTokens + KvLayout.BlockTokens - 1) / KvLayout.BlockTokens * KvLayout.PagesPerBlock];

    /// <summary>Whole blocks, so that a block's four places can always be read.</summary>
    public int[] Pages { get; }

    public int Count { get; private set; }

    public int this[int index] => Pages[index];

    public void Append(int page) => Pages[Count++] = page;

    public void Replace(int index, int page) => Pages[index] = page;

    public int RemoveLast()
    {
        int page = Pages[--Count];
        Pages[Count] = 0;
        return page;
    }
}
