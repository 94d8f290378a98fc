using System.Reflection;
using Coppice.Attention;
using Coppice.Models;

namespace Coppice.Conversion;

/// <summary>
/// Whether two configs are the same model, though they may say it in other words: RoPE's scaling by its kind or by divisors, windows by a list or
/// by a rule, norms' weights as they are or as a difference from 1, pairs of other rows.
/// </summary>
internal static class ConfigDifference
{
    // Numbers that GGUF rounds to 32 bits and the folder's config does not.
    private const double Tolerance = 1e-6;

    // Compared by what they mean, or made good by changing the weights.
    private static readonly string[] s_byMeaning =
    [
        nameof(ModelConfig.Family), nameof(ModelConfig.NormOffset), nameof(ModelConfig.Rope), nameof(ModelConfig.LocalRope), nameof(ModelConfig.AttentionScale),
        nameof(ModelConfig.AttentionSoftCap), nameof(ModelConfig.Window), nameof(ModelConfig.WindowedLayers), nameof(ModelConfig.LargestWindow),
    ];

    /// <param name="own">The folder's.</param>
    /// <param name="read">The file's.</param>
    /// <returns>What differs, for people; null: nothing.</returns>
    public static string? Find(ModelConfig own, ModelConfig read)
    {
        foreach (PropertyInfo property in typeof(ModelConfig).GetProperties())
            if (!s_byMeaning.Contains(property.Name) && !Equals(property.GetValue(own), property.GetValue(read)))
                return $"its {property.Name} is {property.GetValue(own)}, and a GGUF file of this family means {property.GetValue(read)}";
        for (int layer = 0; layer < own.Layers; layer++)
        {
            AttentionRule a = Rule(own, layer), b = Rule(read, layer);
            if (a.Window != b.Window) return $"layer {layer} {Sees(a)}, and in a GGUF file of this family it {Sees(b)}";
            if (a.SoftCap != b.SoftCap) return $"its scores are capped at {a.SoftCap}, and in a GGUF file of this family at {b.SoftCap} (0: not)";
            if (!Close(a.Scale, b.Scale)) return $"its scores are scaled by {a.Scale}, and in a GGUF file of this family by {b.Scale}";
            if (!Same(Rope(own, layer), Rope(read, layer), own.MaxContextTokens)) return $"RoPE's angles in layer {layer} cannot be told in a GGUF file of this family";
        }
        return null;
    }

    private static string Sees(AttentionRule rule) => rule.Window == 0 ? "sees everything" : $"sees {rule.Window} positions";

    // A window as long as the context is none.
    private static AttentionRule Rule(ModelConfig config, int layer) => config.Rule(layer) is var rule && rule.Window >= config.MaxContextTokens ? rule with { Window = 0 } : rule;

    private static RopeConfig Rope(ModelConfig config, int layer) => config.LocalRope is not null && config.IsWindowed(layer) ? config.LocalRope : config.Rope;

    // Some scalings depend on the context in use: below, at and beyond the original one.
    private static bool Same(RopeConfig own, RopeConfig read, int maxContext)
    {
        if (own.Dimensions != read.Dimensions || !Close(own.Scaling?.AttentionFactor ?? 1, read.Scaling?.AttentionFactor ?? 1)) return false;
        int original = own.Scaling?.OriginalContextTokens ?? 1;
        return new[] { Math.Max(1, original), original + 1, Math.Max(original + 1, maxContext) }.All(positions => RopeFrequencies.Of(own, positions).Zip(RopeFrequencies.Of(read, positions)).All(pair => Close(pair.First, pair.Second)));
    }

    private static bool Close(double a, double b) => Math.Abs(a - b) <= Tolerance * Math.Abs(a);
}
