using System.Globalization;
using System.Text.RegularExpressions;

namespace Coppice.Cli.Eval.Tasks;

/// <summary>The number that a worked solution ends with.</summary>
internal static partial class FinalNumber
{
    /// <summary>Reads it: the first number behind the last "####" or "The answer is", else the last number there is.</summary>
    public static bool TryRead(string solution, out decimal number)
    {
        int mark = Math.Max(End(solution, "####"), End(solution, "answer is"));
        Match match = mark >= 0 ? Number().Match(solution, mark) : Number().Matches(solution).LastOrDefault() ?? Match.Empty;
        if (mark >= 0 && !match.Success) match = Number().Matches(solution).LastOrDefault() ?? Match.Empty;
        return decimal.TryParse(match.Value.Replace(",", "", StringComparison.Ordinal), NumberStyles.AllowLeadingSign | NumberStyles.AllowDecimalPoint, CultureInfo.InvariantCulture, out number);
    }

    private static int End(string text, string mark)
    {
        int at = text.LastIndexOf(mark, StringComparison.OrdinalIgnoreCase);
        return at < 0 ? -1 : at + mark.Length;
    }

    // A minus sign is one only where no digit or letter stands before it: in 16-3 it is not.
    [GeneratedRegex(@"(?<![\w)])-?\d[\d,]*(?:\.\d+)?|(?<=[\w)])\d[\d,]*(?:\.\d+)?")]
    private static partial Regex Number();
}
