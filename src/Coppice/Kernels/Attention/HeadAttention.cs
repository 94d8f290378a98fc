using System.Runtime.Intrinsics.X86;
using Coppice.Attention;
using Coppice.KvCache;
using Coppice.Memory;

namespace Coppice.Kernels.Attention;

/// <summary>What attention of one layer reads and writes.</summary>
/// <param name="Rule">How the layer weighs.</param>
/// <param name="Plan">Which rows read which blocks.</param>
/// <param name="Kv">Keys and values of all layers.</param>
/// <param name="Layer">The layer.</param>
/// <param name="Q">Queries after RoPE, [T, H · D].</param>
/// <param name="Output">[T, H · D]; may be <paramref name="Q"/>'s memory, since a head's queries are read before its output is written.</param>
/// <param name="Partials">Room for <see cref="HeadAttention.PartialFloats"/>.</param>
internal readonly record struct AttentionCall(AttentionRule Rule, AttentionPlan Plan, KvPages Kv, int Layer, Matrix Q, Matrix Output, nint Partials)
{
    public int G => Q.Columns / Kv.Layout.HeadSize / Kv.Layout.KvHeads;

    /// <summary>A row's queries of one KV head, [G, D].</summary>
    public unsafe float* Query(int row, int kvHead) => Q.Data + (long)row * Q.RowFloats + kvHead * G * Kv.Layout.HeadSize;

    /// <summary>Where they go, [G, D].</summary>
    public unsafe float* OutputOf(int row, int kvHead) => Output.Data + (long)row * Output.RowFloats + kvHead * G * Kv.Layout.HeadSize;
}

/// <summary>One task of the plan for one KV head: its runs of blocks, folded into the states of its rows.</summary>
internal static unsafe class HeadAttention
{
    private const int FewRows = 16;

    /// <summary>Floats of scratch for a task of <paramref name="rows"/> rows.</summary>
    public static int ScratchFloats(KvLayout layout, int g, int rows) =>
        rows * g * (layout.HeadSize + layout.PaddedHeadSize + Lanes16.Count + 2) + BlockFold.ScoreFloats
        + (layout.Format == KvFormat.F32 ? 0 : Math.Max(Math.Max(KvLayout.BlockTokens * (layout.HeadSize + layout.PaddedHeadSize), Bf16DotFold.ScratchFloats), Bf16FoldItems.ScratchBytes(layout.HeadSize) / sizeof(float))) + 128;

    /// <summary>Floats for the states of rows with several spans.</summary>
    public static long PartialFloats(AttentionPlan plan, KvLayout layout, int heads) => (long)plan.PartialStates * heads * StateMerge.StateFloats(layout.PaddedHeadSize);

    /// <summary>
    /// Fetches what a task of few rows reads first: a short suffix lies in memory on its own, and is over before the processor has found
    /// out that it is read in order.
    /// </summary>
    public static void Fetch(in AttentionCall call, in PlanTask task, int head)
    {
        KvLayout layout = call.Kv.Layout;
        if (!Sse.IsSupported || task.RowCount * call.G > FewRows) return;
        PlanRun run = call.Plan.Runs(task)[0];
        int page = run.Pages[run.StartBlock * KvLayout.PagesPerBlock];
        Fetch(call.Kv.Keys(call.Layer, head, page), layout.KeyLines, layout.KeyStepBytes);
        Fetch(call.Kv.Values(call.Layer, head, page), layout.ValuePageBytes / KvLayout.KeyLineBytes, KvLayout.KeyLineBytes);
    }

    public static void Run(in AttentionCall call, in PlanTask task, int head, float* scratch)
    {
        AttentionRule rule = call.Rule;
        if (rule.Window == 0 || Bf16Fold.Arithmetic(call.Kv.Layout, rule with { Window = 0 }) == Bf16Arithmetic.Chain)
        {
            RunRows(call, task, head, scratch);
            return;
        }

        // A row's arithmetic depends on its own position alone, so rows that see all are apart from those that a window bounds.
        ReadOnlySpan<int> positions = call.Plan.Positions.Slice(task.FirstRow, task.RowCount);
        for (int first = 0, end; first < positions.Length; first = end)
        {
            AttentionRule own = rule.At(positions[first]);
            for (end = first + 1; end < positions.Length && rule.At(positions[end]) == own;) end++;
            RunRows(call with { Rule = own }, task with { FirstRow = task.FirstRow + first, RowCount = end - first }, head, scratch);
        }
    }

    private static void Fetch(byte* at, int lines, nint stepBytes)
    {
        for (int line = 0; line < lines; line++) Sse.Prefetch1(at + line * stepBytes);
    }

    private static void RunRows(in AttentionCall call, in PlanTask task, int head, float* scratch)
    {
        KvLayout layout = call.Kv.Layout;
        int d = layout.HeadSize, paddedD = layout.PaddedHeadSize, g = call.G, rows = task.RowCount * g;
        ReadOnlySpan<int> positions = call.Plan.Positions;
        if (!SeesSpan(call.Rule, positions.Slice(task.FirstRow, task.RowCount), task.Span)) return;
        float* scores = scratch;
        float* o = scores + BlockFold.ScoreFloats;
        float* q = o + rows * paddedD;
        float* l = q + rows * d;
        float* m = l + rows * Lanes16.Count;
        int* rowPositions = (int*)(m + rows);
        float* widened = (float*)(((nuint)(rowPositions + rows) + 63) & ~(nuint)63);
        for (int at = 0; at < rows; at++) rowPositions[at] = positions[task.FirstRow + at / g];
        new Span<float>(m, rows).Fill(float.NegativeInfinity);
        new Span<float>(l, rows * Lanes16.Count).Clear();
        new Span<float>(o, rows * paddedD).Clear();
        Bf16Arithmetic arithmetic = Bf16Fold.Arithmetic(layout, call.Rule);
        if (arithmetic == Bf16Arithmetic.Matrix)
            Fold(call, task, head, new Bf16Rows((ushort*)q, m, l, o, rowPositions, d), (byte*)widened);
        else
            Fold(call, task, head, new HeadRows(q, m, l, o, rowPositions, d, paddedD, call.Rule), arithmetic == Bf16Arithmetic.Dot, scores, widened);

        int heads = call.Q.Columns / d;
        for (int row = 0; row < task.RowCount; row++)
        {
            int position = positions[task.FirstRow + row];
            int spans = call.Plan.Spans(task.FirstRow + row);
            if (task.Span >= spans || task.Span < FirstSpan(call.Rule, position)) continue;
            for (int i = 0; i < g; i++)
            {
                int at = row * g + i, queryHead = head * g + i;
                float sum = Lanes16.ReferenceSum(new Span<float>(l + at * Lanes16.Count, Lanes16.Count));
                if (spans == 1)
                    StateMerge.Divide(sum, o + at * paddedD, d, call.Output.Data + (long)(task.FirstRow + row) * call.Output.RowFloats + queryHead * d);
                else
                    StateMerge.Keep(m[at], sum, o + at * paddedD, paddedD, Partial(call, task.FirstRow + row, task.Span, queryHead, heads));
            }
        }
    }

    /// <param name="call">What is attended.</param>
    /// <param name="task">Which rows and blocks.</param>
    /// <param name="head">KV head.</param>
    /// <param name="rows">States, begun; the queries are still to come.</param>
    /// <param name="pairs">bf16 as it lies, by <see cref="Bf16DotFold"/>, and not in floats.</param>
    /// <param name="scores">Scratch for <see cref="BlockFold"/>.</param>
    /// <param name="other">Scratch for what is widened, or for <see cref="Bf16DotFold"/>.</param>
    private static void Fold(in AttentionCall call, in PlanTask task, int head, in HeadRows rows, bool pairs, float* scores, float* other)
    {
        int g = call.G, d = rows.D;
        float factor = call.Rule.QueryFactor;
        for (int at = 0; at < task.RowCount * g; at++)
        {
            float* from = Query(call, task.FirstRow + at / g, head * g + at % g, d);
            if (pairs) Bf16.Round(from, factor, d, (ushort*)rows.Q + at * d);
            else
                for (int e = 0; e < d; e++) rows.Q[at * d + e] = from[e] * factor;
        }

        foreach (ref readonly PlanRun run in call.Plan.Runs(task))
        {
            int first = Math.Max(run.FirstRow, task.FirstRow) - task.FirstRow, end = Math.Min(run.EndRow, task.FirstRow + task.RowCount) - task.FirstRow;
            for (int block = run.StartBlock; block < run.StartBlock + run.BlockCount && first < end; block++)
            {
                // A prompt's rows come in order: those before the block see nothing of it nor of what follows.
                while (first < end && rows.Positions[first * g] < block * KvLayout.BlockTokens) first++;
                if (first >= end) break;
                int from = first, to = end;
                if (rows.Window > 0)
                {
                    while (from < to && !rows.Sees(from * g, block * KvLayout.BlockTokens)) from++;
                    while (from < to && !rows.Sees((to - 1) * g, block * KvLayout.BlockTokens)) to--;
                    if (from == to) continue;
                }

                bool fetches = (to - from) * g >= BlockFold.FetchingRows && block + 1 < run.StartBlock + run.BlockCount;
                BlockAhead ahead = fetches ? new BlockAhead(Block(call.Kv, call.Layer, head, run.Pages, block + 1), call.Kv.Layout) : default;
                if (pairs) Bf16DotFold.Run(Block(call.Kv, call.Layer, head, run.Pages, block), rows, from * g, to * g, other, fetches ? &ahead : null);
                else BlockFold.Run(Load(call.Kv, call.Layer, head, run.Pages, block, other), rows, from * g, to * g, scores, fetches ? &ahead : null);
            }
        }
    }

    private static void Fold(in AttentionCall call, in PlanTask task, int head, in Bf16Rows rows, byte* scratch)
    {
        int g = call.G, d = rows.D, layer = call.Layer;
        for (int at = 0; at < task.RowCount * g; at++)
            Bf16.Round(Query(call, task.FirstRow + at / g, head * g + at % g, d), call.Rule.QueryFactor, d, rows.Q + at * d);
        KvPages kv = call.Kv;
        var items = new Bf16FoldItems(Bf16Fold.Code(d, kv.Layout.KeyStepBytes), rows, scratch);
        Span<KvBlock> blocks = stackalloc KvBlock[KvLayout.BlocksPerSpan];
        foreach (ref readonly PlanRun run in call.Plan.Runs(task))
        {
            int first = Math.Max(run.FirstRow, task.FirstRow) - task.FirstRow, end = Math.Min(run.EndRow, task.FirstRow + task.RowCount) - task.FirstRow;
            if (first >= end) continue;
            int last = rows.Positions[end * g - 1], count = Math.Min(run.BlockCount, last / KvLayout.BlockTokens + 1 - run.StartBlock);
            if (count <= 0) continue;
            for (int i = 0; i < count; i++) blocks[i] = Block(kv, layer, head, run.Pages, run.StartBlock + i);
            items.Prepare(blocks[..count], last + 1 - (run.StartBlock + count - 1) * KvLayout.BlockTokens);
            items.Add(blocks[..count], first * g, end * g);
        }

        items.Run();
    }

    /// <summary>The first span of which a row sees something: it has states from there on.</summary>
    public static int FirstSpan(AttentionRule rule, int position) => rule.FirstSeen(position) / KvLayout.SpanTokens;

    private static bool SeesSpan(AttentionRule rule, ReadOnlySpan<int> positions, int span)
    {
        if (rule.Window == 0) return true;
        foreach (int position in positions)
            if (span < AttentionPlan.SpanCount(position) && span >= FirstSpan(rule, position)) return true;
        return false;
    }

    private static float* Query(in AttentionCall call, int row, int head, int d) => call.Q.Data + (long)row * call.Q.RowFloats + head * d;

    /// <summary>Merges the spans of one row, for all heads.</summary>
    public static void MergeRow(in AttentionCall call, int row)
    {
        int spans = call.Plan.Spans(row), first = FirstSpan(call.Rule, call.Plan.Positions[row]);
        if (spans <= 1) return;
        KvLayout layout = call.Kv.Layout;
        int heads = call.Q.Columns / layout.HeadSize;
        for (int head = 0; head < heads; head++)
        {
            StateMerge.Merge(Partial(call, row, first, head, heads), (nint)heads * StateMerge.StateFloats(layout.PaddedHeadSize), spans - first,
                layout.HeadSize, layout.PaddedHeadSize, call.Output.Data + (long)row * call.Output.RowFloats + head * layout.HeadSize);
        }
    }

    private static float* Partial(in AttentionCall call, int row, int span, int head, int heads) =>
        (float*)call.Partials + ((long)call.Plan.PartialState(row, span) * heads + head) * StateMerge.StateFloats(call.Kv.Layout.PaddedHeadSize);

    /// <summary>A block of a sequence, in floats.</summary>
    public static KvBlock Load(KvPages kv, int layer, int head, int[] pages, int block, float* widened)
    {
        KvBlock data = Block(kv, layer, head, pages, block);
        if (kv.Layout.Format == KvFormat.F32) return data;
        // bf16 is widened once for all the rows of the task.
        int keyFloats = kv.Layout.HeadSize * KvLayout.PageTokens, valueFloats = kv.Layout.PaddedHeadSize * KvLayout.PageTokens;
        float* values = widened + KvLayout.PagesPerBlock * keyFloats;
        for (int page = 0; page < KvLayout.PagesPerBlock; page++)
        {
            for (int line = 0; line < kv.Layout.KeyLines; line++) WidenPairs.Run((ushort*)(data.Keys(page) + line * data.KeyStepFloats), 1, KvLayout.PageTokens, widened + page * keyFloats + line * 2 * KvLayout.PageTokens);
            WidenPairs.Run((ushort*)data.Values(page), KvLayout.PageTokens / 2, kv.Layout.PaddedHeadSize, values + page * valueFloats);
        }

        return KvBlock.Contiguous(data.StartPosition, widened, keyFloats, values, valueFloats);
    }

    private static KvBlock Block(KvPages kv, int layer, int head, int[] pages, int block)
    {
        int at = block * KvLayout.PagesPerBlock;
        return new KvBlock
        {
            StartPosition = block * KvLayout.BlockTokens,
            KeyStepFloats = kv.Layout.KeyStepBytes / sizeof(float),
            Keys0 = (float*)kv.Keys(layer, head, pages[at]),
            Keys1 = (float*)kv.Keys(layer, head, pages[at + 1]),
            Keys2 = (float*)kv.Keys(layer, head, pages[at + 2]),
            Keys3 = (float*)kv.Keys(layer, head, pages[at + 3]),
            Values0 = (float*)kv.Values(layer, head, pages[at]),
            Values1 = (float*)kv.Values(layer, head, pages[at + 1]),
            Values2 = (float*)kv.Values(layer, head, pages[at + 2]),
            Values3 = (float*)kv.Values(layer, head, pages[at + 3]),
        };
    }
}
