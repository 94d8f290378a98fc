using System.Collections.Concurrent;
using System.Globalization;
using System.IO.Compression;
using System.Text;

namespace Coppice.Constraints;

/// <summary>The sets of \p{...}: general categories, scripts and binary properties, by the names that ECMAScript knows.</summary>
internal static class UnicodeClasses
{
    // By UnicodeCategory: short and long names (PropertyValueAliases.txt).
    private static readonly string[] s_categories =
    [
        "Lu Uppercase_Letter", "Ll Lowercase_Letter", "Lt Titlecase_Letter", "Lm Modifier_Letter", "Lo Other_Letter", "Mn Nonspacing_Mark", "Mc Spacing_Mark", "Me Enclosing_Mark",
        "Nd Decimal_Number digit", "Nl Letter_Number", "No Other_Number", "Zs Space_Separator", "Zl Line_Separator", "Zp Paragraph_Separator", "Cc Control cntrl", "Cf Format",
        "Cs Surrogate", "Co Private_Use", "Pc Connector_Punctuation", "Pd Dash_Punctuation", "Ps Open_Punctuation", "Pe Close_Punctuation", "Pi Initial_Punctuation",
        "Pf Final_Punctuation", "Po Other_Punctuation", "Sm Math_Symbol", "Sc Currency_Symbol", "Sk Modifier_Symbol", "So Other_Symbol", "Cn Unassigned",
    ];

    private static readonly (string Names, string Of)[] s_groups =
    [
        ("LC Cased_Letter", "Lu Ll Lt"), ("L Letter", "Lu Ll Lt Lm Lo"), ("M Mark Combining_Mark", "Mn Mc Me"), ("N Number", "Nd Nl No"), ("Z Separator", "Zs Zl Zp"),
        ("C Other", "Cc Cf Cs Co Cn"), ("P Punctuation punct", "Pc Pd Ps Pe Pi Pf Po"), ("S Symbol", "Sm Sc Sk So"),
    ];

    private static readonly Lazy<Dictionary<string, CharSet>> s_ofCategory = new(Categories);
    private static readonly Lazy<Dictionary<string, string>> s_steps = new(Steps);
    private static readonly ConcurrentDictionary<string, CharSet> s_found = new(StringComparer.Ordinal);

    /// <summary>The code points of a property; null if it is unknown.</summary>
    /// <param name="property">What stands in the braces: L, Letter, gc=L, Script=Greek, sc=Grek, Alphabetic.</param>
    public static CharSet? Find(string property)
    {
        (string name, string? value) = property.Split('=') is [string before, string after] ? (before, after) : (property, null);
        switch (name)
        {
            case "gc" or "General_Category" when value is not null:
                return s_ofCategory.Value.GetValueOrDefault(value);
            case "sc" or "Script" when value is not null:
                return OfSteps("Script " + value);
            case "Any" when value is null:
                return CharSet.All;
            case "ASCII" when value is null:
                return CharSet.Of((0, 0x7F));
            case "Assigned" when value is null:
                return s_ofCategory.Value["Cn"].Complement();
            default:
                return value is not null ? null : s_ofCategory.Value.GetValueOrDefault(name) ?? OfSteps("Binary " + name);
        }
    }

    private static Dictionary<string, CharSet> Categories()
    {
        List<(int, int)>[] ranges = [.. s_categories.Select(_ => new List<(int, int)>())];
        for (int from = 0, to; from <= CharSet.Last; from = to)
        {
            UnicodeCategory category = CharUnicodeInfo.GetUnicodeCategory(from);
            to = from + 1;
            while (to <= CharSet.Last && CharUnicodeInfo.GetUnicodeCategory(to) == category) to++;
            ranges[(int)category].Add((from, to - 1));
        }
        Dictionary<string, CharSet> sets = new(StringComparer.Ordinal);
        for (int i = 0; i < ranges.Length; i++)
            foreach (string name in s_categories[i].Split(' ')) sets[name] = CharSet.Of([.. ranges[i]]);
        foreach ((string names, string of) in s_groups)
        {
            CharSet union = CharSet.Union(of.Split(' ').Select(part => sets[part]));
            foreach (string name in names.Split(' ')) sets[name] = union;
        }
        return sets;
    }

    private static CharSet? OfSteps(string key)
    {
        if (!s_steps.Value.TryGetValue(key, out string? steps)) return null;
        return s_found.GetOrAdd(key, _ =>
        {
            List<(int, int)> ranges = [];
            int at = 0, from = -1;
            foreach (string step in steps.Split(' '))
            {
                at += int.Parse(step, NumberStyles.AllowHexSpecifier, CultureInfo.InvariantCulture);
                if (from >= 0) ranges.Add((from, at - 1));
                from = from >= 0 ? -1 : at;
            }
            return CharSet.Of([.. ranges]);
        });
    }

    /// <summary>By "Script name" and "Binary name": where code points that have the property begin and end.</summary>
    private static Dictionary<string, string> Steps()
    {
        using DeflateStream packed = new(new MemoryStream(Convert.FromBase64String(UnicodeProperties.Data)), CompressionMode.Decompress);
        using StreamReader reader = new(packed, Encoding.ASCII);
        Dictionary<string, string> steps = new(StringComparer.Ordinal);
        while (reader.ReadLine() is string line)
        {
            string[] halves = line.Split('='), names = halves[0].Split(' ');
            foreach (string name in names.AsSpan(1)) steps[$"{names[0]} {name}"] = halves[1];
        }
        return steps;
    }
}
