using Coppice.Attention;
using Coppice.Kernels;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Loading;
using Coppice.Memory;
using Coppice.Models;
using Coppice.Scheduling;

namespace Coppice.Backends;

/// <summary>
/// The oracle: one thread, scalar code, weights as they stand in the file, and attention that walks each row's own page
/// table and never looks at the plan, but for rows that a sparse policy attends. Slow and obvious; in f32 it gives the bits of <see cref="CpuBackend"/>.
/// </summary>
internal sealed unsafe class ReferenceBackend : IBackend
{
    public int Threads => 1;

    public void Run<TWork>(TWork work, int items) where TWork : IParallelWork
    {
        for (int i = 0; i < items; i++) work.Run(i, 0);
    }

    public ILinearWeights Load(params WeightTensor[] stacked) => new PlainWeights(stacked);

    public ILinearWeights LoadUnrounded(WeightTensor tensor) => new PlainWeights([tensor]);

    public void Embed(WeightTensor table, ReadOnlySpan<int> tokens, Matrix x) => Embedding.Run(table, tokens, x.Floats, x.RowFloats);

    public void Gather(Matrix x, ReadOnlySpan<int> rows, Matrix y)
    {
        for (int row = 0; row < rows.Length; row++) x.Row(rows[row]).CopyTo(y.Row(row));
    }

    public void RmsNorm(Matrix x, ReadOnlySpan<float> weight, float epsilon, Matrix y)
    {
        for (int row = 0; row < x.Rows; row++)
            for (int first = 0; first < x.Columns; first += weight.Length)
                Kernels.RmsNorm.Reference(x.Row(row).Slice(first, weight.Length), weight, epsilon, y.Row(row).Slice(first, weight.Length));
    }

    public void LayerNorm(Matrix x, ReadOnlySpan<float> weight, ReadOnlySpan<float> bias, float epsilon, Matrix y)
    {
        for (int row = 0; row < x.Rows; row++) Kernels.LayerNorm.Reference(x.Row(row), weight, bias, epsilon, y.Row(row));
    }

    public void Linear(Matrix x, ILinearWeights weights, Matrix y) =>
        Kernels.Linear.Reference(x.Floats, x.Rows, x.RowFloats, ((PlainWeights)weights).Floats, weights.Inputs, weights.Outputs, y.Floats, y.RowFloats);

    public void AddBias(ReadOnlySpan<float> bias, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++) Elementwise.Reference<Add>(y.Row(row), bias, y.Row(row));
    }

    public void Rope(Matrix heads, int headSize, RopeTable table, ReadOnlySpan<int> positions)
    {
        for (int row = 0; row < heads.Rows; row++) Kernels.Rope.Reference(heads.Row(row), heads.Columns / headSize, headSize, table, positions[row]);
    }

    public void Store(KvPages kv, int layer, Matrix keys, Matrix values, Batch batch)
    {
        int d = kv.Layout.HeadSize;
        for (int row = 0; row < keys.Rows; row++)
            for (int head = 0; head < kv.Layout.KvHeads; head++)
                fixed (float* k = keys.Row(row)[(head * d)..], v = values.Row(row)[(head * d)..])
                    kv.Write(layer, head, batch.Pages[row], batch.Positions[row] % KvLayout.PageTokens, k, v);
        if (!kv.Layout.ValueSums) return;
        foreach (ref readonly BatchSegment segment in batch.Segments)
            for (int head = 0; head < kv.Layout.KvHeads; head++) new History(kv, layer, head, segment.Table.Pages).SumValues(segment);
    }

    public void Attend(KvPages kv, int layer, Matrix q, AttentionRule rule, Batch batch, AttentionPlan plan, Matrix output)
    {
        if (plan.Sparse is not null && !rule.IsPlain) plan = plan.Whole!;
        int d = kv.Layout.HeadSize, heads = q.Columns / d, group = heads / kv.Layout.KvHeads;
        foreach (ref readonly BatchSegment segment in batch.Segments)
            for (int row = segment.FirstRow; row < segment.FirstRow + segment.Rows; row++)
                for (int head = 0; head < heads && plan.Spans(row) > 0; head++)
                    AttendRow(kv, layer, rule, head / group, segment.Table, batch.Positions[row], q.Row(row).Slice(head * d, d), output.Row(row).Slice(head * d, d));
        if (plan.Sparse is null) return;
        var call = new AttentionCall(rule, plan, kv, layer, q, output, 0);
        using var scratch = new AlignedBuffer(plan.Sparse.ScratchFloats(kv.Layout, group, plan.SparsePositions) * sizeof(float));
        foreach (ref readonly BatchSegment segment in plan.SparseSegments)
            for (int head = 0; head < kv.Layout.KvHeads; head++) plan.Sparse.Attend(call, segment, head, scratch.Floats);
    }

    public void Gate(Activation f, Matrix gate, Matrix up, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++)
        {
            if (f == Activation.Silu) Elementwise.Reference<Gated<Silu>>(gate.Row(row), up.Row(row), y.Row(row));
            else if (f == Activation.Gelu) Elementwise.Reference<Gated<Gelu>>(gate.Row(row), up.Row(row), y.Row(row));
            else Elementwise.Reference<Gated<GeluTanh>>(gate.Row(row), up.Row(row), y.Row(row));
        }
    }

    public void Activate(Activation f, Matrix x, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++)
        {
            if (f == Activation.Silu) Elementwise.MapReference(default(Silu), x.Row(row), y.Row(row));
            else if (f == Activation.Gelu) Elementwise.MapReference(default(Gelu), x.Row(row), y.Row(row));
            else Elementwise.MapReference(default(GeluTanh), x.Row(row), y.Row(row));
        }
    }

    public void Combine(Matrix x, ReadOnlySpan<int> places, ReadOnlySpan<float> weights, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++)
        {
            int perRow = places.Length / y.Rows;
            WeightedSum.Reference(x.Floats, x.RowFloats, places.Slice(row * perRow, perRow), weights.Slice(row * perRow, perRow), y.Row(row));
        }
    }

    public void Scale(float factor, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++) Elementwise.MapReference(new Times(factor), y.Row(row), y.Row(row));
    }

    public void SoftCap(float cap, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++) Elementwise.MapReference(new SoftCap(cap), y.Row(row), y.Row(row));
    }

    public void Add(Matrix x, Matrix y)
    {
        for (int row = 0; row < y.Rows; row++) Elementwise.Reference<Add>(x.Row(row), y.Row(row), y.Row(row));
    }

    public void Dispose()
    {
    }

    private static void AttendRow(KvPages kv, int layer, AttentionRule rule, int head, PageTable table, int position, ReadOnlySpan<float> query, Span<float> output)
    {
        int d = kv.Layout.HeadSize, paddedD = kv.Layout.PaddedHeadSize, firstSpan = HeadAttention.FirstSpan(rule, position), spans = AttentionPlan.SpanCount(position) - firstSpan;
        int stateFloats = StateMerge.StateFloats(paddedD);
        float[] q = new float[d], states = new float[spans * stateFloats], keys = new float[KvLayout.BlockTokens * d], values = new float[KvLayout.BlockTokens * paddedD];
        float* l = stackalloc float[Lanes16.Count];
        for (int i = 0; i < d; i++) q[i] = query[i] * rule.QueryFactor;
        fixed (float* pq = q, s = states, k = keys, v = values, to = output)
        {
            for (int span = 0; span < spans; span++)
            {
                float* state = s + span * stateFloats;
                float m = float.NegativeInfinity;
                new Span<float>(l, Lanes16.Count).Clear();
                var rows = new HeadRows(pq, &m, l, state, &position, d, paddedD, rule);
                for (int start = (firstSpan + span) * KvLayout.SpanTokens; start < (firstSpan + span + 1) * KvLayout.SpanTokens && start <= position; start += KvLayout.BlockTokens)
                {
                    for (int t = Math.Max(0, rule.FirstSeen(position) - start); t < KvLayout.BlockTokens && start + t <= position; t++)
                    {
                        int page = table[(start + t) / KvLayout.PageTokens], slot = t % KvLayout.PageTokens, inBlock = t / KvLayout.PageTokens;
                        for (int i = 0; i < d; i++)
                        {
                            k[inBlock * d * KvLayout.PageTokens + i * KvLayout.PageTokens + slot] = kv.Key(layer, head, page, slot, i);
                            v[t * paddedD + i] = kv.Value(layer, head, page, slot, i);
                        }
                    }

                    int keyPage = d * KvLayout.PageTokens, valuePage = paddedD * KvLayout.PageTokens;
                    KvBlock block = KvBlock.Contiguous(start, k, keyPage, v, valuePage);
                    Bf16Arithmetic arithmetic = Bf16Fold.Arithmetic(kv.Layout, rule.At(position));
                    if (arithmetic == Bf16Arithmetic.Chain) BlockFold.Reference(block, rows, 0, 1);
                    else Bf16Fold.Reference(arithmetic, block, rows, 0, 1);
                }

                StateMerge.Keep(m, Lanes16.ReferenceSum(new Span<float>(l, Lanes16.Count)), state, paddedD, state);
            }

            StateMerge.Merge(s, stateFloats, spans, d, paddedD, to);
        }
    }

    /// <summary>[outputs, inputs] in f32.</summary>
    private sealed class PlainWeights : ILinearWeights
    {
        public PlainWeights(WeightTensor[] stacked)
        {
            Inputs = (int)stacked[0].Shape[1];
            Outputs = (int)stacked.Sum(tensor => tensor.Shape[0]);
            Floats = new float[Inputs * Outputs];
            int at = 0;
            foreach (WeightTensor tensor in stacked)
                for (long row = 0; row < tensor.Shape[0]; row++, at += Inputs)
                    tensor.ReadRow(row, Floats.AsSpan(at, Inputs));
        }

        public float[] Floats { get; }

        public int Inputs { get; }

        public int Outputs { get; }

        public long Bytes => (long)Floats.Length * sizeof(float);

        public void Dispose()
        {
        }
    }
}
