using Coppice.Backends;
using Coppice.Kernels.Emitted;
using Coppice.Memory;

namespace Coppice.Kernels;

/// <summary>32-bit floats, [input][64] a panel. Every output is one chain over ascending inputs (<see cref="Linear.Reference"/>).</summary>
internal sealed unsafe class F32 : LinearWeights
{
    public F32(WorkerPool pool, StackedTensors stacked) : base(stacked, (long)stacked.Inputs * PanelOutputs * sizeof(float)) =>
        Pack(pool, stacked, default(Packing));

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats) =>
        PanelProduct<InPlace>.Run(x, rows, xRowFloats, Inputs, this, pool, scratch.Take(PanelProduct<InPlace>.ScratchBytes(rows, Inputs)), y, yRowFloats);

    private readonly struct Packing : IPanelPacking
    {
        public void PackUnit(float* rows, int rowFloats, int inputs, int unit, byte* panel)
        {
            float* to = (float*)panel + unit * Tile.UnitFloats;
            for (int k = 0; k < inputs; k++, to += PanelOutputs)
                for (int lane = 0; lane < Tile.UnitFloats; lane++) to[lane] = rows[(long)lane * rowFloats + k];
        }
    }

    private readonly struct InPlace : IPanelTile
    {
        public static int LaneBytes => PanelOutputs * sizeof(float);

        public static float* Block(byte* panel, int lane, int count, float* scratch) => (float*)panel + (long)lane * PanelOutputs;

        public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch, nint prefetchStepBytes) =>
            FloatTile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats, add, prefetch, prefetchStepBytes);
    }
}

/// <summary><see cref="Tile"/>, or the emitted code with the same bits where it runs: only that can fetch ahead in the midst of its loop.</summary>
internal static unsafe class FloatTile
{
    private static readonly EmittedTile? Emitted = EmittedTile.Of(DotFormat.F32);

    public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add, byte* prefetch, nint prefetchStepBytes)
    {
        if (Emitted is not null)
        {
            Emitted.Run(a, aRowFloats, rows, b, units, k, c, cRowFloats, add, prefetch, prefetchStepBytes);
            return;
        }
        if (add) Tile.MultiplyAdd(a, aRowFloats, rows, b, units, k, c, cRowFloats);
        else Tile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats);
        for (byte* end = prefetch + k * prefetchStepBytes; prefetch < end; prefetch += AlignedBuffer.AlignmentBytes) Isa.PrefetchToSecondLevel(prefetch);
    }
}
