using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Coppice.Memory;

namespace Coppice.Kernels.Attention;

/// <summary>Whether this CPU folds bf16 as the definition says: the manuals of the makers leave room in how it rounds.</summary>
internal static unsafe class Bf16FoldCheck
{
    private const int D = 32, Rows = 37, Blocks = 3, StateFloats = 1 + Lanes16.Count + D;
    private const int PageElements = KvLayout.PageTokens * D, BlockElements = KvLayout.PagesPerBlock * PageElements;

    /// <summary>Folds a few blocks into some rows in both ways and compares bit by bit.</summary>
    public static bool Agrees(Bf16Arithmetic arithmetic)
    {
        using var pages = new AlignedBuffer(2 * Blocks * BlockElements * sizeof(ushort));
        using var queries = new AlignedBuffer(Rows * D * sizeof(ushort));
        using var wide = new AlignedBuffer((2 * BlockElements + Rows * D) * sizeof(float));
        using var states = new AlignedBuffer(2 * Rows * StateFloats * sizeof(float));
        using var scratch = new AlignedBuffer(Math.Max(Bf16FoldItems.ScratchBytes(D), Bf16DotFold.ScratchFloats * sizeof(float)));
        ushort* keys = (ushort*)pages.Floats, values = keys + Blocks * BlockElements, q = (ushort*)queries.Floats;
        EmittedTile.Fill(DotFormat.BF16, (uint*)keys, Blocks * BlockElements / 2, 1);
        EmittedTile.Fill(DotFormat.BF16, (uint*)values, Blocks * BlockElements / 2, 2);
        EmittedTile.Fill(DotFormat.BF16, (uint*)q, Rows * D / 2, 3);
        float* wideKeys = wide.Floats, wideValues = wideKeys + BlockElements, wideQ = wideValues + BlockElements;
        for (int i = 0; i < Rows * D; i++) wideQ[i] = Bf16.Widen(q[i]);
        float* expected = states.Floats, given = expected + Rows * StateFloats;
        new Span<float>(expected, 2 * Rows * StateFloats).Clear();
        new Span<float>(expected, Rows).Fill(float.NegativeInfinity);
        new Span<float>(given, Rows).Fill(float.NegativeInfinity);
        int* positions = stackalloc int[Rows];
        for (int row = 0; row < Rows; row++) positions[row] = row < 32 ? Blocks * KvLayout.BlockTokens - 1 : 140 + row;

        var rows = new HeadRows((float*)q, given, given + Rows, given + Rows * (1 + Lanes16.Count), positions, D, D);
        var reference = new HeadRows(wideQ, expected, expected + Rows, expected + Rows * (1 + Lanes16.Count), positions, D, D);
        Span<KvBlock> blocks = stackalloc KvBlock[Blocks];
        for (int block = 0; block < Blocks; block++)
        {
            ushort* key = keys + block * BlockElements, value = values + block * BlockElements;
            blocks[block] = KvBlock.Contiguous(block * KvLayout.BlockTokens, (float*)key, PageElements / 2, (float*)value, PageElements / 2);
            if (arithmetic == Bf16Arithmetic.Dot) Bf16DotFold.Run(blocks[block], rows, 0, Rows, scratch.Floats);
            WidenPairs.Reference(key, KvLayout.PagesPerBlock * D / 2, KvLayout.PageTokens, wideKeys);
            WidenPairs.Reference(value, KvLayout.BlockTokens / 2, D, wideValues);
            Bf16Fold.Reference(arithmetic, KvBlock.Contiguous(block * KvLayout.BlockTokens, wideKeys, PageElements, wideValues, PageElements), reference, 0, Rows);
        }

        if (arithmetic == Bf16Arithmetic.Matrix)
        {
            var items = new Bf16FoldItems(new Bf16FoldCode(D), new Bf16Rows(q, rows.M, rows.L, rows.O, positions, D), (byte*)scratch.Floats);
            items.Prepare(blocks, KvLayout.BlockTokens);
            items.Add(blocks, 0, Rows);
            items.Run();
        }

        return new Span<uint>(expected, Rows * StateFloats).SequenceEqual(new Span<uint>(given, Rows * StateFloats));
    }
}
