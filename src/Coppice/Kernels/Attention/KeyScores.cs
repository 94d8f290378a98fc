using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// scores[h][t] = Σ q[h][j] · key(t)[components[j]] for the 16 positions of each page: the first step of SparQ with r components, and
/// exact scores with all of them. A page keeps a component's 16 positions side by side, so a component costs one line of 64 bytes for
/// each page (in bf16 one for each pair of components), and nothing else of the keys is touched.
/// </summary>
internal static unsafe class KeyScores
{
    private const int PageTokens = KvLayout.PageTokens;

    // Pages fetched ahead. The lines lie apart, so the processor's own guess does not find them; more would exceed what it can wait for.
    private const int Ahead = 2;

    /// <param name="history">The keys.</param>
    /// <param name="which">Pages of the sequence, ascending, or null: the first ones.</param>
    /// <param name="pages">How many.</param>
    /// <param name="components">Ascending, below D.</param>
    /// <param name="q">Queries, [g][components].</param>
    /// <param name="g">Query heads.</param>
    /// <param name="scores">[g][pages · 16].</param>
    /// <param name="rowFloats">From one query's scores to the next one's.</param>
    /// <param name="bytes">What was fetched is added.</param>
    public static void Run(in History history, int* which, int pages, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats, ref long bytes)
    {
        if (Isa.Width >= 512) Simd<F512>(history, which, pages, components, q, g, scores, rowFloats, ref bytes);
        else if (Isa.Width >= 256) Simd<F256>(history, which, pages, components, q, g, scores, rowFloats, ref bytes);
        else if (Isa.Width >= 128) Simd<F128>(history, which, pages, components, q, g, scores, rowFloats, ref bytes);
        else Reference(history, which, pages, components, q, g, scores, rowFloats, ref bytes);
    }

    /// <summary>The definition.</summary>
    public static void Reference(in History history, int* which, int pages, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats, ref long bytes)
    {
        for (int at = 0; at < pages; at++)
        {
            for (int h = 0; h < g; h++)
            {
                for (int slot = 0; slot < PageTokens; slot++)
                {
                    float score = 0f;
                    for (int j = 0; j < components.Length; j++)
                        score = MathF.FusedMultiplyAdd(q[h * components.Length + j], history.Key((which == null ? at : which[at]) * PageTokens + slot, components[j]), score);
                    scores[h * rowFloats + at * PageTokens + slot] = score;
                }
            }
        }

        bytes += (long)pages * Lines(history.IsBf16, components) * History.LineBytes;
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void Simd<V>(in History history, int* which, int pages, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats, ref long bytes) where V : struct, ILanes<V>
    {
        int r = components.Length, lines = 0;
        bool bf16 = history.IsBf16;
        nint* offsets = stackalloc nint[r];         // in floats, of a component's 16 positions
        nint* lineBytes = stackalloc nint[r];       // of the lines to fetch
        float* widened = stackalloc float[bf16 ? r * PageTokens : 1];
        for (int j = 0; j < r; j++)
        {
            nint line = (bf16 ? components[j] >> 1 : components[j]) * (nint)History.LineBytes;
            offsets[j] = (bf16 ? j : components[j]) * PageTokens;
            if (lines == 0 || lineBytes[lines - 1] != line) lineBytes[lines++] = line;
        }

        bool isStream = 2 * r > history.Layout.HeadSize;
        for (int at = 0; at < pages; at++)
        {
            if (Sse.IsSupported && !isStream && at + Ahead < pages)
            {
                byte* ahead = history.Keys(which == null ? at + Ahead : which[at + Ahead]);
                for (int line = 0; line < lines; line++) Sse.Prefetch0(ahead + lineBytes[line]);
            }

            byte* page = history.Keys(which == null ? at : which[at]);
            float* keys = (float*)page;
            if (bf16)
            {
                keys = widened;
                for (int j = 0; j < r; j++) History.WidenHalf((uint*)page + (components[j] >> 1) * PageTokens, components[j] & 1, PageTokens, widened + j * PageTokens);
            }

            float* to = scores + at * PageTokens;
            int h = 0;
            for (; h + 4 <= g; h += 4) Four<V>(keys, offsets, r, q + h * r, to + h * rowFloats, rowFloats);
            for (; h < g; h++) One<V>(keys, offsets, r, q + h * r, to + h * rowFloats);
        }

        bytes += (long)pages * lines * History.LineBytes;
    }

    private static int Lines(bool bf16, ReadOnlySpan<int> components)
    {
        int lines = 0;
        for (int j = 0; j < components.Length; j++)
            if (j == 0 || !bf16 || components[j] >> 1 != components[j - 1] >> 1) lines++;
        return lines;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void One<V>(float* keys, nint* offsets, int r, float* q, float* scores) where V : struct, ILanes<V>
    {
        for (int lane = 0; lane < PageTokens; lane += V.Count)
        {
            V sum = V.Zero;
            for (int j = 0; j < r; j++) sum = V.Fma(V.Broadcast(q[j]), V.Load(keys + offsets[j] + lane), sum);
            V.Store(sum, scores + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void Four<V>(float* keys, nint* offsets, int r, float* q, float* scores, nint rowFloats) where V : struct, ILanes<V>
    {
        for (int lane = 0; lane < PageTokens; lane += V.Count)
        {
            V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
            for (int j = 0; j < r; j++)
            {
                V key = V.Load(keys + offsets[j] + lane);
                s0 = V.Fma(V.Broadcast(q[j]), key, s0);
                s1 = V.Fma(V.Broadcast(q[r + j]), key, s1);
                s2 = V.Fma(V.Broadcast(q[2 * r + j]), key, s2);
                s3 = V.Fma(V.Broadcast(q[3 * r + j]), key, s3);
            }

            V.Store(s0, scores + lane);
            V.Store(s1, scores + rowFloats + lane);
            V.Store(s2, scores + 2 * rowFloats + lane);
            V.Store(s3, scores + 3 * rowFloats + lane);
        }
    }
}
