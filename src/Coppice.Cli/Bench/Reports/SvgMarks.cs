using System.Globalization;
using System.Xml;

namespace Coppice.Cli.Bench.Reports;

/// <summary>What plots are made of.</summary>
internal static class SvgMarks
{
    /// <summary>Text and axes are dark or light as the reader's system asks. Every rule names the class, since a plot inside a page shares its rules with the page.</summary>
    public const string Style = ".coppice-plot{color:#1f2328}@media (prefers-color-scheme:dark){.coppice-plot{color:#e6edf3}}.coppice-plot text{fill:currentColor}"
        + ".coppice-plot .grid{stroke:currentColor;stroke-opacity:.15}.coppice-plot .axis{stroke:currentColor;stroke-opacity:.6;fill:none}";

    /// <summary>Mid-tones that stand out from light and dark.</summary>
    public static readonly string[] Colours = ["#2f7ed8", "#d9683a", "#35a06a", "#a96bc4", "#c9a227", "#3aa6b9", "#d2527f", "#8a8f98"];

    public static readonly string[] Dashes = ["", "6 3", "2 3", "8 3 2 3"];

    public static void Line(XmlWriter xml, double x1, double y1, double x2, double y2, string style)
    {
        xml.WriteStartElement("line");
        Attributes(xml, ("class", style), ("x1", Pixel(x1)), ("y1", Pixel(y1)), ("x2", Pixel(x2)), ("y2", Pixel(y2)));
        xml.WriteEndElement();
    }

    public static void Text(XmlWriter xml, double x, double y, string text, string anchor, string? fontSize = null)
    {
        xml.WriteStartElement("text");
        Attributes(xml, ("x", Pixel(x)), ("y", Pixel(y)), ("text-anchor", anchor), ("font-size", fontSize ?? ""));
        xml.WriteString(text);
        xml.WriteEndElement();
    }

    /// <summary>Those that are not empty.</summary>
    public static void Attributes(XmlWriter xml, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        foreach ((string name, string value) in attributes)
            if (value.Length > 0) xml.WriteAttributeString(name, value);
    }

    public static string Pixel(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
