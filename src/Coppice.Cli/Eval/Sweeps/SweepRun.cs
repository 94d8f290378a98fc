using System.Text.Json;
using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Eval.Sweeps;

/// <summary>What came of a task under a setting.</summary>
/// <param name="Values">Of each item, in their order.</param>
/// <param name="BytesRead">By rows that a mode approximated.</param>
/// <param name="BytesExact">That exact attention would have read for the same rows.</param>
/// <param name="SparseRows">How many they were.</param>
/// <param name="ExactRows">Rows that were too short for it to pay, or all with exact attention.</param>
internal sealed record SweepOutcome(IReadOnlyList<double> Values, long BytesRead, long BytesExact, long SparseRows, long ExactRows)
{
    /// <summary>Bytes exact over bytes read. Exact rows count with what a row read on average: they are about as long.</summary>
    public double Compression
    {
        get
        {
            if (SparseRows == 0) return 1;
            double exact = (double)BytesExact / SparseRows * ExactRows;
            return (BytesExact + exact) / (BytesRead + exact);
        }
    }
}

/// <summary>Asks every task of a model under every setting. A task under a setting is a line of the log, and what an interruption takes is one of them.</summary>
internal sealed class SweepRun
{
    private readonly List<BatchLine> _open = [];
    private readonly Dictionary<(string Setting, string Task), SweepOutcome> _outcomes = [];
    private EngineMetrics _before = new();
    private volatile ITextModel? _model;

    private sealed record Unit(int Number, string CustomId, SweepSetting Setting, SweepTask Task) : BatchLine(Number, CustomId);

    public SweepRun(string modelName, IReadOnlyList<SweepSetting> settings, IReadOnlyList<SweepTask> tasks)
    {
        foreach (SweepSetting setting in settings)
        {
            string context = EvalSettings.Line(EvalSettings.Of(modelName, setting.Options));
            foreach (SweepTask task in tasks) _open.Add(new Unit(_open.Count + 1, $"{setting.Name} {task.Name} {EvalRun.Fingerprint(context, [.. task.Items]):x8}", setting, task));
        }
        Tally = new RunTally { Total = settings.Count * tasks.Sum(task => task.Items.Count) };
    }

    /// <summary>Counts items.</summary>
    public RunTally Tally { get; }

    /// <summary>Tokens of all settings so far, as far as the progress shows them.</summary>
    public EngineMetrics Metrics
    {
        get
        {
            EngineMetrics now = _model?.Metrics ?? new EngineMetrics();
            return new EngineMetrics { GeneratedTokens = _before.GeneratedTokens + now.GeneratedTokens, ScoredTokens = _before.ScoredTokens + now.ScoredTokens };
        }
    }

    public SweepOutcome Of(SweepSetting setting, SweepTask task) => _outcomes[(setting.Name, task.Name)];

    public Task<ResultLog> OpenLogAsync(ResultsTarget files, CancellationToken cancellation) => files.OpenAsync(_open, (line, result) =>
    {
        Unit unit = (Unit)line;
        _outcomes[(unit.Setting.Name, unit.Task.Name)] = Read(result.Body);
        for (int i = 0; i < unit.Task.Items.Count; i++) Tally.Answered([], []);
    }, cancellation);

    /// <summary>Returns when all is done. An item that fails ends the run.</summary>
    public async Task RunAsync(Func<EngineOptions, ITextModel> open, ResultLog log, CancellationToken cancellation)
    {
        foreach (IGrouping<SweepSetting, Unit> units in _open.Cast<Unit>().GroupBy(unit => unit.Setting))
        {
            using ITextModel model = open(units.Key.Options);
            _model = model;
            foreach (Unit unit in units)
            {
                SweepOutcome outcome = await AskAsync(model, unit.Task, cancellation);
                log.Append(ResultJson.Line(unit, status: 200, error: null, json => Write(json, outcome)));
                _outcomes[(unit.Setting.Name, unit.Task.Name)] = outcome;
            }
            _before = Metrics;
            _model = null;
        }
    }

    private async Task<SweepOutcome> AskAsync(ITextModel model, SweepTask task, CancellationToken cancellation)
    {
        EngineMetrics before = model.Metrics;
        double[] values = new double[task.Items.Count];
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = 4 * model.MaxBatch, CancellationToken = cancellation };
        await Parallel.ForAsync(0, values.Length, parallel, async (i, stop) =>
        {
            values[i] = (await task.Items[i].RunAsync(model, stop)).Values[task.Figure];
            lock (values) Tally.Answered([], []);
        });
        EngineMetrics after = model.Metrics;
        return new SweepOutcome(values, after.SparseBytesRead - before.SparseBytesRead, after.SparseBytesExact - before.SparseBytesExact,
            after.SparseDecodeRows - before.SparseDecodeRows, after.ExactDecodeRows - before.ExactDecodeRows);
    }

    private static void Write(Utf8JsonWriter json, SweepOutcome outcome)
    {
        json.WriteString("object", "eval.sweep");
        json.WriteNumber("bytes_read", outcome.BytesRead);
        json.WriteNumber("bytes_exact", outcome.BytesExact);
        json.WriteNumber("sparse_rows", outcome.SparseRows);
        json.WriteNumber("exact_rows", outcome.ExactRows);
        json.WriteStartArray("values");
        foreach (double value in outcome.Values) json.WriteNumberValue(value);
        json.WriteEndArray();
    }

    private static SweepOutcome Read(JsonElement body) => new([.. body.GetProperty("values").EnumerateArray().Select(value => value.GetDouble())],
        body.GetProperty("bytes_read").GetInt64(), body.GetProperty("bytes_exact").GetInt64(), body.GetProperty("sparse_rows").GetInt64(), body.GetProperty("exact_rows").GetInt64());
}
