using System.Globalization;
using Coppice.Cli.BatchFiles;
using Coppice.Models;

namespace Coppice.Cli.Inspecting;

/// <summary>A model's sizes and the choices of its family, as rows of label and value.</summary>
internal static class ConfigRows
{
    public static List<(string Label, string Value)> Of(ModelConfig c)
    {
        List<(string, string)> rows =
        [
            ("layers", $"{c.Layers} of width {c.HiddenSize}, feed-forward {c.FeedForwardSize}{(c.ParallelResidual ? ", attention and feed-forward beside each other" : "")}"),
            ("attention", Join($"{c.Heads} query heads over {c.KvHeads} key and value heads of {c.HeadSize}", c.QueryKeyNorms ? "queries and keys normalised" : "", c.QkvBias ? "with biases" : "")),
            ("positions", Rope(c.Rope, c)),
        ];
        if (c.LocalRope is { } local) rows.Add(("positions, local", Rope(local, c)));
        if (c.Window > 0) rows.Add(("window", $"{RunSummary.Count(c.Window)} positions in {Windowed(c)} of {c.Layers} layers"));
        if (c.AttentionSoftCap > 0 || c.LogitSoftCap > 0) rows.Add(("soft caps", Join(Cap("scores", c.AttentionSoftCap), Cap("logits", c.LogitSoftCap))));
        if (c.Experts is { } experts) rows.Add(("experts", $"{experts.Count} in a layer, {experts.PerToken} for each token"));
        rows.Add(("norm", $"{(c.Norm == NormKind.Layer ? "LayerNorm" : "RMSNorm")}, epsilon {c.NormEpsilon.ToString("0e0", CultureInfo.InvariantCulture)}"));
        rows.Add(("output", c.TiedOutput ? "the embedding's weights" : "weights of its own"));
        return rows;
    }

    public static int Windowed(ModelConfig c) => Enumerable.Range(0, c.Layers).Count(c.IsWindowed);

    private static string Rope(RopeConfig rope, ModelConfig c) => Join(
        $"RoPE, base {rope.Base.ToString("N0", CultureInfo.InvariantCulture)}, {rope.Pairing.ToString().ToLowerInvariant()}",
        rope.Dimensions < c.HeadSize ? $"{rope.Dimensions} of {c.HeadSize} elements" : "",
        rope.Scaling is { } scaling ? Scaling(scaling) : "");

    private static string Scaling(RopeScaling scaling) => $"{scaling.Kind.ToString().ToLowerInvariant()} scaling"
        + (scaling.Factor != 1 ? $" by {scaling.Factor.ToString("0.###", CultureInfo.InvariantCulture)}" : "")
        + (scaling.OriginalContextTokens > 0 ? $" from {RunSummary.Count(scaling.OriginalContextTokens)} tokens" : "");

    private static string Cap(string what, float cap) => cap > 0 ? $"{what} at {cap.ToString(CultureInfo.InvariantCulture)}" : "";

    private static string Join(params IEnumerable<string> parts) => string.Join(", ", parts.Where(part => part.Length > 0));
}
