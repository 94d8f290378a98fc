using System.Text.Json;
using Coppice.Cli.BatchFiles;

namespace Coppice.Cli.Eval;

/// <summary>Asks a model a task's items, writes each outcome as it comes, and knows again those of an earlier run.</summary>
internal sealed class EvalRun
{
    private readonly ITextModel _model;
    private readonly List<BatchLine> _open;
    private readonly Dictionary<string, EvalRow> _rows = new(StringComparer.Ordinal);
    private readonly List<string> _order;

    /// <summary>An item as a line, so that its result can stand in a results file.</summary>
    private sealed record Line(int Number, string CustomId, EvalItem Item) : BatchLine(Number, CustomId);

    /// <param name="model">Asked.</param>
    /// <param name="items">In the order in which they are asked.</param>
    /// <param name="settings">How the model runs: results of other settings are not taken for its own.</param>
    public EvalRun(ITextModel model, IReadOnlyList<EvalItem> items, IReadOnlyDictionary<string, string> settings)
    {
        _model = model;
        string context = EvalSettings.Line(settings);
        _open = [.. items.Select((item, i) => new Line(i + 1, $"{item.Name} {Fingerprint(context, item):x8}", item))];
        _order = [.. _open.Select(line => line.CustomId)];
        Tally = new RunTally { Total = _open.Count };
    }

    public RunTally Tally { get; }

    /// <summary>What is done, in the order of the items.</summary>
    public IReadOnlyList<EvalRow> Rows => [.. _order.Where(_rows.ContainsKey).Select(id => _rows[id])];

    public Task<ResultLog> OpenLogAsync(ResultsTarget files, CancellationToken cancellation) => files.OpenAsync(_open, (line, result) =>
    {
        Tally.Resume(result, []);
        _rows[line.CustomId] = Read(((Line)line).Item, result.Body);
    }, cancellation);

    /// <summary>Returns when every item has its outcome. The first that fails ends the run: a figure over some of them would not be the task's.</summary>
    public Task RunAsync(ResultLog log, CancellationToken cancellation)
    {
        ParallelOptions parallel = new() { MaxDegreeOfParallelism = 4 * _model.MaxBatch, CancellationToken = cancellation };
        return Parallel.ForEachAsync(_open.Cast<Line>(), parallel, async (line, stop) =>
        {
            EvalOutcome outcome = await line.Item.RunAsync(_model, stop);
            EvalRow row = new(line.Item.Name, line.Item.Place, outcome.Values, outcome.Answer, outcome.Expected);
            lock (_rows)
            {
                log.Append(ResultJson.Line(line, status: 200, error: null, json => Write(json, row)));
                _rows[line.CustomId] = row;
                Tally.Answered([], []);
            }
        });
    }

    private static void Write(Utf8JsonWriter json, EvalRow row)
    {
        json.WriteString("object", "eval");
        json.WriteStartObject("values");
        foreach ((string name, double value) in row.Values) json.WriteNumber(name, value);
        json.WriteEndObject();
        json.WriteString("answer", row.Answer);
        json.WriteString("expected", row.Expected);
    }

    private static EvalRow Read(EvalItem item, JsonElement body) => new(item.Name, item.Place,
        body.GetProperty("values").EnumerateObject().ToDictionary(value => value.Name, value => value.Value.GetDouble(), StringComparer.Ordinal),
        body.GetProperty("answer").GetString()!, body.GetProperty("expected").GetString()!);

    /// <summary>FNV-1a over all that an outcome depends on.</summary>
    public static uint Fingerprint(string context, params ReadOnlySpan<EvalItem> items)
    {
        uint hash = 2166136261;
        foreach (char c in context) hash = (hash ^ c) * 16777619;
        foreach (EvalItem item in items)
        {
            foreach (int token in item.Tokens) hash = (hash ^ (uint)token) * 16777619;
            foreach (char c in item is AnswerItem answer ? answer.Expected : "") hash = (hash ^ c) * 16777619;
        }
        return hash;
    }
}
