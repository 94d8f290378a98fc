using System.Runtime.CompilerServices;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Scheduling;

namespace Coppice.Attention;

/// <summary>
/// Heavy hitters (arXiv 2306.14048): each position's attention is added up over all rows, those of the prompt included, and when there
/// are more than <paramref name="keep"/> the ones with the least go, but for the last quarter, and are never looked at again. The heads
/// of a group share one account, as in SparQ's comparison. Rows of the prompt are attended exactly and only counted here.
/// </summary>
/// <remarks>
/// The account is a function of the sequence's tokens: a sequence that pauses starts anew at its first token and comes to the same
/// account, which is why prompts are not taken from the cache (<see cref="PageReuse.None"/>). Dropped positions keep their memory: this
/// judges what is chosen, and saves reading only.
/// </remarks>
internal sealed unsafe class H2oPolicy(int keep) : ISparsePolicy
{
    private const float Dropped = -1f;

    private readonly ConditionalWeakTable<PageTable, Account> _accounts = [];
    private readonly TrafficCounter _traffic = new();

    public SparseTraffic Traffic => _traffic.Total;

    public void Plan(Batch batch, AttentionPlan plan)
    {
        foreach (ref readonly BatchSegment segment in batch.Segments)
        {
            int exact = segment.Rows - segment.DecodeRows;
            if (exact > 0) plan.Add(segment.Table, 0, AttentionPolicies.Blocks(segment.Slice(0, exact)), segment.FirstRow, exact);
            plan.AddSparse(this, segment);
            if (segment.Start == 0) _accounts.GetOrCreateValue(segment.Table);
        }
    }

    public long ScratchFloats(KvLayout layout, int g, int positions) => ChosenRow.ScratchFloats(layout, g, positions, positions) + (long)g * layout.HeadSize + 3L * positions;

    public void Attend(in AttentionCall call, in BatchSegment segment, int head, float* scratch)
    {
        KvLayout layout = call.Kv.Layout;
        var history = new History(call.Kv, call.Layer, head, segment.Table.Pages);
        if (!_accounts.TryGetValue(segment.Table, out Account? account)) throw new InvalidOperationException("The sequence was not seen from its beginning.");
        float[] sums = account.Of(layout, call.Layer, head, segment.Table.Pages.Length * KvLayout.PageTokens);
        if (segment.Start == 0) Array.Clear(sums);
        float* unused = scratch + ChosenRow.ScratchFloats(layout, call.G, segment.Length, segment.Length);      // where rows of the prompt, whose output is there already, go
        int* chosen = (int*)(unused + call.G * layout.HeadSize);
        for (int row = 0; row < segment.Rows; row++)
        {
            int positions = segment.Start + row + 1;
            bool isPrompt = positions <= segment.DecodeFrom;
            int count = Alive(sums, positions, isPrompt ? int.MaxValue : keep, chosen);
            float* output = isPrompt ? unused : call.OutputOf(segment.FirstRow + row, head);
            long bytes = ChosenRow.Run(history, call.Query(segment.FirstRow + row, head), call.G, call.Rule.QueryFactor, chosen, count, output, scratch, out ChosenWeights weights);
            for (int j = 0; j < count; j++) sums[chosen[j]] += weights.Sum(j, call.G);
            if (!isPrompt) _traffic.Add(layout, positions, bytes);
        }
    }

    /// <summary>Lists the positions that are looked at, and drops those with the least attention while there are more than <paramref name="most"/>.</summary>
    /// <param name="sums">By position.</param>
    /// <param name="positions">That there are.</param>
    /// <param name="most">Positions that may stay, the last quarter of which are the newest ones.</param>
    /// <param name="chosen">Ascending; room for three times as many positions.</param>
    internal static int Alive(Span<float> sums, int positions, int most, int* chosen)
    {
        int count = 0;
        for (int t = 0; t < positions; t++)
            if (sums[t] != Dropped) chosen[count++] = t;
        if (count <= most) return count;

        // All but the local ones compete; among equals the first stay, as in every choice here.
        int local = Math.Max(1, most / 4), others = count - local;
        float* values = (float*)(chosen + count);
        int* stay = (int*)(values + others);
        for (int j = 0; j < others; j++) values[j] = sums[chosen[j]];
        TopPositions.Run(values, others, most - local, stay);
        int kept = 0;
        for (int j = 0; j < others; j++)
        {
            if (kept < most - local && stay[kept] == j) chosen[kept++] = chosen[j];
            else sums[chosen[j]] = Dropped;
        }

        for (int j = others; j < count; j++) chosen[kept++] = chosen[j];
        return kept;
    }

    /// <summary>One sequence's sums, by layer and KV head. A layer and head is attended by one thread at a time.</summary>
    private sealed class Account
    {
        private float[]?[]? _sums;

        public float[] Of(KvLayout layout, int layer, int head, int tokens)
        {
            if (_sums is null) Interlocked.CompareExchange(ref _sums, new float[]?[layout.Layers * layout.KvHeads], null);
            return _sums[layer * layout.KvHeads + head] ??= new float[tokens];
        }
    }
}
