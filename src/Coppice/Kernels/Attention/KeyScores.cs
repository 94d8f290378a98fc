using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// scores[h][t] = Σ q[h][j] · key(t)[components[j]] for the 16 positions of each page: the first step of SparQ with r components, and
/// exact scores with all of them. A page keeps a component's 16 positions side by side, so a component costs one line of 64 bytes for
/// each page (in bf16 one for each pair of components), and nothing else of the keys is touched. Where the layout has lines of many pages
/// side by side they are read on and on, component by component.
/// </summary>
internal static unsafe class KeyScores
{
    private const int PageTokens = KvLayout.PageTokens;

    // Pages fetched ahead where they lie apart: more would exceed what the processor can wait for.
    private const int Ahead = 2;

    // Shorter runs are as good as single pages, whose scores stay in registers.
    private const int LeastRun = 4;

    // Components at a time along a run: as many streams are read side by side.
    private const int Together = 4;

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

    internal static void Simd<V>(in History history, int* which, int pages, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats, ref long bytes) where V : struct, ILanes<V>
    {
        for (int at = 0, run; at < pages; at += run)
        {
            run = which == null ? history.KeyRun(at, pages) : 1;
            if (run >= LeastRun)
            {
                Along<V>(history, history.Keys(at), run * PageTokens, components, q, g, scores + at * PageTokens, rowFloats);
                continue;
            }

            // Single pages, up to the next run.
            int end = at + run;
            for (int next; end < pages; end += next)
            {
                next = which == null ? history.KeyRun(end, pages) : 1;
                if (next >= LeastRun) break;
            }

            run = end - at;
            Pages<V>(history, which, at, end, components, q, g, scores, rowFloats);
        }

        bytes += (long)pages * Lines(history.IsBf16, components) * History.LineBytes;
    }

    /// <summary>Positions whose lines lie side by side, a few components at a time.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Along<V>(in History history, byte* keys, int positions, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats) where V : struct, ILanes<V>
    {
        int r = components.Length;
        float** lines = stackalloc float*[Together];
        float* widened = stackalloc float[history.IsBf16 ? Together * positions : 1];
        for (int j = 0; j < r; j += Together)
        {
            int some = Math.Min(Together, r - j);
            for (int i = 0; i < some; i++) lines[i] = Line(history, keys, components[j + i], positions, widened + i * positions);
            for (int h = 0; h < g; h++)
            {
                float* own = q + h * r + j, to = scores + h * rowFloats;
                if (some == Together) AddFour<V>(lines, own, j == 0, positions, to);
                else
                    for (int i = 0; i < some; i++) AddOne<V>(lines[i], own[i], j + i == 0, positions, to);
            }
        }
    }

    /// <summary>A component of so many positions, as floats.</summary>
    private static float* Line(in History history, byte* keys, int component, int positions, float* widened)
    {
        nint step = history.Layout.KeyStepBytes;
        if (!history.IsBf16) return (float*)(keys + component * step);
        History.WidenHalf((uint*)(keys + (component >> 1) * step), component & 1, positions, widened);
        return widened;
    }

    /// <summary>Pages [at, end), one after another with all components.</summary>
    [MethodImpl(MethodImplOptions.NoInlining)]
    private static void Pages<V>(in History history, int* which, int at, int end, ReadOnlySpan<int> components, float* q, int g, float* scores, nint rowFloats) where V : struct, ILanes<V>
    {
        int r = components.Length, lines = 0;
        bool bf16 = history.IsBf16;
        nint step = history.Layout.KeyStepBytes;
        nint* offsets = stackalloc nint[r];         // in floats, of a component's 16 positions
        nint* lineBytes = stackalloc nint[r];       // of the lines to fetch
        float* widened = stackalloc float[bf16 ? r * PageTokens : 1];
        for (int j = 0; j < r; j++)
        {
            nint line = (bf16 ? components[j] >> 1 : components[j]) * step;
            offsets[j] = bf16 ? j * PageTokens : line / sizeof(float);
            if (lines == 0 || lineBytes[lines - 1] != line) lineBytes[lines++] = line;
        }

        bool isStream = 2 * r > history.Layout.HeadSize;
        for (; at < end; at++)
        {
            if (Sse.IsSupported && !isStream && at + Ahead < end)
            {
                byte* ahead = history.Keys(which == null ? at + Ahead : which[at + Ahead]);
                for (int line = 0; line < lines; line++) Sse.Prefetch0(ahead + lineBytes[line]);
            }

            byte* page = history.Keys(which == null ? at : which[at]);
            float* keys = (float*)page;
            if (bf16)
            {
                keys = widened;
                for (int j = 0; j < r; j++) History.WidenHalf((uint*)(page + (components[j] >> 1) * step), components[j] & 1, PageTokens, widened + j * PageTokens);
            }

            float* to = scores + at * PageTokens;
            int h = 0;
            for (; h + 4 <= g; h += 4) FourHeads<V>(keys, offsets, r, q + h * r, to + h * rowFloats, rowFloats);
            for (; h < g; h++) OneHead<V>(keys, offsets, r, q + h * r, to + h * rowFloats);
        }
    }

    private static int Lines(bool bf16, ReadOnlySpan<int> components)
    {
        int lines = 0;
        for (int j = 0; j < components.Length; j++)
            if (j == 0 || !bf16 || components[j] >> 1 != components[j - 1] >> 1) lines++;
        return lines;
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddOne<V>(float* line, float q, bool isFirst, int positions, float* scores) where V : struct, ILanes<V>
    {
        V weight = V.Broadcast(q);
        for (int t = 0; t < positions; t += V.Count) V.Store(V.Fma(weight, V.Load(line + t), isFirst ? V.Zero : V.Load(scores + t)), scores + t);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void AddFour<V>(float** lines, float* q, bool isFirst, int positions, float* scores) where V : struct, ILanes<V>
    {
        float* k0 = lines[0], k1 = lines[1], k2 = lines[2], k3 = lines[3];
        V q0 = V.Broadcast(q[0]), q1 = V.Broadcast(q[1]), q2 = V.Broadcast(q[2]), q3 = V.Broadcast(q[3]);
        for (int t = 0; t < positions; t += V.Count)
        {
            V sum = V.Fma(q0, V.Load(k0 + t), isFirst ? V.Zero : V.Load(scores + t));
            V.Store(V.Fma(q3, V.Load(k3 + t), V.Fma(q2, V.Load(k2 + t), V.Fma(q1, V.Load(k1 + t), sum))), scores + t);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void OneHead<V>(float* keys, nint* offsets, int r, float* q, float* scores) where V : struct, ILanes<V>
    {
        for (int lane = 0; lane < PageTokens; lane += V.Count)
        {
            V sum = V.Zero;
            for (int j = 0; j < r; j++) sum = V.Fma(V.Broadcast(q[j]), V.Load(keys + offsets[j] + lane), sum);
            V.Store(sum, scores + lane);
        }
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static void FourHeads<V>(float* keys, nint* offsets, int r, float* q, float* scores, nint rowFloats) where V : struct, ILanes<V>
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
