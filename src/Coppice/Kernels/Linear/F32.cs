using Coppice.Backends;

namespace Coppice.Kernels;

/// <summary>32-bit floats, [input][64] a panel. Every output is one chain over ascending inputs (<see cref="Linear.Reference"/>).</summary>
internal sealed unsafe class F32 : LinearWeights
{
    public F32(WorkerPool pool, StackedTensors stacked) : base(stacked, (long)stacked.Inputs * PanelOutputs * sizeof(float)) =>
        Pack(pool, stacked, default(Packing));

    public override void Multiply(float* x, int rows, int xRowFloats, WorkerPool pool, LinearScratch scratch, float* y, int yRowFloats) =>
        PanelProduct<InPlace>.Run(x, rows, xRowFloats, Inputs, this, pool, y, yRowFloats);

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
        public static float* Block(byte* panel, int lane, int count, float* scratch) => (float*)panel + (long)lane * PanelOutputs;

        public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add) =>
            FloatTile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats, add);
    }
}

/// <summary><see cref="Tile"/> with the choice between its two verbs made at run time.</summary>
internal static unsafe class FloatTile
{
    public static void Multiply(float* a, nint aRowFloats, int rows, in TileColumns b, int units, int k, float* c, nint cRowFloats, bool add)
    {
        if (add) Tile.MultiplyAdd(a, aRowFloats, rows, b, units, k, c, cRowFloats);
        else Tile.Multiply(a, aRowFloats, rows, b, units, k, c, cRowFloats);
    }
}
