using System.Xml.Linq;
using Coppice.Cli.Bench.Reports;

namespace Coppice.Tests.Bench;

public sealed class SvgPlotTests
{
    private static readonly XNamespace Svg = "http://www.w3.org/2000/svg";

    [Fact]
    public void A_plot_is_well_formed_and_has_every_series_in_lines_and_legend()
    {
        Series[] series = [.. Enumerable.Range(0, 11).Select(i => new Series($"a < b & \"c\" {i}", [(1, i + 1), (4, i + 2), (16, i + 3)]))];
        XElement plot = XElement.Parse(new SvgPlot("Title <&>", Axis.Log("x", [1, 16]), Axis.Linear("y", [0, 13]), series).ToSvg());
        Assert.Equal(Svg + "svg", plot.Name);
        string[] texts = [.. plot.Elements(Svg + "text").Select(text => text.Value)];
        Assert.Contains("Title <&>", texts);
        foreach (Series line in series) Assert.Contains(line.Name, texts);
        Assert.Equal(11, plot.Descendants(Svg + "polyline").Count());
        Assert.All(plot.Descendants(Svg + "polyline"), line => Assert.Equal(3, line.Attribute("points")!.Value.Split(' ').Length));
        // No two series look alike.
        Assert.Equal(11, plot.Elements(Svg + "g").Select(g => (g.Attribute("stroke")!.Value, g.Element(Svg + "polyline")!.Attribute("stroke-dasharray")?.Value)).Distinct().Count());
    }

    [Fact]
    public void Groups_share_a_colour_and_kinds_a_pattern()
    {
        Series[] series = [.. from size in new[] { "B=1", "B=2" } from mode in new[] { "tree", "auto" } select new Series($"{mode} {size}", [(1, 1)], size, mode)];
        XElement[] groups = [.. XElement.Parse(new SvgPlot("t", Axis.Linear("x", [1]), Axis.Linear("y", [1]), series).ToSvg()).Elements(Svg + "g")];
        string[] colours = [.. groups.Select(g => g.Attribute("stroke")!.Value)];
        string?[] dashes = [.. groups.Select(g => g.Element(Svg + "polyline")!.Attribute("stroke-dasharray")?.Value)];
        Assert.True(colours[0] == colours[1] && colours[2] == colours[3] && colours[0] != colours[2]);
        Assert.True(dashes[0] == dashes[2] && dashes[1] == dashes[3] && dashes[0] != dashes[1]);
    }

    [Fact]
    public void An_axis_is_logarithmic_only_where_values_differ_widely()
    {
        Assert.Equal(0, Axis.Fitting("y", [1, 2, 5]).Ticks[0].Value);
        Assert.Equal(1, Axis.Fitting("y", [1, 2, 50]).Ticks[0].Value);
    }

    [Fact]
    public void A_plot_reads_in_light_and_dark()
    {
        string plot = new SvgPlot("t", Axis.Linear("x", [1]), Axis.Linear("y", [1]), [new Series("s", [(0, 0), (1, 1)])]).ToSvg();
        Assert.Contains("prefers-color-scheme:dark", plot, StringComparison.Ordinal);
        Assert.Contains("currentColor", plot, StringComparison.Ordinal);
    }

    [Fact]
    public void Equal_ratios_are_equal_distances_on_a_log_axis()
    {
        Axis axis = Axis.Log("x", [3, 100]);
        Assert.Equal(0, axis.Share(2));
        Assert.Equal(1, axis.Share(128));
        Assert.Equal(axis.Share(16) - axis.Share(8), axis.Share(64) - axis.Share(32), 12);
        Assert.Equal(["2", "4", "8", "16", "32", "64", "128"], axis.Ticks.Select(tick => tick.Label));
    }

    [Theory]
    [InlineData(0, 1)]
    [InlineData(0.7, 0.7)]
    [InlineData(93, 100)]
    [InlineData(12, 12.5)]
    public void A_linear_axis_goes_from_zero_to_a_round_number(double max, double end)
    {
        Axis axis = Axis.Linear("y", [max]);
        Assert.Equal(0, axis.Ticks[0].Value);
        Assert.Equal(end, axis.Ticks[^1].Value, 9);
        Assert.InRange(axis.Ticks.Count, 3, 12);
    }

    [Fact]
    public void A_wide_log_axis_has_few_ticks() => Assert.InRange(Axis.Log("x", [1e-9, 1e12]).Ticks.Count, 5, 12);

    [Fact]
    public void Axes_of_nothing_can_be_drawn()
    {
        XElement plot = XElement.Parse(new SvgPlot("t", Axis.Log("x", []), Axis.Log("y", []), []).ToSvg());
        Assert.Empty(plot.Descendants(Svg + "polyline"));
    }
}
