using System.Diagnostics;
using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Sampling;
using Coppice.Scheduling;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Where the time of a run went, in seconds, over all of its steps.</summary>
internal readonly record struct StepSplit(int Steps, double Linear, double Attention, double Plan, double Sampling, double Total)
{
    public double Rest => Total - Linear - Attention - Plan - Sampling;
}

/// <summary>One way to run a scene, and what its runs took.</summary>
internal sealed class SceneRuns(string mode)
{
    /// <summary>The bound that no attention can pass: everything else is computed.</summary>
    public const string NoAttention = "no attention";

    private readonly List<StepSplit> _splits = new(4096);

    public string Mode { get; } = mode;

    public bool SkipsAttention { get; } = mode == NoAttention;

    public IAttentionPolicy Policy { get; } = ExactModes.Policy(mode == NoAttention ? ExactModes.Auto : mode);

    /// <summary>Bytes of keys and values that the last run read.</summary>
    public double BytesRead { get; set; }

    public void Add(StepSplit split) => _splits.Add(split);

    /// <summary>The one in the middle of the last <paramref name="count"/> runs, by its total.</summary>
    public StepSplit Middle(int count)
    {
        StepSplit[] last = [.. _splits.TakeLast(count).OrderBy(split => split.Total)];
        return last[last.Length / 2];
    }
}

/// <summary>
/// Steps of a model over sequences with common prefixes whose keys and values are random numbers, as no speed depends on them: the engine's
/// own parts (page tables, plan, forward pass, sampler), without requests.
/// </summary>
internal sealed class ModelScene : IDisposable
{
    private const int PrefillRows = 512;

    private readonly BenchModel _model;
    private readonly KvPages _kv;
    private readonly SharedTables _tables;
    private readonly int _prefix, _newTokens;
    private readonly Batch _batch;
    private readonly AttentionPlan _plan;
    private readonly StepArena _arena = new();
    private readonly Draws _draws;
    private readonly SamplingState[] _states;
    private readonly int[] _tokens;
    private StepSplit _split;

    /// <param name="model">Not owned.</param>
    /// <param name="tree">The tokens of its last level are what each row gets; what comes before is there already.</param>
    /// <param name="format">Of the pages.</param>
    public ModelScene(BenchModel model, TreeShape tree, KvFormat format)
    {
        int rows = tree.Rows, prefix = tree.Length - tree.Tokens[^1], newTokens = tree.Tokens[^1];
        (_model, _prefix, _newTokens) = (model, prefix, newTokens);
        _tables = new SharedTables(tree);
        KvLayout layout = KvLayout.Of(model.Config, format);
        long needed = _tables.Pages * layout.PageBytes, memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (needed > memory * 0.9)
            throw new BenchException($"Keys and values of {rows} rows behind {prefix} tokens take {needed / (double)(1L << 30):0.#} GiB and the machine has {memory / (double)(1L << 30):0.#} GiB. Lower --batch or --prefix, or use --kv bf16.");
        _kv = new KvPages(layout, _tables.Pages);
        RandomFill.Pages(_kv);
        int most = Math.Max(rows, PrefillRows);
        _batch = new Batch(most, Math.Max(rows, PrefillRows));
        _plan = new AttentionPlan(most, EngineCore.GroupRows);
        _draws = new Draws(model.Backend, model.Config.VocabularySize, most);
        GenerateOptions greedy = new() { Temperature = 0, IgnoreEndOfText = true, Seed = 1 };
        _states = [.. Enumerable.Range(0, rows).Select(_ => new SamplingState(greedy, [], [], model.Config.VocabularySize, int.MaxValue))];
        var random = new Random(rows);
        _tokens = [.. Enumerable.Range(0, Math.Max(rows, newTokens)).Select(_ => random.Next(model.Config.VocabularySize))];
    }

    /// <summary>Bytes of keys and values held.</summary>
    public long KvBytes => (_tables.Pages - 1) * _kv.Layout.PageBytes;

    /// <summary>Bytes they would take if every row held its own.</summary>
    public long KvBytesUnshared => (long)_tables.Tables.Length * KvLayout.PagesFor(_prefix + _newTokens) * _kv.Layout.PageBytes;

    /// <summary>Bytes that the scratch memory of a step takes.</summary>
    public long ArenaBytes => _arena.CapacityBytes;

    /// <summary>Every row gets its new tokens, one a step.</summary>
    public void Decode(SceneRuns runs)
    {
        Begin(runs);
        for (int token = 0; token < _newTokens; token++)
        {
            _batch.Clear();
            for (int row = 0; row < _tables.Tables.Length; row++)
            {
                _batch.Add(_tables.Tables[row], _prefix + token, _tokens.AsSpan(row, 1));
                _batch.WantLogits();
            }
            Step(runs);
        }
        runs.Add(_split);
    }

    /// <summary>Every row's new tokens are computed as a prompt, in steps of as many rows as the engine takes.</summary>
    public void Prefill(SceneRuns runs)
    {
        Begin(runs);
        _batch.Clear();
        foreach (PageTable table in _tables.Tables)
        {
            for (int done = 0; done < _newTokens;)
            {
                int some = Math.Min(_newTokens - done, PrefillRows - _batch.Rows);
                _batch.Add(table, _prefix + done, _tokens.AsSpan(done, some));
                done += some;
                if (done == _newTokens) _batch.WantLogits();
                if (_batch.Rows < PrefillRows) continue;
                Step(runs);
                _batch.Clear();
            }
        }
        if (!_batch.IsEmpty) Step(runs);
        runs.Add(_split);
    }

    public void Dispose()
    {
        _kv.Dispose();
        _arena.Dispose();
    }

    private void Begin(SceneRuns runs)
    {
        _model.Backend.SkipsAttention = runs.SkipsAttention;
        runs.BytesRead = 0;
        _split = default;
    }

    private void Step(SceneRuns runs)
    {
        TimedBackend backend = _model.Backend;
        long linear = backend.LinearTicks, attention = backend.AttentionTicks, start = Stopwatch.GetTimestamp();
        _arena.Reset();
        _plan.Begin(_batch);
        runs.Policy.Plan(_batch, _plan);
        _plan.Finish(_model.Config.KvHeads, backend.Threads);
        long planned = Stopwatch.GetTimestamp();
        Matrix logits = _model.Decoder.Forward(_batch, _plan, _kv, _arena);
        long computed = Stopwatch.GetTimestamp();
        for (int i = 0; i < logits.Rows; i++) _draws.Add(_states[i], i, null);
        _draws.Run(logits);
        _draws.Clear();
        long end = Stopwatch.GetTimestamp();
        if (!runs.SkipsAttention) runs.BytesRead += (double)_plan.PagesRead * _kv.Layout.PageBytes;
        _split = new StepSplit(_split.Steps + 1, _split.Linear + Seconds(backend.LinearTicks - linear), _split.Attention + Seconds(backend.AttentionTicks - attention),
            _split.Plan + Seconds(planned - start), _split.Sampling + Seconds(end - computed), _split.Total + Seconds(end - start));
    }

    private static double Seconds(long ticks) => (double)ticks / Stopwatch.Frequency;
}
