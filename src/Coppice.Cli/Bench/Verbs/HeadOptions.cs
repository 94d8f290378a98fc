using System.Globalization;
using Coppice.Cli.Bench.Scenes;

namespace Coppice.Cli.Bench.Verbs;

/// <summary>The option for query heads, KV heads and head size: "32/8/64".</summary>
internal static class HeadOptions
{
    private const int MostHeads = 1_024, MostHeadSize = 256;

    public static Setting<Heads[]> Create(params Heads[] byDefault) => BenchOptions.Many("--heads", "H/Hkv/D", ',',
        $"such as 32/8/64: query heads, KV heads that divide them, and an even head size from 8 to {MostHeadSize}; commas between several", Parse, byDefault,
        $"Query heads, KV heads and head size. Default: {string.Join(',', byDefault.Select(h => $"{h.H}/{h.Hkv}/{h.D}"))}");

    private static Heads? Parse(string text)
    {
        string[] parts = text.Split('/');
        if (parts.Length != 3) return null;
        int[] numbers = new int[3];
        for (int i = 0; i < 3; i++)
            if (!int.TryParse(parts[i], NumberStyles.None, CultureInfo.InvariantCulture, out numbers[i])) return null;
        (int h, int hkv, int d) = (numbers[0], numbers[1], numbers[2]);
        return h is >= 1 and <= MostHeads && hkv >= 1 && h % hkv == 0 && d is >= 8 and <= MostHeadSize && d % 2 == 0 ? new Heads(h, hkv, d) : null;
    }
}

/// <summary>The formats of keys and values by the names that people type.</summary>
internal static class KvFormats
{
    public static IReadOnlyList<string> Names { get; } = ["f32", "bf16"];

    public static KvFormat Of(string name) => name == "bf16" ? KvFormat.BF16 : KvFormat.F32;
}
