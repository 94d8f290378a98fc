using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels.Attention;

/// <summary>Exact scores and weighted values of single positions, each a row of its own in memory.</summary>
internal static unsafe class Gather
{
    // Rows fetched ahead: positions lie anywhere.
    private const int Ahead = 6;

    // Values that are added to the output while it is in registers.
    private const int Together = 4;

    /// <summary>scores[h][j] = q[h] · key(chosen[j]), from the second copy of the keys, through 16 lanes.</summary>
    /// <param name="history">The keys.</param>
    /// <param name="chosen">Positions, [count].</param>
    /// <param name="count">How many.</param>
    /// <param name="q">[g][padded D], zero behind D.</param>
    /// <param name="g">Query heads.</param>
    /// <param name="scores">[g][count].</param>
    /// <param name="rowFloats">From one query's scores to the next one's.</param>
    /// <param name="bytes">What was fetched is added.</param>
    public static void Scores(in History history, int* chosen, int count, float* q, int g, float* scores, nint rowFloats, ref long bytes)
    {
        if (Isa.Width >= 512) ScoresSimd<F512>(history, chosen, count, q, g, scores, rowFloats);
        else if (Isa.Width >= 256) ScoresSimd<F256>(history, chosen, count, q, g, scores, rowFloats);
        else if (Isa.Width >= 128) ScoresSimd<F128>(history, chosen, count, q, g, scores, rowFloats);
        else ScoresReference(history, chosen, count, q, g, scores, rowFloats);
        bytes += (long)count * history.KeyRowSize;
    }

    /// <summary>output[h][i] = (Σ weights[h][j] · value(chosen[j])[i]) · share[h], in the order of j.</summary>
    /// <param name="history">The values.</param>
    /// <param name="chosen">Positions, [count].</param>
    /// <param name="count">How many.</param>
    /// <param name="weights">[g][count].</param>
    /// <param name="rowFloats">From one query's weights to the next one's.</param>
    /// <param name="share">[g].</param>
    /// <param name="g">Query heads.</param>
    /// <param name="output">[g][padded D].</param>
    /// <param name="bytes">What was fetched is added.</param>
    public static void Values(in History history, int* chosen, int count, float* weights, nint rowFloats, float* share, int g, float* output, ref long bytes)
    {
        if (Isa.Width >= 512) ValuesSimd<F512>(history, chosen, count, weights, rowFloats, share, g, output);
        else if (Isa.Width >= 256) ValuesSimd<F256>(history, chosen, count, weights, rowFloats, share, g, output);
        else if (Isa.Width >= 128) ValuesSimd<F128>(history, chosen, count, weights, rowFloats, share, g, output);
        else ValuesReference(history, chosen, count, weights, rowFloats, share, g, output);
        bytes += (long)count * history.ValueRowSize;
    }

    /// <summary>The definition.</summary>
    public static void ScoresReference(in History history, int* chosen, int count, float* q, int g, float* scores, nint rowFloats)
    {
        int d = history.Layout.HeadSize, padded = history.Layout.PaddedHeadSize;
        Span<float> lanes = stackalloc float[Lanes16.Count];
        for (int j = 0; j < count; j++)
        {
            for (int h = 0; h < g; h++)
            {
                lanes.Clear();
                for (int i = 0; i < d; i++) lanes[i % Lanes16.Count] = MathF.FusedMultiplyAdd(q[h * padded + i], history.Key(chosen[j], i), lanes[i % Lanes16.Count]);
                scores[h * rowFloats + j] = Lanes16.ReferenceSum(lanes);
            }
        }
    }

    /// <summary>The definition.</summary>
    public static void ValuesReference(in History history, int* chosen, int count, float* weights, nint rowFloats, float* share, int g, float* output)
    {
        int d = history.Layout.HeadSize, padded = history.Layout.PaddedHeadSize;
        for (int h = 0; h < g; h++)
        {
            for (int i = 0; i < padded; i++)
            {
                float sum = 0f;
                for (int j = 0; j < count && i < d; j++) sum = MathF.FusedMultiplyAdd(weights[h * rowFloats + j], history.Value(chosen[j], i), sum);
                output[h * padded + i] = sum * share[h];
            }
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ScoresSimd<V>(in History history, int* chosen, int count, float* q, int g, float* scores, nint rowFloats) where V : struct, ILanes<V>
    {
        int padded = history.Layout.PaddedHeadSize, keyBytes = history.KeyRowSize, valueBytes = history.ValueRowSize;
        float* widened = stackalloc float[padded];
        for (int j = 0; j < count; j++)
        {
            if (Sse.IsSupported && j + Ahead < count)
            {
                byte* key = history.KeyRowBytes(chosen[j + Ahead]), value = history.ValueRowBytes(chosen[j + Ahead]);
                for (int at = 0; at < keyBytes; at += History.LineBytes) Sse.Prefetch0(key + at);
                for (int at = 0; at < valueBytes; at += History.LineBytes) Sse.Prefetch1(value + at);       // needed next, by Values
            }

            float* row = history.KeyRow(chosen[j], widened);
            for (int h = 0; h < g; h++) scores[h * rowFloats + j] = Dot<V>(q + h * padded, row, padded);
        }
    }

    [MethodImpl(MethodImplOptions.NoInlining)]
    internal static void ValuesSimd<V>(in History history, int* chosen, int count, float* weights, nint rowFloats, float* share, int g, float* output) where V : struct, ILanes<V>
    {
        int padded = history.Layout.PaddedHeadSize, valueBytes = history.ValueRowSize;
        float* widened = stackalloc float[Together * padded];
        new Span<float>(output, g * padded).Clear();
        int j = 0;
        for (; j + Together <= count; j += Together)
        {
            for (int i = j + Ahead; Sse.IsSupported && i < Math.Min(count, j + Ahead + Together); i++)
            {
                byte* value = history.ValueRowBytes(chosen[i]);
                for (int at = 0; at < valueBytes; at += History.LineBytes) Sse.Prefetch0(value + at);
            }

            float* v0 = history.ValueRow(chosen[j], widened), v1 = history.ValueRow(chosen[j + 1], widened + padded);
            float* v2 = history.ValueRow(chosen[j + 2], widened + 2 * padded), v3 = history.ValueRow(chosen[j + 3], widened + 3 * padded);
            for (int h = 0; h < g; h++)
            {
                float* w = weights + h * rowFloats + j, o = output + h * padded;
                V w0 = V.Broadcast(w[0]), w1 = V.Broadcast(w[1]), w2 = V.Broadcast(w[2]), w3 = V.Broadcast(w[3]);
                for (int i = 0; i < padded; i += V.Count)
                    V.Store(V.Fma(w3, V.Load(v3 + i), V.Fma(w2, V.Load(v2 + i), V.Fma(w1, V.Load(v1 + i), V.Fma(w0, V.Load(v0 + i), V.Load(o + i))))), o + i);
            }
        }

        for (; j < count; j++)
        {
            float* v = history.ValueRow(chosen[j], widened);
            for (int h = 0; h < g; h++)
            {
                V w = V.Broadcast(weights[h * rowFloats + j]);
                float* o = output + h * padded;
                for (int i = 0; i < padded; i += V.Count) V.Store(V.Fma(w, V.Load(v + i), V.Load(o + i)), o + i);
            }
        }

        for (int h = 0; h < g; h++)
            for (int i = 0; i < padded; i += V.Count) V.Store(V.Load(output + h * padded + i) * V.Broadcast(share[h]), output + h * padded + i);
    }

    [MethodImpl(MethodImplOptions.AggressiveInlining)]
    private static float Dot<V>(float* a, float* b, int n) where V : struct, ILanes<V>
    {
        V s0 = V.Zero, s1 = V.Zero, s2 = V.Zero, s3 = V.Zero;
        for (int i = 0; i < n; i += Lanes16.Count)
        {
            s0 = V.Fma(V.Load(a + i), V.Load(b + i), s0);
            if (V.Count < 16) s1 = V.Fma(V.Load(a + i + V.Count), V.Load(b + i + V.Count), s1);
            if (V.Count < 8)
            {
                s2 = V.Fma(V.Load(a + i + 2 * V.Count), V.Load(b + i + 2 * V.Count), s2);
                s3 = V.Fma(V.Load(a + i + 3 * V.Count), V.Load(b + i + 3 * V.Count), s3);
            }
        }

        return Lanes16.Sum(V.FoldSum(s0, s1, s2, s3));
    }
}
