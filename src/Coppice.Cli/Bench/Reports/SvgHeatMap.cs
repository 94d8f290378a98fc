using System.Globalization;
using System.Text;
using System.Xml;

namespace Coppice.Cli.Bench.Reports;

/// <summary>Shares from 0 to 1 over two named axes as SVG: cells from a warm to a cool colour with their value written in them, legible on light and dark.</summary>
/// <param name="Title">Above the map.</param>
/// <param name="XTitle">Of the columns.</param>
/// <param name="Columns">Names, left to right.</param>
/// <param name="YTitle">Of the rows.</param>
/// <param name="Rows">Names, top to bottom.</param>
/// <param name="Value">By column and row; NaN leaves a cell empty.</param>
internal sealed record SvgHeatMap(string Title, string XTitle, IReadOnlyList<string> Columns, string YTitle, IReadOnlyList<string> Rows, Func<int, int, double> Value)
{
    private const int Left = 90, Top = 44, Cell = 44, CellHeight = 30;

    private const string Style = ".coppice-map{color:#1f2328}@media (prefers-color-scheme:dark){.coppice-map{color:#e6edf3}}.coppice-map text{fill:currentColor}.coppice-map text.cell{fill:#fff}";

    public string ToSvg()
    {
        int width = Math.Max(Left + Columns.Count * Cell + 24, 320), height = Top + Rows.Count * CellHeight + 56;
        var text = new StringBuilder();
        using (XmlWriter xml = XmlWriter.Create(text, new XmlWriterSettings { Indent = true, OmitXmlDeclaration = true, NewLineChars = "\n" }))
        {
            xml.WriteStartElement("svg", "http://www.w3.org/2000/svg");
            Attributes(xml, ("viewBox", $"0 0 {width} {height}"), ("width", $"{width}"), ("height", $"{height}"), ("role", "img"), ("class", "coppice-map"), ("font-family", "system-ui, sans-serif"), ("font-size", "12"));
            xml.WriteElementString("title", Title);
            xml.WriteElementString("style", Style);
            Text(xml, 12, 24, Title, "start", ("font-size", "15"));
            for (int row = 0; row < Rows.Count; row++)
            {
                Text(xml, Left - 6, MiddleOf(row), Rows[row], "end");
                for (int column = 0; column < Columns.Count; column++) WriteCell(xml, column, row);
            }
            for (int column = 0; column < Columns.Count; column++) Text(xml, Left + column * Cell + Cell / 2, Top + Rows.Count * CellHeight + 16, Columns[column], "middle");
            Text(xml, Left + Columns.Count * Cell / 2, Top + Rows.Count * CellHeight + 38, XTitle, "middle");
            int middle = Top + Rows.Count * CellHeight / 2;
            Text(xml, 18, middle, YTitle, "middle", ("transform", $"rotate(-90 18 {middle})"));
            xml.WriteEndElement();
        }
        return text.Append('\n').ToString();
    }

    private void WriteCell(XmlWriter xml, int column, int row)
    {
        double value = Value(column, row);
        if (!double.IsFinite(value)) return;
        int x = Left + column * Cell, y = Top + row * CellHeight;
        xml.WriteStartElement("rect");
        Attributes(xml, ("x", $"{x}"), ("y", $"{y}"), ("width", $"{Cell - 1}"), ("height", $"{CellHeight - 1}"), ("fill", Colour(value)));
        xml.WriteElementString("title", $"{XTitle} {Columns[column]}, {YTitle} {Rows[row]}: {Number(value)}");
        xml.WriteEndElement();
        Text(xml, x + Cell / 2, MiddleOf(row), Number(value), "middle", ("class", "cell"));
    }

    // From orange over grey to blue, all dark enough for white figures; the figures say the same without colour.
    private static string Colour(double value)
    {
        double share = Math.Clamp(value, 0, 1);
        (int R, int G, int B) low = (176, 74, 34), middle = (110, 110, 118), high = (30, 100, 175);
        ((int R, int G, int B) from, (int R, int G, int B) to, double at) = share < 0.5 ? (low, middle, share * 2) : (middle, high, share * 2 - 1);
        return $"rgb({Mix(from.R, to.R)},{Mix(from.G, to.G)},{Mix(from.B, to.B)})";

        int Mix(int a, int b) => (int)Math.Round(a + (b - a) * at);
    }

    private static int MiddleOf(int row) => Top + row * CellHeight + CellHeight / 2 + 4;

    private static string Number(double value) => value.ToString("0.00", CultureInfo.InvariantCulture);

    private static void Text(XmlWriter xml, int x, int y, string text, string anchor, params ReadOnlySpan<(string Name, string Value)> more)
    {
        xml.WriteStartElement("text");
        Attributes(xml, ("x", $"{x}"), ("y", $"{y}"), ("text-anchor", anchor));
        Attributes(xml, more);
        xml.WriteString(text);
        xml.WriteEndElement();
    }

    private static void Attributes(XmlWriter xml, params ReadOnlySpan<(string Name, string Value)> attributes)
    {
        foreach ((string name, string value) in attributes) xml.WriteAttributeString(name, value);
    }
}
