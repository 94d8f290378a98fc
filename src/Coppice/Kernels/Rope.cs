using System.Runtime.InteropServices;
using Coppice.Models;

namespace Coppice.Kernels;

/// <summary>
/// Turns the pairs of every head of one token, in place: (x0, x1) becomes (x0·cos - x1·sin, x1·cos + x0·sin).  heads: [H][D], heads
/// headFloats apart; elements of a head beyond the table's D stay as they are.  (Su et al. 2021)
/// </summary>
internal static unsafe class Rope
{
    public static void Run(Span<float> heads, int headCount, int headFloats, RopeTable table, int position)
    {
        Shape.Holds(heads.Length, headCount, headFloats, table.HeadSize);
        if (Isa.Width >= 512) Simd<F512>(heads, headCount, headFloats, table, position);
        else if (Isa.Width >= 256) Simd<F256>(heads, headCount, headFloats, table, position);
        else if (Isa.Width >= 128) Simd<F128>(heads, headCount, headFloats, table, position);
        else Reference(heads, headCount, headFloats, table, position);
    }

    /// <summary>The definition. Slow, obvious, never optimised.</summary>
    public static void Reference(Span<float> heads, int headCount, int headFloats, RopeTable table, int position)
    {
        int half = table.HeadSize / 2;
        bool halves = table.Pairing == RopePairing.Halves;
        float* row = table.Row(position);
        for (int h = 0; h < headCount; h++)
        {
            for (int i = 0; i < half; i++)
            {
                float cos = halves ? row[i] : row[2 * i], sin = halves ? row[half + i] : row[table.HeadSize + 2 * i + 1];
                ref float x0 = ref heads[h * headFloats + (halves ? i : 2 * i)];
                ref float x1 = ref heads[h * headFloats + (halves ? half + i : 2 * i + 1)];
                (x0, x1) = (MathF.FusedMultiplyAdd(x0, cos, x1 * -sin), MathF.FusedMultiplyAdd(x1, cos, x0 * sin));
            }
        }
        GC.KeepAlive(table);
    }

    internal static void Simd<V>(Span<float> heads, int headCount, int headFloats, RopeTable table, int position) where V : struct, ILanes<V>
    {
        float* row = table.Row(position);
        fixed (float* first = &MemoryMarshal.GetReference(heads))
        {
            for (int h = 0; h < headCount; h++)
            {
                float* head = first + (long)h * headFloats;
                if (table.Pairing == RopePairing.Halves) Halves<V>(head, row, table.HeadSize / 2);
                else Interleaved<V>(head, row, table.HeadSize);
            }
        }
        GC.KeepAlive(table);
    }

    private static void Halves<V>(float* head, float* row, int half) where V : struct, ILanes<V>
    {
        int i = 0;
        for (; i <= half - V.Count; i += V.Count)
        {
            V cos = V.Load(row + i), sin = V.Load(row + half + i), x0 = V.Load(head + i), x1 = V.Load(head + half + i);
            V.Store(V.Fma(x0, cos, x1 * (V.Broadcast(-1f) * sin)), head + i);
            V.Store(V.Fma(x1, cos, x0 * sin), head + half + i);
        }
        for (; i < half; i++)
        {
            float cos = row[i], sin = row[half + i], x0 = head[i], x1 = head[half + i];
            head[i] = MathF.FusedMultiplyAdd(x0, cos, x1 * -sin);
            head[half + i] = MathF.FusedMultiplyAdd(x1, cos, x0 * sin);
        }
    }

    private static void Interleaved<V>(float* head, float* row, int size) where V : struct, ILanes<V>
    {
        int i = 0;
        for (; i <= size - V.Count; i += V.Count)
        {
            V x = V.Load(head + i);
            V.Store(V.Fma(x, V.Load(row + i), V.SwapPairs(x) * V.Load(row + size + i)), head + i);
        }
        for (; i < size; i += 2)
        {
            float x0 = head[i], x1 = head[i + 1];
            head[i] = MathF.FusedMultiplyAdd(x0, row[i], x1 * row[size + i]);
            head[i + 1] = MathF.FusedMultiplyAdd(x1, row[i + 1], x0 * row[size + i + 1]);
        }
    }
}
