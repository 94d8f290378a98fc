using System.Text;
using System.Xml;
using static Coppice.Cli.Bench.Reports.SvgMarks;

namespace Coppice.Cli.Bench.Reports;

/// <summary>Points with a line through them and a standard error each way.</summary>
internal sealed record PanelSeries(string Name, IReadOnlyList<(double X, double Y, double Error)> Points);

/// <summary>One plot among several.</summary>
/// <param name="Title">Above it.</param>
/// <param name="Y">Its own axis.</param>
/// <param name="Level">A line all the way across: what the points are compared with.</param>
/// <param name="Series">The same ones, in the same order, in every panel; one may be without points.</param>
internal sealed record SvgPanel(string Title, Axis Y, double Level, IReadOnlyList<PanelSeries> Series);

/// <summary>Plots side by side, two to a row, with one x axis and one legend for all. Series differ by colour and by mark.</summary>
internal sealed record SvgPanels(string Title, Axis X, IReadOnlyList<SvgPanel> Panels, string LevelName)
{
    private const int Columns = 2, Left = 62, Top = 66, PlotWidth = 320, PlotHeight = 210, ColumnWidth = Left + PlotWidth + 18, RowHeight = PlotHeight + 86, Legend = 40, LegendMark = 46;

    // Paths around 0, 0: circle, diamond, square, triangle, cross.
    private static readonly string[] s_marks = ["M-4 0a4 4 0 1 0 8 0a4 4 0 1 0 -8 0Z", "M0 -5L5 0L0 5L-5 0Z", "M-3.5 -3.5H3.5V3.5H-3.5Z", "M0 -5L4.5 3.5H-4.5Z", "M-4 -2L-2 -4L0 -2L2 -4L4 -2L2 0L4 2L2 4L0 2L-2 4L-4 2L-2 0Z"];

    public string ToSvg()
    {
        int columns = Math.Min(Columns, Panels.Count), rows = (Panels.Count + columns - 1) / columns;
        int width = Math.Max(columns * ColumnWidth + 10, 640), height = Top - 20 + rows * RowHeight + Legend;
        var text = new StringBuilder();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
            Attributes(xml, ("viewBox", $"0 0 {width} {height}"), ("width", $"{width}"), ("height", $"{height}"), ("role", "img"), ("class", "coppice-plot"), ("font-family", "system-ui, sans-serif"), ("font-size", "12"));
            xml.WriteElementString("title", Title);
            xml.WriteElementString("style", Style);
            Text(xml, 14, 24, Title, "start", "15");
            for (int i = 0; i < Panels.Count; i++)
            {
                xml.WriteStartElement("g");
                Attributes(xml, ("transform", $"translate({i % columns * ColumnWidth + Left} {Top + i / columns * RowHeight})"));
                WritePanel(xml, Panels[i]);
                xml.WriteEndElement();
            }
            if (Panels.Count > 0) WriteLegend(xml, height - Legend + 16, width);
            xml.WriteEndElement();
        }
        return text.Append('\n').ToString();
    }

    private void WritePanel(XmlWriter xml, SvgPanel panel)
    {
        foreach ((double value, string label) in X.Ticks)
        {
            Line(xml, XAt(value), 0, XAt(value), PlotHeight, "grid");
            Text(xml, XAt(value), PlotHeight + 16, label, "middle");
        }
        foreach ((double value, string label) in panel.Y.Ticks)
        {
            Line(xml, 0, YAt(panel, value), PlotWidth, YAt(panel, value), "grid");
            Text(xml, -6, YAt(panel, value) + 4, label, "end");
        }
        xml.WriteStartElement("path");
        Attributes(xml, ("class", "axis"), ("d", $"M0 0V{PlotHeight}H{PlotWidth}"));
        xml.WriteEndElement();
        Text(xml, 0, -10, panel.Title, "start", "13");
        Text(xml, PlotWidth / 2.0, PlotHeight + 36, X.Title, "middle");
        xml.WriteStartElement("text");
        Attributes(xml, ("transform", $"translate(-44 {PlotHeight / 2}) rotate(-90)"), ("text-anchor", "middle"));
        xml.WriteString(panel.Y.Title);
        xml.WriteEndElement();
        WriteLevel(xml, 0, PlotWidth, YAt(panel, panel.Level));
        for (int i = 0; i < panel.Series.Count; i++) WriteSeries(xml, panel, i);
    }

    private void WriteSeries(XmlWriter xml, SvgPanel panel, int index)
    {
        PanelSeries series = panel.Series[index];
        if (series.Points.Count == 0) return;
        BeginSeries(xml, index);
        xml.WriteElementString("title", series.Name);
        xml.WriteStartElement("polyline");
        Attributes(xml, ("fill", "none"), ("points", string.Join(' ', series.Points.Select(point => $"{Pixel(XAt(point.X))},{Pixel(YAt(panel, point.Y))}"))));
        xml.WriteEndElement();
        foreach ((double x, double y, double error) in series.Points)
        {
            xml.WriteStartElement("path");
            Attributes(xml, ("stroke-width", "1.2"), ("d", $"M{Pixel(XAt(x))} {Pixel(YAt(panel, y - error))}V{Pixel(YAt(panel, y + error))}"));
            xml.WriteEndElement();
            WriteMark(xml, index, XAt(x), YAt(panel, y));
        }
        xml.WriteEndElement();
    }

    private void WriteLegend(XmlWriter xml, int y, int width)
    {
        // Text has no width here: what is left is divided by the number of letters.
        IReadOnlyList<PanelSeries> series = Panels[0].Series;
        int letters = LevelName.Length + series.Sum(one => one.Name.Length);
        double letter = (double)(width - 14 - LegendMark * (series.Count + 1)) / letters, x = 14;
        WriteLevel(xml, x, x + 22, y);
        Text(xml, x + 28, y + 4, LevelName, "start");
        x += LegendMark + LevelName.Length * letter;
        for (int i = 0; i < series.Count; i++)
        {
            BeginSeries(xml, i);
            xml.WriteStartElement("path");
            Attributes(xml, ("d", $"M{Pixel(x)} {y}h22"));
            xml.WriteEndElement();
            WriteMark(xml, i, x + 11, y);
            xml.WriteEndElement();
            Text(xml, x + 28, y + 4, series[i].Name, "start");
            x += LegendMark + series[i].Name.Length * letter;
        }
    }

    private static void BeginSeries(XmlWriter xml, int index)
    {
        string colour = Colours[index % Colours.Length];
        xml.WriteStartElement("g");
        Attributes(xml, ("stroke", colour), ("fill", colour), ("stroke-width", "2"));
    }

    private static void WriteLevel(XmlWriter xml, double from, double to, double y)
    {
        xml.WriteStartElement("path");
        Attributes(xml, ("class", "axis"), ("stroke-width", "1.5"), ("stroke-dasharray", Dashes[1]), ("d", $"M{Pixel(from)} {Pixel(y)}H{Pixel(to)}"));
        xml.WriteEndElement();
    }

    private static void WriteMark(XmlWriter xml, int index, double x, double y)
    {
        xml.WriteStartElement("path");
        Attributes(xml, ("stroke", "none"), ("transform", $"translate({Pixel(x)} {Pixel(y)})"), ("d", s_marks[index % s_marks.Length]));
        xml.WriteEndElement();
    }

    private double XAt(double value) => X.Share(value) * PlotWidth;

    private static double YAt(SvgPanel panel, double value) => (1 - panel.Y.Share(value)) * PlotHeight;
}
