namespace Coppice.Cli;

/// <summary>Suggests the name that was probably meant by an unknown one.</summary>
internal static class Suggestion
{
    /// <summary>The nearest of the names there are: one that the typed one begins, or that is a slip or two away. Null if none is near.</summary>
    public static string? For(string typed, IEnumerable<string> names)
    {
        int mostSlips = typed.TrimStart('-').Length <= 4 ? 1 : 2;
        return names
            .Select(name => (Name: name, Slips: Slips(typed, name), Begins: typed.TrimStart('-').Length > 1 && name.StartsWith(typed, StringComparison.OrdinalIgnoreCase)))
            .Where(one => one.Begins || one.Slips <= mostSlips)
            .OrderBy(one => one.Begins ? 0 : one.Slips).ThenBy(one => one.Name, StringComparer.Ordinal)
            .FirstOrDefault().Name;
    }

    /// <summary>Letters left out, put in, changed, or exchanged with their neighbour (optimal string alignment distance).</summary>
    internal static int Slips(string a, string b)
    {
        int[,] slips = new int[a.Length + 1, b.Length + 1];     // between the first i letters of a and the first j of b
        for (int i = 0; i <= a.Length; i++)
        {
            for (int j = 0; j <= b.Length; j++)
            {
                if (i == 0 || j == 0)
                {
                    slips[i, j] = i + j;
                    continue;
                }
                int changed = char.ToLowerInvariant(a[i - 1]) == char.ToLowerInvariant(b[j - 1]) ? 0 : 1;
                slips[i, j] = Math.Min(Math.Min(slips[i - 1, j], slips[i, j - 1]) + 1, slips[i - 1, j - 1] + changed);
                if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) slips[i, j] = Math.Min(slips[i, j], slips[i - 2, j - 2] + 1);
            }
        }
        return slips[a.Length, b.Length];
    }
}
