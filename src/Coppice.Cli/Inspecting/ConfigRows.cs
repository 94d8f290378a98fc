using System.Globalization;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>A model's sizes and the choices of its family, as rows of label and value.</summary>
internal static class ConfigRows
{
    public static List<(string Label, string Value)> Of(ModelConfig c) =>
    [
        ("layers", $"{c.Layers} of width {c.HiddenSize}, feed-forward {c.FeedForwardSize}"),
        ("attention", $"{c.Heads} query heads over {c.KvHeads} key and value heads of {c.HeadSize}"),
        ("positions", $"RoPE, base {c.RopeBase.ToString("N0", CultureInfo.InvariantCulture)}, {c.RopePairing.ToString().ToLowerInvariant()}"),
        ("norm", $"RMSNorm, epsilon {c.NormEpsilon.ToString("0e0", CultureInfo.InvariantCulture)}"),
        ("output", c.TiedOutput ? "the embedding's weights" : "weights of its own"),
    ];
}
