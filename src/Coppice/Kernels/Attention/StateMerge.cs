using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// The end of a row's attention: the states of its spans merge in order of position, and the sum is divided by l.
/// Two states merge exactly: m = max(m1, m2), l = l1 · 2^(m1 - m) + l2 · 2^(m2 - m), o likewise (arXiv 2402.05099, eq. 5).
/// </summary>
internal static unsafe class StateMerge
{
    /// <summary>Floats of a kept state: o [padded D], then m and l, up to the next cache line.</summary>
    public static int StateFloats(int paddedD) => paddedD + Lanes16.Count;

    /// <summary>Keeps a state for <see cref="Merge"/>.</summary>
    public static void Keep(float m, float l, float* o, int paddedD, float* state)
    {
        new ReadOnlySpan<float>(o, paddedD).CopyTo(new Span<float>(state, paddedD));
        state[paddedD] = m;
        state[paddedD + 1] = l;
    }

    /// <summary>output[i] = o[i] / l, i below D. Adding 0 makes -0 into +0, which a weight of exactly zero might have left.</summary>
    public static void Divide(float l, float* o, int d, float* output)
    {
        if (Isa.Width >= 512) Divide<F512>(l, o, d, output);
        else if (Isa.Width >= 256) Divide<F256>(l, o, d, output);
        else if (Isa.Width >= 128) Divide<F128>(l, o, d, output);
        else ReferenceDivide(l, o, d, output);
    }

    /// <summary>Merges kept states into the first of them and writes the attention's output.</summary>
    /// <param name="states">[count][<see cref="StateFloats"/>], in order of the spans.</param>
    /// <param name="stateStride">Floats from one to the next.</param>
    /// <param name="count">At least one.</param>
    /// <param name="d">D.</param>
    /// <param name="paddedD">D rounded up to 16.</param>
    /// <param name="output">[D].</param>
    public static void Merge(float* states, nint stateStride, int count, int d, int paddedD, float* output)
    {
        if (Isa.Width >= 512) Merge<F512>(states, stateStride, count, d, paddedD, output);
        else if (Isa.Width >= 256) Merge<F256>(states, stateStride, count, d, paddedD, output);
        else if (Isa.Width >= 128) Merge<F128>(states, stateStride, count, d, paddedD, output);
        else Reference(states, stateStride, count, d, paddedD, output);
    }

    /// <summary>The definition of <see cref="Divide(float, float*, int, float*)"/>.</summary>
    public static void ReferenceDivide(float l, float* o, int d, float* output)
    {
        float scale = 1f / l;
        for (int i = 0; i < d; i++) output[i] = MathF.FusedMultiplyAdd(o[i], scale, 0f);
    }

    /// <summary>The definition of <see cref="Merge(float*, nint, int, int, int, float*)"/>. Slow, obvious, never optimised.</summary>
    public static void Reference(float* states, nint stateStride, int count, int d, int paddedD, float* output)
    {
        float m = states[paddedD], l = states[paddedD + 1];
        for (int i = 1; i < count; i++)
        {
            float* other = states + i * stateStride;
            (float mine, float theirs) = Factors(ref m, ref l, other + paddedD);
            for (int e = 0; e < d; e++) states[e] = MathF.FusedMultiplyAdd(states[e], mine, other[e] * theirs);
        }

        ReferenceDivide(l, states, d, output);
    }

    internal static void Divide<V>(float l, float* o, int d, float* output) where V : struct, ILanes<V>
    {
        V scale = V.Broadcast(1f / l);
        int i = 0;
        for (; i <= d - V.Count; i += V.Count) V.Store(V.Fma(V.Load(o + i), scale, V.Zero), output + i);
        if (i < d) ReferenceDivide(l, o + i, d - i, output + i);
    }

    internal static void Merge<V>(float* states, nint stateStride, int count, int d, int paddedD, float* output) where V : struct, ILanes<V>
    {
        float m = states[paddedD], l = states[paddedD + 1];
        for (int i = 1; i < count; i++)
        {
            float* other = states + i * stateStride;
            (float mine, float theirs) = Factors(ref m, ref l, other + paddedD);
            V a = V.Broadcast(mine), b = V.Broadcast(theirs);
            for (int e = 0; e < paddedD; e += V.Count) V.Store(V.Fma(V.Load(states + e), a, V.Load(other + e) * b), states + e);
        }

        Divide<V>(l, states, d, output);
    }

    // What two states are to be multiplied with; m and l become those of both together.
    private static (float Mine, float Theirs) Factors(ref float m, ref float l, float* other)
    {
        float max = ScalarMath.Max(m, other[0]), mine = Exp2.Of(m - max), theirs = Exp2.Of(other[0] - max);
        m = max;
        l = MathF.FusedMultiplyAdd(l, mine, other[1] * theirs);
        return (mine, theirs);
    }
}
