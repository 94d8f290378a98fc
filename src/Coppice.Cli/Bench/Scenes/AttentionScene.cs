using Coppice.Attention;
using Coppice.Backends;
using Coppice.KvCache;
using Coppice.Memory;
using Coppice.Scheduling;

namespace Coppice.Cli.Bench.Scenes;

/// <summary>Query and KV heads, and the size of a head.</summary>
internal sealed record Heads(int H, int Hkv, int D);

/// <summary>
/// One decode step's attention, without a model: random keys and values of a tree of sequences, one query row for each, over several
/// layers that are used in turn with changing queries, so that no layer finds what it reads in the caches as it was left the last time.
/// </summary>
internal sealed unsafe class AttentionScene : IDisposable
{
    private const int MostLayers = 32, QuerySets = 64;

    private readonly TreeShape _shape;
    private readonly Heads _heads;
    private readonly KvPages _kv;
    private readonly Batch _batch;
    private readonly AlignedBuffer _memory;
    private readonly Matrix _output;
    private int _layer, _turn;

    /// <param name="shape">The tree.</param>
    /// <param name="heads">Of a layer.</param>
    /// <param name="format">Of the pages.</param>
    /// <param name="rotateBytes">Keys and values of all layers together, if a real model's number of layers gets there.</param>
    /// <param name="forSparq">With what SparQ keeps beside them.</param>
    public AttentionScene(TreeShape shape, Heads heads, KvFormat format, long rotateBytes, bool forSparq = false)
    {
        (_shape, _heads) = (shape, heads);
        var tables = new SharedTables(shape);
        KvLayout one = new(1, heads.Hkv, heads.D, format) { KeyRows = forSparq, ValueSums = forSparq };
        long layerBytes = tables.Pages * one.PageBytes;
        long memory = GC.GetGCMemoryInfo().TotalAvailableMemoryBytes;
        if (layerBytes > memory * 0.8)
            throw new BenchException($"Keys and values of {shape.Text} take {layerBytes / (double)(1L << 30):0.#} GiB in one layer and the machine has {memory / (double)(1L << 30):0.#} GiB. Use fewer rows or tokens, fewer KV heads, or --kv bf16.");
        _kv = new KvPages(one with { Layers = (int)Math.Clamp((rotateBytes + layerBytes - 1) / layerBytes, 1, MostLayers) }, tables.Pages);
        RandomFill.Pages(_kv);
        _batch = new Batch(shape.Rows, shape.Rows);
        foreach (PageTable table in tables.Tables) _batch.Add(table, shape.Length - 1, [0], decodeFrom: 0);
        int columns = heads.H * heads.D;
        _memory = new AlignedBuffer((QuerySets + 1L) * shape.Rows * columns * sizeof(float));
        _output = new Matrix(_memory.Floats, shape.Rows, columns, columns);
        for (int set = 0; set < QuerySets; set++) RandomFill.Floats(Queries(set).Floats, seed: 3 + set);
    }

    public int Rows => _shape.Rows;

    /// <summary>Of one layer: two products, each a multiplication and an addition for every row, head, position and element.</summary>
    public double Operations => 4.0 * _shape.Rows * _heads.H * _heads.D * _shape.Length;

    /// <summary>How many times as many bytes per-sequence reads as reading every token once would.</summary>
    public double ByteBound => (double)_shape.Length * _shape.Rows / _shape.UniqueTokens;

    /// <summary>Bytes of keys and values that a plan reads in one layer.</summary>
    public double BytesRead(AttentionPlan plan) => (double)plan.PagesRead * _kv.Layout.HistoryPageBytes / _kv.Layout.Layers;

    /// <summary>Bytes that a layer keeps.</summary>
    public double LayerBytes => (double)_kv.PageCount * _kv.Layout.PageBytes / _kv.Layout.Layers;

    public AttentionPlan NewPlan() => new(Rows, EngineCore.GroupRows);

    /// <summary>Plans a step as the engine does.</summary>
    public void Plan(IAttentionPolicy policy, AttentionPlan plan, int threads)
    {
        plan.Begin(_batch);
        policy.Plan(_batch, plan);
        plan.Finish(_heads.Hkv, threads);
    }

    /// <summary>Attention of the next layer.</summary>
    public void Attend(IBackend backend, AttentionPlan plan)
    {
        Next();
        backend.Attend(_kv, _layer, Queries(_turn), AttentionRule.Plain(_kv.Layout.HeadSize), _batch, plan, _output);
    }

    /// <summary>Where SparQ's time goes in the first row of the next layer: of several times the one in the middle.</summary>
    public SparqPhases Phases(SparqRule rule)
    {
        const int times = 9;
        var all = new SparqPhases[times];
        for (int i = 0; i < times; i++)
        {
            Next();
            all[i] = SparqPhases.Measure(_kv, _layer, _batch.Segments[0].Table, _shape.Length, rule, Queries(_turn).Row(0));
        }

        return all.OrderBy(phases => phases.Total).ElementAt(times / 2);
    }

    /// <summary>What the last <see cref="Attend"/> wrote.</summary>
    public ReadOnlySpan<float> Output => _output.Floats;

    private void Next()
    {
        _layer = (_layer + 1) % _kv.Layout.Layers;
        _turn = (_turn + 1) % QuerySets;
    }

    private Matrix Queries(int set) => new(_output.Data + (set + 1L) * _output.Rows * _output.Columns, _output.Rows, _output.Columns, _output.Columns);

    public void Dispose()
    {
        _kv.Dispose();
        _memory.Dispose();
    }
}
