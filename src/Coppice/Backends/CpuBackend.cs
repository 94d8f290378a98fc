using Coppice.Attention;
using Coppice.Kernels;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Scheduling;

namespace Coppice.Backends;

/// <summary>Vectors, packed weights and a fixed pool of threads.</summary>
internal sealed unsafe class CpuBackend(int threads, WeightFormat weightFormat = WeightFormat.Native, ThreadPlacement placement = ThreadPlacement.Free) : IBackend
{
    private readonly WorkerPool _pool = new(threads, placement);
    private readonly LinearScratch _activations = new();
    private AlignedBuffer _scratch = new(AlignedBuffer.AlignmentBytes);
    private AlignedBuffer _partials = new(AlignedBuffer.AlignmentBytes);

    public int Threads => _pool.Threads;

    public void Run<TWork>(TWork work, int items) where TWork : IParallelWork => _pool.Run(work, items);

    public ILinearWeights Load(params WeightTensor[] stacked) => WeightFormats.Pack(weightFormat, _pool, stacked);

    public void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x) => Embedding.Run(table, tokens, x.Floats, x.RowFloats);

    public void Gather(Matrix x, ReadOnlySpan<int> rows, Matrix y)
    {
        fixed (int* r = rows) Rows(new GatherRows(x, r, y), rows.Length);
    }

    public void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y)
    {
        fixed (float* w = weight) Rows(new NormRows(x, w, weight.Length, epsilon, y), x.Rows);
    }

    public void LayerNorm(Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon, Matrix y)
    {
        fixed (float* w = weight, b = bias) Rows(new LayerNormRows(x, w, b, epsilon, y), x.Rows);
    }

    public void Linear(Matrix x, ILinearWeights weights, Matrix y) =>
        Kernels.Linear.Run(x.Floats, x.Rows, x.RowFloats, (LinearWeights)weights, _pool, _activations, y.Floats, y.RowFloats);

    public void AddBias(ReadOnlySpan<float> bias, Matrix y)
    {
        Shape.Same(y.Columns, bias.Length);
        fixed (float* b = bias) Rows(new BiasRows(b, y), y.Rows);
    }

    public void Rope(Matrix heads, int headSize, RopeTable table, ReadOnlySpan<int> positions)
    {
        fixed (int* p = positions) Rows(new RopeRows(heads, headSize, table, p), heads.Rows);
    }

    public void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch)
    {
        fixed (int* pages = batch.Pages, positions = batch.Positions) Rows(new StoreRows(kv, layer, keys, values, pages, positions), keys.Rows);
        if (kv.Layout.ValueSums) _pool.Run(new Sums(kv, layer, batch), batch.Segments.Length * kv.Layout.KvHeads);
    }

    public void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output)
    {
        if (plan.Sparse is not null && !rule.IsPlain) plan = plan.Whole!;
        int heads = q.Columns / kv.Layout.HeadSize;
        int workerFloats = (HeadAttention.ScratchFloats(kv.Layout, heads / kv.Layout.KvHeads, plan.GroupRows) + 15) / 16 * 16;
        Ensure(ref _scratch, (long)workerFloats * Threads * sizeof(float));
        Ensure(ref _partials, HeadAttention.PartialFloats(plan, kv.Layout, heads) * sizeof(float));
        var call = new AttentionCall(rule, plan, kv, layer, q, output, (nint)_partials.Floats);
        _pool.Run(new Heads(call, _scratch.Floats, workerFloats, _pool.Threads), plan.Tasks.Length * kv.Layout.KvHeads);
        if (plan.PartialStates > 0) _pool.Run(new Merges(call), q.Rows);
        if (plan.Sparse is null) return;
        long sparseFloats = (plan.Sparse.ScratchFloats(kv.Layout, call.G, plan.SparsePositions) + 15) / 16 * 16;
        Ensure(ref _scratch, sparseFloats * Threads * sizeof(float));
        _pool.Run(new SparseHeads(call, _scratch.Floats, sparseFloats), plan.SparseSegments.Length * kv.Layout.KvHeads);
    }

    public void Gate(Activation f, Matrix gate, Matrix up, Matrix y)
    {
        switch (f)
        {
            case Activation.Silu: Rows(new BinaryRows<Gated<Silu>>(gate, up, y), y.Rows); break;
            case Activation.Gelu: Rows(new BinaryRows<Gated<Gelu>>(gate, up, y), y.Rows); break;
            case Activation.GeluTanh: Rows(new BinaryRows<Gated<GeluTanh>>(gate, up, y), y.Rows); break;
            default: throw new ArgumentOutOfRangeException(nameof(f), f, "Unknown activation.");
        }
    }

    public void Activate(Activation f, Matrix x, Matrix y)
    {
        switch (f)
        {
            case Activation.Silu: Rows(new UnaryRows<Silu>(default, x, y), y.Rows); break;
            case Activation.Gelu: Rows(new UnaryRows<Gelu>(default, x, y), y.Rows); break;
            case Activation.GeluTanh: Rows(new UnaryRows<GeluTanh>(default, x, y), y.Rows); break;
            default: throw new ArgumentOutOfRangeException(nameof(f), f, "Unknown activation.");
        }
    }

    public void Combine(Matrix x, ReadOnlySpan<int> places, ReadOnlySpan<float> weights, Matrix y)
    {
        fixed (int* p = places)
        fixed (float* w = weights) Rows(new CombineRows(x, p, w, y.Rows == 0 ? 0 : places.Length / y.Rows, y), y.Rows);
    }

    public void Scale(float factor, Matrix y) => Rows(new UnaryRows<Times>(new(factor), y, y), y.Rows);

    public void SoftCap(float cap, Matrix y) => Rows(new UnaryRows<SoftCap>(new(cap), y, y), y.Rows);

    public void Add(Matrix x, Matrix y) => Rows(new BinaryRows<Add>(x, y, y), y.Rows);

    public void Dispose()
    {
        _pool.Dispose();
        _activations.Dispose();
        _scratch.Dispose();
        _partials.Dispose();
    }

    /// <summary>Row by row, in as few items as keep all threads busy.</summary>
    private void Rows<TRow>(TRow row, int rows) where TRow : struct, IRow
    {
        int rowsPerItem = Math.Max(4, (rows + 4 * Threads - 1) / (4 * Threads));
        _pool.Run(new RowItems<TRow>(row, rows, rowsPerItem), (rows + rowsPerItem - 1) / rowsPerItem);
    }

    private static void Ensure(ref AlignedBuffer buffer, long bytes)
    {
        if (buffer.Bytes >= bytes) return;
        buffer.Dispose();
        buffer = new AlignedBuffer(bytes + bytes / 4);
    }

    private interface IRow
    {
        void Run(int row);
    }

    private readonly struct RowItems<TRow>(TRow row, int rows, int rowsPerItem) : IParallelWork where TRow : struct, IRow
    {
        public void Run(int item, int worker)
        {
            int end = Math.Min(rows, (item + 1) * rowsPerItem);
            for (int r = item * rowsPerItem; r < end; r++) row.Run(r);
        }
    }

    private readonly struct GatherRows(Matrix x, int* rows, Matrix y) : IRow
    {
        public void Run(int row) => x.Row(rows[row]).CopyTo(y.Row(row));
    }

    private readonly struct NormRows(Matrix x, float* weight, int width, float epsilon, Matrix y) : IRow
    {
        public void Run(int row)
        {
            for (int first = 0; first < x.Columns; first += width)
                Kernels.RmsNorm.Run(x.Row(row).Slice(first, width), new ReadOnlySpan<float>(weight, width), epsilon, y.Row(row).Slice(first, width));
        }
    }

    private readonly struct LayerNormRows(Matrix x, float* weight, float* bias, float epsilon, Matrix y) : IRow
    {
        public void Run(int row) => Kernels.LayerNorm.Run(x.Row(row), new ReadOnlySpan<float>(weight, x.Columns), new ReadOnlySpan<float>(bias, x.Columns), epsilon, y.Row(row));
    }

    private readonly struct RopeRows(Matrix heads, int headSize, RopeTable table, int* positions) : IRow
    {
        public void Run(int row) => Kernels.Rope.Run(heads.Row(row), heads.Columns / headSize, headSize, table, positions[row]);
    }

    private readonly struct StoreRows(KvPages kv, int layer, Matrix keys, Matrix values, int* pages, int* positions) : IRow
    {
        public void Run(int row)
        {
            int d = kv.Layout.HeadSize;
            fixed (float* k = keys.Row(row), v = values.Row(row))
                for (int head = 0; head < kv.Layout.KvHeads; head++)
                    kv.Write(layer, head, pages[row], positions[row] % KvLayout.PageTokens, k + head * d, v + head * d);
        }
    }

    private readonly struct BinaryRows<TOperation>(Matrix a, Matrix b, Matrix y) : IRow where TOperation : struct, IBinary
    {
        public void Run(int row) => Elementwise.Apply<TOperation>(a.Row(row), b.Row(row), y.Row(row));
    }

    private readonly struct BiasRows(float* bias, Matrix y) : IRow
    {
        public void Run(int row) => Elementwise.Apply<Add>(y.Row(row), new ReadOnlySpan<float>(bias, y.Columns), y.Row(row));
    }

    private readonly struct UnaryRows<TOperation>(TOperation f, Matrix x, Matrix y) : IRow where TOperation : struct, IUnary
    {
        public void Run(int row) => Elementwise.Map(f, x.Row(row), y.Row(row));
    }

    private readonly struct CombineRows(Matrix x, int* places, float* weights, int perRow, Matrix y) : IRow
    {
        public void Run(int row) =>
            WeightedSum.Run(x.Floats, x.RowFloats, new ReadOnlySpan<int>(places + (long)row * perRow, perRow), new ReadOnlySpan<float>(weights + (long)row * perRow, perRow), y.Row(row));
    }

    private readonly struct Heads(AttentionCall call, float* scratch, int workerFloats, int threads) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int kvHeads = call.Kv.Layout.KvHeads;
            // The heads of one task follow one another, so that the longest tasks, which come first, begin first.
            ReadOnlySpan<PlanTask> tasks = call.Plan.Tasks;
            // What this thread takes next, if all go on alike.
            int next = item + threads;
            if (next < tasks.Length * kvHeads) HeadAttention.Fetch(call, tasks[next / kvHeads], next % kvHeads);
            HeadAttention.Run(call, tasks[item / kvHeads], item % kvHeads, scratch + (long)worker * workerFloats);
        }
    }

    private readonly struct Sums(KvPages kv, int layer, Batch batch) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int kvHeads = kv.Layout.KvHeads;
            new History(kv, layer, item % kvHeads, batch.Segments[item / kvHeads].Table.Pages).SumValues(batch.Segments[item / kvHeads]);
        }
    }

    private readonly struct SparseHeads(AttentionCall call, float* scratch, long workerFloats) : IParallelWork
    {
        public void Run(int item, int worker)
        {
            int kvHeads = call.Kv.Layout.KvHeads;
            call.Plan.Sparse!.Attend(call, call.Plan.SparseSegments[item / kvHeads], item % kvHeads, scratch + worker * workerFloats);
        }
    }

    private readonly struct Merges(AttentionCall call) : IParallelWork
    {
        public void Run(int item, int worker) => HeadAttention.MergeRow(call, item);
    }
}
