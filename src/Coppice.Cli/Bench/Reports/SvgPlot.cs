using System.Globalization;
using System.Text;
using System.Xml;

namespace Coppice.Cli.Bench.Reports;

/// <summary>A line through points in order of x.</summary>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points);

/// <summary>
/// A plot of lines as SVG. Text and axes take the colour of the page around it, or else light or dark as the reader's system says; line
/// colours are mid-tones that stand out from both.
/// </summary>
internal sealed record SvgPlot(string Title, Axis X, Axis Y, IReadOnlyList<Series> Series)
{
    private const int Width = 760, Left = 70, Top = 44, PlotWidth = 470, PlotHeight = 300, LegendLine = 18;

    private static readonly string[] Colours = ["#2f7ed8", "#d9683a", "#35a06a", "#a96bc4", "#c9a227", "#3aa6b9", "#d2527f", "#8a8f98"];
    private static readonly string[] Dashes = ["", "6 3", "2 3", "8 3 2 3"];

    public string ToSvg()
    {
        int height = Math.Max(Top + PlotHeight + 56, Top + Series.Count * LegendLine + 20);
        var text = new StringBuilder();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
            Attributes(xml, ("viewBox", $"0 0 {Width} {height}"), ("width", $"{Width}"), ("height", $"{height}"), ("role", "img"), ("font-family", "system-ui, sans-serif"), ("font-size", "12"));
            xml.WriteElementString("title", Title);
            xml.WriteElementString("style", "svg{color:#1f2328} @media (prefers-color-scheme: dark){svg{color:#e6edf3}} text{fill:currentColor} .grid{stroke:currentColor;stroke-opacity:.15} .axis{stroke:currentColor;stroke-opacity:.6;fill:none}");
            Text(xml, Left, 24, Title, "start", "15");
            WriteAxes(xml);
            for (int i = 0; i < Series.Count; i++) WriteSeries(xml, i);
            xml.WriteEndElement();
        }
        return text.Append('\n').ToString();
    }

    private double XAt(double value) => Left + X.Share(value) * PlotWidth;

    private double YAt(double value) => Top + (1 - Y.Share(value)) * PlotHeight;

    private void WriteAxes(XmlWriter xml)
    {
        foreach ((double value, string label) in X.Ticks)
        {
            Line(xml, XAt(value), Top, XAt(value), Top + PlotHeight, "grid");
            Text(xml, XAt(value), Top + PlotHeight + 16, label, "middle");
        }
        foreach ((double value, string label) in Y.Ticks)
        {
            Line(xml, Left, YAt(value), Left + PlotWidth, YAt(value), "grid");
            Text(xml, Left - 6, YAt(value) + 4, label, "end");
        }
        xml.WriteStartElement("path");
        Attributes(xml, ("class", "axis"), ("d", $"M{Left} {Top}V{Top + PlotHeight}H{Left + PlotWidth}"));
        xml.WriteEndElement();
        Text(xml, Left + PlotWidth / 2.0, Top + PlotHeight + 38, X.Title, "middle");
        xml.WriteStartElement("text");
        Attributes(xml, ("transform", $"translate(18 {Top + PlotHeight / 2}) rotate(-90)"), ("text-anchor", "middle"));
        xml.WriteString(Y.Title);
        xml.WriteEndElement();
    }

    private void WriteSeries(XmlWriter xml, int index)
    {
        string colour = Colours[index % Colours.Length], dash = Dashes[index / Colours.Length % Dashes.Length];
        Series series = Series[index];
        xml.WriteStartElement("g");
        Attributes(xml, ("stroke", colour), ("fill", colour), ("stroke-width", "2"));
        xml.WriteElementString("title", series.Name);
        xml.WriteStartElement("polyline");
        Attributes(xml, ("fill", "none"), ("stroke-dasharray", dash), ("points", string.Join(' ', series.Points.Select(point => $"{Pixel(XAt(point.X))},{Pixel(YAt(point.Y))}"))));
        xml.WriteEndElement();
        foreach ((double x, double y) in series.Points)
        {
            xml.WriteStartElement("circle");
            Attributes(xml, ("cx", Pixel(XAt(x))), ("cy", Pixel(YAt(y))), ("r", "2.5"));
            xml.WriteEndElement();
        }
        double legendX = Left + PlotWidth + 18, legendY = Top + 8 + index * LegendLine;
        xml.WriteStartElement("line");
        Attributes(xml, ("x1", Pixel(legendX)), ("x2", Pixel(legendX + 22)), ("y1", Pixel(legendY)), ("y2", Pixel(legendY)), ("stroke-dasharray", dash));
        xml.WriteEndElement();
        xml.WriteEndElement();
        Text(xml, legendX + 28, legendY + 4, series.Name, "start");
    }

    private static void Line(XmlWriter xml, double x1, double y1, double x2, double y2, string style)
    {
        xml.WriteStartElement("line");
        Attributes(xml, ("class", style), ("x1", Pixel(x1)), ("y1", Pixel(y1)), ("x2", Pixel(x2)), ("y2", Pixel(y2)));
        xml.WriteEndElement();
    }

    private static void Text(XmlWriter xml, double x, double y, string text, string anchor, string? fontSize = null)
    {
        xml.WriteStartElement("text");
        Attributes(xml, ("x", Pixel(x)), ("y", Pixel(y)), ("text-anchor", anchor), ("font-size", fontSize ?? ""));
        xml.WriteString(text);
        xml.WriteEndElement();
    }

    private static void Attributes(XmlWriter xml, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        foreach ((string name, string value) in attributes)
            if (value.Length > 0) xml.WriteAttributeString(name, value);
    }

    private static string Pixel(double value) => value.ToString("0.#", CultureInfo.InvariantCulture);
}
