namespace Coppice.KvCache;

/// <summary>The pages of one sequence, in order. Places beyond the last page, and places [0, Trimmed) that the sequence let go of, hold 0, the page that stands for none.</summary>
internal sealed class PageTable
{
    /// <param name="maxTokens">Longest the sequence can become.</param>
    public PageTable(int maxTokens) => Pages = new int[(maxTokens + KvLayout.BlockTokens - 1) / KvLayout.BlockTokens * KvLayout.PagesPerBlock];

    /// <summary>Whole blocks, so that a block's four places can always be read.</summary>
    public int[] Pages { get; }

    /// <summary>Places in use, the trimmed ones among them.</summary>
    public int Count { get; private set; }

    /// <summary>Places before the sequence's window, whose pages it holds no more.</summary>
    public int Trimmed { get; private set; }

    public int this[int index] => Pages[index];

    public void Append(int page) => Pages[Count++] = page;

    public void Replace(int index, int page) => Pages[index] = page;

    /// <summary>Takes out the first page; its place stays.</summary>
    public int TrimFirst()
    {
        int page = Pages[Trimmed];
        Pages[Trimmed++] = 0;
        return page;
    }

    /// <summary>An empty table begins with places whose pages are not needed.</summary>
    public void Skip(int places) => Count = Trimmed = places;

    /// <summary>Takes out the last page; the table has one that is not trimmed.</summary>
    public int RemoveLast()
    {
        int page = Pages[--Count];
        Pages[Count] = 0;
        return page;
    }

    /// <summary>Forgets the trimmed places, when no other is left.</summary>
    public void Clear() => Count = Trimmed = 0;
}
