using Coppice.Cli.Bench.Reports;

namespace Coppice.Cli.Eval.Sweeps;

/// <summary>A task under a setting.</summary>
/// <param name="Method">How the history was read.</param>
/// <param name="Times">How many times less was to be read.</param>
/// <param name="Engine">With which options.</param>
/// <param name="Compression">How many times less was read.</param>
/// <param name="Result">The figure.</param>
/// <param name="Difference">Figure minus that of exact attention, item by item: its standard error is without what makes items differ.</param>
/// <param name="BytesRead">By approximated rows.</param>
/// <param name="BytesExact">That exact attention would have read for them.</param>
/// <param name="SparseRows">How many they were.</param>
/// <param name="ExactRows">Rows attended exactly.</param>
internal sealed record SweepPoint(string Method, int Times, IReadOnlyDictionary<string, string> Engine, double Compression, EvalFigure Result, EvalFigure Difference,
    long BytesRead, long BytesExact, long SparseRows, long ExactRows);

internal sealed record SweepTaskReport(string Task, string Figure, IReadOnlyList<SweepPoint> Points);

/// <summary>All that a sweep found.</summary>
internal sealed record SweepReport
{
    public string Task { get; } = "sweep";

    /// <summary>The command line that repeats it.</summary>
    public required string Command { get; init; }

    public required string Version { get; init; }

    public required string Model { get; init; }

    public required int HeadSize { get; init; }

    /// <summary>The shortest history that a mode begins with: what R, K and the like are reckoned by.</summary>
    public required int Positions { get; init; }

    public required IReadOnlyList<SweepTaskReport> Tasks { get; init; }

    public static IReadOnlyList<SweepTaskReport> TasksOf(SweepRun run, string modelName, IReadOnlyList<SweepSetting> settings, IReadOnlyList<SweepTask> tasks) =>
        [.. tasks.Select(task =>
        {
            IReadOnlyList<double> exact = run.Of(settings[0], task).Values;
            return new SweepTaskReport(task.Name, task.Figure, [.. settings.Select(setting =>
            {
                SweepOutcome outcome = run.Of(setting, task);
                return new SweepPoint(setting.MethodName, setting.Times, EvalSettings.Of(modelName, setting.Options), Math.Round(outcome.Compression, 4), EvalFigure.Of(outcome.Values),
                    EvalFigure.Of([.. outcome.Values.Zip(exact, (value, other) => value - other)]), outcome.BytesRead, outcome.BytesExact, outcome.SparseRows, outcome.ExactRows);
            })]);
        })];

    public string ToJson() => EvalReport.ToJson(this);

    /// <summary>A panel for each task: its figure by how many times less was read.</summary>
    public static string Plot(string model, IReadOnlyList<SweepTaskReport> reports, IReadOnlyList<SweepTask> tasks)
    {
        IEnumerable<double> compressions = reports.SelectMany(report => report.Points).Select(point => point.Compression);
        Axis x = Axis.Log("bytes read exactly / bytes read", compressions.Append(1));
        return new SvgPanels($"Accuracy by bytes of the history read, model {model}", x, [.. reports.Zip(tasks, (report, task) =>
        {
            SweepPoint exact = report.Points[0];
            IEnumerable<double> values = report.Points.SelectMany(point => (double[])[point.Result.Mean - (point.Result.StandardError ?? 0), point.Result.Mean + (point.Result.StandardError ?? 0)]);
            Axis y = task.Figure == "bits_per_character" ? Axis.Around(task.Unit, values) : Axis.Linear(task.Unit, values);
            return new SvgPanel($"{task.Name}, {exact.Result.Items} samples", y, exact.Result.Mean, [.. SweepMethod.All.Where(method => report.Points.Any(point => point.Method == method.Name)).Select(method => new PanelSeries(method.Label,
                [.. report.Points.Where(point => point.Method == method.Name).Select(point => (point.Compression, point.Result.Mean, point.Result.StandardError ?? 0))]))]);
        })], "exact attention").ToSvg();
    }
}
