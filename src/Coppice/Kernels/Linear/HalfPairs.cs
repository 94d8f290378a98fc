using System.Runtime.Intrinsics;
using Coppice.Backends;

namespace Coppice.Kernels;

/// <summary>A 16-bit format of floats, as pairs of consecutive inputs: the first in the lower half of a 32-bit lane.</summary>
internal interface IHalf
{
    /// <summary>Nearest, ties to even.</summary>
    static abstract ushort Round(float x);

    /// <summary>Both numbers of a pair, exactly.</summary>
    static abstract (Vector512<float> First, Vector512<float> Second) Widen(Vector512<uint> pairs);

    static abstract (Vector128<float> First, Vector128<float> Second) Widen(Vector128<uint> pairs);
}

/// <summary>
/// Panels of 16-bit floats, [inputs / 2][64][2], the inputs filled up with zeros to whole steps of 32. Widening is exact, so products in f32
/// arithmetic have the bits of the same numbers kept as f32: a block is widened once and then serves all rows of an item.
/// </summary>
internal static unsafe class HalfPairs<THalf> where THalf : struct, IHalf
{
    public const int StepInputs = 32;

    public static int PaddedInputs(int inputs) => (inputs + StepInputs - 1) / StepInputs * StepInputs;

    public static long PanelBytes(int inputs) => (long)PaddedInputs(inputs) * LinearWeights.PanelOutputs * sizeof(ushort);

    /// <summary><see cref="LinearWeights.Multiply"/> in f32 arithmetic.</summary>
    public static void Multiply(float* x, int rows, int xRowFloats, LinearWeights weights, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats)
    {
        byte* space = scratch.Take(PanelProduct<Widening>.ScratchBytes(rows, weights.Inputs));
        PanelProduct<Widening>.Run(x, rows, xRowFloats, weights.Inputs, weights, pool, space, y, yRowFloats);
    }

    public readonly struct Packing : IPanelPacking
    {
        public void PackUnit(float* rows, int rowFloats, int inputs, int unit, byte* panel)
        {
            ushort* to = (ushort*)panel + unit * Tile.UnitFloats * 2;
            for (int k = 0; k < inputs; k++)
            {
                ushort* pairs = to + (long)(k / 2) * LinearWeights.PanelOutputs * 2 + k % 2;
                for (int lane = 0; lane < Tile.UnitFloats; lane++) pairs[lane * 2] = THalf.Round(rows[(long)lane * rowFloats + k]);
            }
        }
    }

    /// <summary>Halves of the file as they are.</summary>
    public readonly struct FilePacking : IBytePacking
    {
        public void PackOutput(byte* row, int from, int inputs, int output, byte* panel)
        {
            ushort* halves = (ushort*)row + from;
            uint* to = (uint*)panel + (long)from / 2 * LinearWeights.PanelOutputs + output;
            for (int pair = 0; pair < inputs / 2; pair++, to += LinearWeights.PanelOutputs) *to = ((uint*)halves)[pair];
            if (inputs % 2 == 1) *to = halves[inputs - 1];
        }
    }

    /// <summary>Blocks of whole pairs, widened.</summary>
    public readonly struct Widening : IPanelTile
    {
        public static int LaneBytes => LinearWeights.PanelOutputs * sizeof(ushort);

        public static float* Block(byte* panel, int lane, int count, float* scratch)
        {
            Widen((uint*)panel + (long)lane / 2 * LinearWeights.PanelOutputs, (count + 1) / 2, scratch);
            return scratch;
        }

        public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch, nint prefetchStepBytes) =>
            FloatTile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats, add, prefetch, prefetchStepBytes);
    }

    /// <summary>pairs: [count][64] to y: [2 · count][64].</summary>
    internal static void Widen(uint* pairs, int count, float* y)
    {
        for (int pair = 0; pair < count; pair++, pairs += LinearWeights.PanelOutputs, y += 2 * LinearWeights.PanelOutputs)
        {
            if (Isa.Width >= 512)
            {
                for (int i = 0; i < LinearWeights.PanelOutputs; i += 16)
                {
                    (Vector512<float> first, Vector512<float> second) = THalf.Widen(Vector512.Load(pairs + i));
                    first.Store(y + i);
                    second.Store(y + LinearWeights.PanelOutputs + i);
                }
            }
            else
            {
                for (int i = 0; i < LinearWeights.PanelOutputs; i += 4)
                {
                    (Vector128<float> first, Vector128<float> second) = THalf.Widen(Vector128.Load(pairs + i));
                    first.Store(y + i);
                    second.Store(y + LinearWeights.PanelOutputs + i);
                }
            }
        }
    }
}
