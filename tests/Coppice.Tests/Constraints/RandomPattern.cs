using System.Text.RegularExpressions;

namespace Coppice.Tests.Constraints;

/// <summary>Random regular expressions of all that is understood, and .NET's engine to judge by.</summary>
internal static class RandomPattern
{
    /// <summary>ECMAScript's meaning: .NET's own classes are written out, and $ is the very end.</summary>
    public static Regex Oracle(string pattern) => new(
        pattern.Replace(@"\d", "[0-9]").Replace(@"\w", "[a-zA-Z0-9_]").Replace(@"\b", @"(?:(?<![a-zA-Z0-9_])(?=[a-zA-Z0-9_])|(?<=[a-zA-Z0-9_])(?![a-zA-Z0-9_]))")
            .Replace(@"\B", @"(?:(?<![a-zA-Z0-9_])(?![a-zA-Z0-9_])|(?<=[a-zA-Z0-9_])(?=[a-zA-Z0-9_]))").Replace("$", @"\z").Replace(".", @"[^\n\r\u2028\u2029]"),
        RegexOptions.CultureInvariant, TimeSpan.FromSeconds(10));

    public static string Make(Random random, int depth) => random.Next(depth > 0 ? 16 : 6) switch
    {
        0 => "a",
        1 => "[b-dé]",
        2 => @"\d",
        3 => "[^a1]",
        4 => random.Next(2) == 0 ? "." : @"\w",
        5 => new[] { "^", "$", @"\b", @"\B" }[random.Next(4)],
        6 or 7 => $"(?:{Make(random, depth - 1)}|{Make(random, depth - 1)})",
        8 or 9 or 10 => Make(random, depth - 1) + Make(random, depth - 1),
        11 or 12 => $"(?:{Make(random, depth - 1)}){"*+?"[random.Next(3)]}",
        13 => $"(?:{Make(random, depth - 1)}){{{random.Next(2)},{1 + random.Next(3)}}}{(random.Next(2) == 0 ? "?" : "")}",
        14 => $"(?{"=!"[random.Next(2)]}{Make(random, depth - 1)})",
        _ => $"(?<{"=!"[random.Next(2)]}{new[] { "a", "^a", "[b-d]+", "^" }[random.Next(4)]})",
    };

    public static string Text(Random random, string letters) => new([.. Enumerable.Range(0, random.Next(6)).Select(_ => letters[random.Next(letters.Length)])]);
}
