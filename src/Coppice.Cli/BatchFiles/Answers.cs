namespace Coppice.Cli.BatchFiles;

/// <summary>Whether an answer is right, where the line knows.</summary>
internal static class Answers
{
    /// <summary>
    /// An answer is right if, without the white space around it, it begins with one of the expected texts and no letter or digit
    /// follows there: "042." is right for "042", "0421" is not.
    /// </summary>
    public static bool IsRight(string answer, IReadOnlyList<string> expected)
    {
        ReadOnlySpan<char> given = answer.AsSpan().Trim();
        foreach (string text in expected)
        {
            ReadOnlySpan<char> wanted = text.AsSpan().Trim();
            if (given.StartsWith(wanted, StringComparison.Ordinal) && (given.Length == wanted.Length || !char.IsLetterOrDigit(given[wanted.Length]))) return true;
        }
        return false;
    }
}
