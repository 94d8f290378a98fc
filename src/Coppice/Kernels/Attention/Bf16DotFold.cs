using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Kernels.Attention;

/// <summary>
/// Folds a block of bf16 as it lies in its pages, by vdpbf16ps: what <see cref="BlockFold"/> is for floats. Pages have pairs of components and pairs of
/// positions side by side, so that both products are tiles of <see cref="EmittedTile"/>. <see cref="Bf16Fold.Reference"/> is the definition.
/// </summary>
internal static unsafe class Bf16DotFold
{
    private const int TileRows = BlockFold.TileRows, BlockTokens = KvLayout.BlockTokens, BlockLanes = BlockTokens / 2, PageLanes = KvLayout.PageTokens / 2;
    private const int CallFloats = Bf16Call.Bytes / sizeof(float), ItemFloats = Bf16Item.Bytes / sizeof(float);

    /// <summary>Floats of scratch that a call needs.</summary>
    public const int ScratchFloats = CallFloats + ItemFloats + TileRows * (BlockTokens + BlockLanes + 1);

    /// <param name="block">The block, in bf16. Pages beyond what the rows see are not read.</param>
    /// <param name="rows">States, updated; queries are pairs of bf16, [rows][D/2].</param>
    /// <param name="first">First row.</param>
    /// <param name="end">Row after the last.</param>
    /// <param name="scratch"><see cref="ScratchFloats"/>, at a multiple of 64 bytes.</param>
    /// <param name="ahead">What is fetched meanwhile; null for nothing.</param>
    public static void Run(in KvBlock block, in HeadRows rows, int first, int end, float* scratch, BlockAhead* ahead = null)
    {
        EmittedTile tile = EmittedTile.Of(DotFormat.BF16)!;
        int lanes = rows.D / 2, paddedD = rows.PaddedD;
        int share = ahead is null ? 0 : BlockFold.StepBytes(ahead->Bytes, end - first, lanes, BlockLanes, paddedD);
        var call = (Bf16Call*)scratch;
        var item = (Bf16Item*)(scratch + CallFloats);
        float* scores = scratch + CallFloats + ItemFloats, weights = scores + TileRows * BlockTokens;
        int* visible = (int*)(weights + TileRows * BlockLanes);
        for (; first < end; first += TileRows)
        {
            int count = Math.Min(TileRows, end - first), most = 0;
            for (int i = 0; i < count; i++) most = Math.Max(most, visible[i] = Math.Clamp(rows.Positions[first + i] + 1 - block.StartPosition, 0, BlockTokens));
            if (most == 0) continue;
            int pages = KvLayout.PagesFor(most);
            float* o = rows.O + (nint)first * paddedD;
            BlockFold.Multiply(tile, rows.Q + (nint)first * lanes, lanes, count, new TileColumns(block.Keys0, block.Keys1, block.Keys2, block.Keys3, block.KeyStepFloats), pages, lanes, scores, BlockTokens, add: false, ahead, share);
            *item = new Bf16Item { Scores = scores, M = rows.M + first, L = rows.L + first * Lanes16.Count, P = (ushort*)weights, O = o, Visible = visible };
            call->Item = item;
            call->Row = 0;
            Bf16Weighing.Run(call, count, paddedD);

            // Pages that lie behind one another, as those of a long prompt do, are one matrix.
            int together = block.ValuesAreContiguous(pages, PageLanes * paddedD) ? pages : 1;
            for (int page = 0; page < pages; page += together)
            {
                for (int column = 0; column < paddedD; column += BlockTokens)
                {
                    int units = Math.Min(Tile.MaxUnits, (paddedD - column) / Tile.UnitFloats);
                    BlockFold.Multiply(tile, weights + page * PageLanes, BlockLanes, count, TileColumns.SideBySide(block.Values(page) + column, paddedD), units, together * PageLanes, o + column, paddedD, add: true, ahead, share);
                }
            }
        }
    }
}
