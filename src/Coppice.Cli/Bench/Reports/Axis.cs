using System.Globalization;

namespace Coppice.Cli.Bench.Reports;

/// <summary>One axis of a plot: what lies where, and which values are marked.</summary>
internal sealed class Axis
{
    private const double WideRatio = 6;

    private readonly bool _log;
    private readonly double _from, _to;

    private Axis(string title, bool log, double from, double to, IReadOnlyList<(double Value, string Label)> ticks) =>
        (Title, _log, _from, _to, Ticks) = (title, log, from, to, ticks);

    public string Title { get; }

    public IReadOnlyList<(double Value, string Label)> Ticks { get; }

    /// <summary>From zero to a round number above all values.</summary>
    public static Axis Linear(string title, IEnumerable<double> values)
    {
        double max = values.Append(0).Max();
        if (max <= 0) max = 1;
        double power = Math.Pow(10, Math.Floor(Math.Log10(max)));
        double step = power * (max / power > 5 ? 1 : max / power > 2 ? 0.5 : 0.25);
        int steps = (int)Math.Ceiling(max / step - 1e-9);
        return new Axis(title, log: false, 0, steps * step, [.. Enumerable.Range(0, steps + 1).Select(i => (i * step, Label(i * step)))]);
    }

    /// <summary>Between round numbers that enclose all values, wherever they begin.</summary>
    public static Axis Around(string title, IEnumerable<double> values)
    {
        double[] all = [.. values];
        double span = all.Length == 0 ? 0 : all.Max() - all.Min();
        if (span <= 0) return Linear(title, all);
        double power = Math.Pow(10, Math.Floor(Math.Log10(span)));
        double step = power * (span / power > 5 ? 2 : span / power > 2 ? 1 : 0.5);
        double from = Math.Floor(all.Min() / step + 1e-9) * step;
        int steps = (int)Math.Ceiling((all.Max() - from) / step - 1e-9);
        return new Axis(title, log: false, from, from + steps * step, [.. Enumerable.Range(0, steps + 1).Select(i => (from + i * step, Label(from + i * step)))]);
    }

    /// <summary>Powers of two that enclose all values, which must be above zero.</summary>
    public static Axis Log(string title, IEnumerable<double> values)
    {
        double[] all = [.. values.Where(value => value > 0)];
        int from = all.Length == 0 ? 0 : (int)Math.Floor(Math.Log2(all.Min()) + 1e-9), to = all.Length == 0 ? 1 : (int)Math.Ceiling(Math.Log2(all.Max()) - 1e-9);
        if (to == from) to++;
        int every = (to - from + 9) / 10;
        return new Axis(title, log: true, Math.Pow(2, from), Math.Pow(2, to),
            [.. Enumerable.Range(0, (to - from) / every + 1).Select(i => Math.Pow(2, from + i * every)).Select(value => (value, Label(value)))]);
    }

    /// <summary>Logarithmic where the values differ widely, else from zero.</summary>
    public static Axis Fitting(string title, IEnumerable<double> values)
    {
        double[] all = [.. values.Where(value => value > 0)];
        return all.Length > 0 && all.Max() / all.Min() > WideRatio ? Log(title, all) : Linear(title, all);
    }

    /// <summary>Values 0, 1, 2, … with a name each.</summary>
    public static Axis Names(string title, IReadOnlyList<string> names) =>
        new(title, log: false, -0.5, names.Count - 0.5, [.. names.Select((name, i) => ((double)i, name))]);

    /// <summary>0 at the axis's beginning, 1 at its end.</summary>
    public double Share(double value) => Math.Clamp(_log ? Math.Log2(Math.Max(value, _from) / _from) / Math.Log2(_to / _from) : (value - _from) / (_to - _from), 0, 1);

    private static string Label(double value) =>
        value >= 1 << 20 && value % (1 << 20) == 0 ? $"{value / (1 << 20)}M" : value >= 1024 && value % 1024 == 0 ? $"{value / 1024}K" : value.ToString("0.####", CultureInfo.InvariantCulture);
}
