using System.Text;
using System.Xml;
using static Coppice.Cli.Bench.Reports.SvgMarks;

namespace Coppice.Cli.Bench.Reports;

/// <summary>A line through points in order of x.</summary>
/// <param name="Name">In the legend.</param>
/// <param name="Points">Any number.</param>
/// <param name="Group">Lines of a group have one colour. Null: one of its own.</param>
/// <param name="Kind">Lines of a kind have one pattern of dashes. Null: the first for the first eight lines, then the next.</param>
internal sealed record Series(string Name, IReadOnlyList<(double X, double Y)> Points, string? Group = null, string? Kind = null);

/// <summary>
/// A plot of lines as SVG. Text and axes are dark or light as the reader's system asks; line colours are mid-tones that stand out from both.
/// </summary>
internal sealed record SvgPlot(string Title, Axis X, Axis Y, IReadOnlyList<Series> Series)
{
    private const int Width = 760, Left = 70, Top = 44, PlotWidth = 470, PlotHeight = 300, LegendLine = 18;

    public string ToSvg()
    {
        int height = Math.Max(Top + PlotHeight + 56, Top + Series.Count * LegendLine + 20);
        var text = new StringBuilder();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
            Attributes(xml, ("viewBox", $"0 0 {Width} {height}"), ("width", $"{Width}"), ("height", $"{height}"), ("role", "img"), ("class", "coppice-plot"), ("font-family", "system-ui, sans-serif"), ("font-size", "12"));
            xml.WriteElementString("title", Title);
            xml.WriteElementString("style", Style);
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
        Series series = Series[index];
        string colour = Colours[Place(index, s => s.Group ?? s.Name) % Colours.Length];
        string dash = Dashes[(series.Kind is null ? index / Colours.Length : Place(index, s => s.Kind ?? "")) % Dashes.Length];
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

    /// <summary>How many different names come before that of a series.</summary>
    private int Place(int index, Func<Series, string> name) => Series.Select(name).Distinct().TakeWhile(other => other != name(Series[index])).Count();
}
