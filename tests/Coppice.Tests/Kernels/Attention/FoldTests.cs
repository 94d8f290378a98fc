using Coppice.Attention;
using Coppice.Kernels;
using Coppice.Kernels.Attention;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;
using Coppice.Memory;

namespace Coppice.Tests.Kernels.Attention;

/// <summary>All ways to fold blocks against their definitions, bit by bit, with scores that rise on the way so that m moves in the middle.</summary>
public sealed unsafe class FoldTests
{
    private const int Blocks = 9;

    public static TheoryData<int, int> Shapes
    {
        get
        {
            var data = new TheoryData<int, int>();
            foreach (int rows in new[] { 1, 5, 16, 24, 31, 32, 33, 70 })
                foreach (int d in new[] { 32, 64, 96, 128 }) data.Add(rows, d);
            data.Add(40, 256);
            return data;
        }
    }

    [Theory, MemberData(nameof(Shapes))]
    public void Every_width_folds_to_the_bits_of_the_definition(int rows, int d)
    {
        foreach (AttentionRule rule in new AttentionRule[] { default, new(1, Window: 150), new(1, SoftCap: 3), new(1, Window: 37, SoftCap: 20) }) FoldsAlike(rows, d, rule);
    }

    private static void FoldsAlike(int rows, int d, AttentionRule rule)
    {
        using var scene = new Scene(rows, d, KvFormat.F32, rule);
        float[] expected = scene.Fold((in KvBlock block, in HeadRows states) => BlockFold.Reference(block, states, 0, rows));
        using var scores = new AlignedBuffer(BlockFold.ScoreFloats * sizeof(float));
        Levels.SameBits(expected, scene.Fold((in KvBlock block, in HeadRows states) => BlockFold.Simd<F128>(block, states, 0, rows, scores.Floats)), "128");
        Levels.SameBits(expected, scene.Fold((in KvBlock block, in HeadRows states) => BlockFold.Simd<F256>(block, states, 0, rows, scores.Floats)), "256");
        Levels.SameBits(expected, scene.Fold((in KvBlock block, in HeadRows states) => BlockFold.Simd<F512>(block, states, 0, rows, scores.Floats)), "512");
        Levels.SameBits(expected, scene.Fold((in KvBlock block, in HeadRows states) =>
        {
            var ahead = new BlockAhead(block, new KvLayout(1, 1, d, KvFormat.F32));
            BlockFold.Run(block, states, 0, rows, scores.Floats, &ahead);
        }), "what comes next fetched meanwhile");
    }

    [Theory, MemberData(nameof(Shapes))]
    public void The_matrix_unit_folds_to_the_bits_of_the_definition(int rows, int d)
    {
        if (Bf16Fold.WhyNot is not null) return;
        using var scene = new Scene(rows, d, KvFormat.BF16);
        Levels.SameBits(scene.Fold(Bf16Arithmetic.Matrix), scene.FoldItems(), "items");
    }

    [EmittedTheory(DotFormat.BF16), MemberData(nameof(Shapes))]
    [InlineData(7, 8), InlineData(31, 40), InlineData(25, 80)]
    public void Vectors_of_bf16_fold_to_the_bits_of_the_definition(int rows, int d)
    {
        Assert.Null(Bf16Fold.WhyNoDot);
        using var scene = new Scene(rows, d, KvFormat.BF16);
        float[] expected = scene.Fold(Bf16Arithmetic.Dot);
        Levels.SameBits(expected, scene.FoldPairs(ahead: false), "pairs");
        Levels.SameBits(expected, scene.FoldPairs(ahead: true), "what comes next fetched meanwhile");
    }

    [Theory]
    [InlineData(1), InlineData(16), InlineData(17), InlineData(33), InlineData(48), InlineData(63)]
    public void Pages_that_no_row_sees_are_not_read(int seen)
    {
        foreach (int rows in new[] { 1, 16, 40 })
        {
            using var scene = new Scene(rows, 64, KvFormat.BF16, seenOfLast: seen);
            if (Bf16Fold.WhyNot is null) Levels.SameBits(scene.Fold(Bf16Arithmetic.Matrix), scene.FoldItems(), $"items, {rows} rows");
            if (Bf16Fold.WhyNoDot is null) Levels.SameBits(scene.Fold(Bf16Arithmetic.Dot), scene.FoldPairs(ahead: false), $"pairs, {rows} rows");
        }
    }

    [Fact]
    public void Bf16_is_folded_as_the_machine_and_the_level_say()
    {
        bool expected = Isa.HasMatrixBf16 && Isa.HasBf16Dot && Isa.Unforced && OperatingSystem.IsLinux();
        Assert.Equal(expected, Bf16Fold.WhyNot is null);
        Bf16Arithmetic vectors = Isa.HasBf16Dot && Isa.Width >= 512 && (Isa.HasFastBf16Dot || !Isa.Unforced) ? Bf16Arithmetic.Dot : Bf16Arithmetic.Chain;
        Assert.Equal(expected ? Bf16Arithmetic.Matrix : vectors, Bf16Fold.Arithmetic(new KvLayout(1, 1, 64, KvFormat.BF16), AttentionRule.Plain(64)));
        Assert.Equal(vectors, Bf16Fold.Arithmetic(new KvLayout(1, 1, 80, KvFormat.BF16), AttentionRule.Plain(80)));
        Assert.Equal(Bf16Arithmetic.Chain, Bf16Fold.Arithmetic(new KvLayout(1, 1, 64, KvFormat.F32), AttentionRule.Plain(64)));
        Assert.Equal(Bf16Arithmetic.Chain, Bf16Fold.Arithmetic(new KvLayout(1, 1, 64, KvFormat.BF16), AttentionRule.Plain(64) with { Window = 4096 }));
    }

    [Fact]
    public void The_short_exponential_is_off_by_less_than_a_fiftieth_of_what_rounding_to_bf16_does()
    {
        for (float x = -126f; x < 8f; x += 0.0037f)
        {
            double exact = Math.Pow(2, x);
            Assert.InRange(Bf16Fold.Exp2Short(x), exact * (1 - 7.6e-5), exact * (1 + 7.6e-5));
        }

        Assert.Equal(0f, Bf16Fold.Exp2Short(float.NegativeInfinity));
        Assert.Equal(float.PositiveInfinity, Bf16Fold.Exp2Short(float.PositiveInfinity));
        Assert.True(float.IsNaN(Bf16Fold.Exp2Short(float.NaN)));
    }

    private delegate void FoldBlock(in KvBlock block, in HeadRows states);

    /// <summary>Pages in a random order, rows that end in the last block or see all of it.</summary>
    private sealed class Scene : IDisposable
    {
        private readonly int _rows, _d, _paddedD, _seenOfLast;
        private readonly AttentionRule _rule;
        private readonly KvPages _pages;
        private readonly int[] _order, _positions;
        private readonly float[] _q;

        /// <param name="rows">Rows.</param>
        /// <param name="d">D.</param>
        /// <param name="format">Of the pages.</param>
        /// <param name="rule">How they weigh.</param>
        /// <param name="seenOfLast">Positions that the last row sees of the last block. Pages behind them hold no numbers.</param>
        public Scene(int rows, int d, KvFormat format, AttentionRule rule = default, int seenOfLast = KvLayout.BlockTokens)
        {
            (_rows, _d, _paddedD, _rule, _seenOfLast) = (rows, d, (d + 15) / 16 * 16, rule, seenOfLast);
            var random = new Random(rows * 1000 + d);
            const int count = Blocks * KvLayout.PagesPerBlock;
            _pages = new KvPages(new KvLayout(1, 1, d, format) { KeyRows = rows % 2 == 0 }, count + 1);
            _order = [.. Enumerable.Range(1, count)];
            // The first blocks lie in order, as a prompt's do.
            random.Shuffle(_order.AsSpan(count / 2));
            float[] key = new float[d], value = new float[d];
            for (int t = 0; t < count * KvLayout.PageTokens; t++)
            {
                float scale = t / KvLayout.BlockTokens is 3 or 6 ? 12f * t / KvLayout.BlockTokens : 1f;
                if (t / KvLayout.PageTokens >= count - KvLayout.PagesPerBlock + KvLayout.PagesFor(seenOfLast)) scale = float.NaN;
                for (int i = 0; i < d; i++) (key[i], value[i]) = ((float)(random.NextDouble() * 2 - 1) * scale, (float)(random.NextDouble() * 2 - 1) * MathF.Min(scale, 1));
                fixed (float* k = key, v = value) _pages.Write(0, 0, _order[t / KvLayout.PageTokens], t % KvLayout.PageTokens, k, v);
            }

            _positions = [.. Enumerable.Range(0, rows).Select(row => row % 40 < 33 ? Blocks * KvLayout.BlockTokens + row : (Blocks - 1) * KvLayout.BlockTokens - 3 + row)];
            if (seenOfLast < KvLayout.BlockTokens) _positions = [.. Enumerable.Range(0, rows).Select(row => (Blocks - 1) * KvLayout.BlockTokens + seenOfLast - 1 - (rows - 1 - row) % 3)];
            _q = [.. Levels.Random(rows * d, rows + d).Select(x => Bf16.Widen(Bf16.Round(x)))];
        }

        public float[] Fold(Bf16Arithmetic arithmetic) => Fold((in KvBlock block, in HeadRows states) => Bf16Fold.Reference(arithmetic, block, states, 0, _rows));

        public float[] Fold(FoldBlock fold)
        {
            float[] states = New();
            using var wide = new AlignedBuffer(KvLayout.BlockTokens * (_d + _paddedD) * sizeof(float));
            fixed (float* s = states, q = _q)
            fixed (int* positions = _positions)
            {
                var rows = new HeadRows(q, s, s + _rows, s + _rows * 17, positions, _d, _paddedD, _rule);
                for (int block = 0; block < Blocks; block++)
                {
                    float* values = wide.Floats + KvLayout.BlockTokens * _d;
                    for (int t = 0; t < KvLayout.BlockTokens; t++)
                    {
                        int page = _order[block * KvLayout.PagesPerBlock + t / KvLayout.PageTokens], slot = t % KvLayout.PageTokens;
                        for (int i = 0; i < _d; i++)
                        {
                            wide.Floats[(t / KvLayout.PageTokens * _d + i) * KvLayout.PageTokens + slot] = _pages.Key(0, 0, page, slot, i);
                            values[t * _paddedD + i] = _pages.Value(0, 0, page, slot, i);
                        }
                    }

                    fold(KvBlock.Contiguous(block * KvLayout.BlockTokens, wide.Floats, _d * KvLayout.PageTokens, values, _paddedD * KvLayout.PageTokens), rows);
                }
            }

            return states;
        }

        public float[] FoldItems()
        {
            float[] states = New();
            ushort[] rounded = [.. _q.Select(Bf16.Round)];
            using var scratch = new AlignedBuffer(Bf16FoldItems.ScratchBytes(_d));
            fixed (float* s = states)
            fixed (ushort* q = rounded)
            fixed (int* positions = _positions)
            {
                var items = new Bf16FoldItems(Bf16Fold.Code(_d, _pages.Layout.KeyStepBytes), new Coppice.Kernels.Attention.Bf16Rows(q, s, s + _rows, s + _rows * 17, positions, _d), (byte*)scratch.Floats);
                KvBlock[] blocks = BlocksAsTheyLie();
                fixed (KvBlock* stays = blocks)
                {
                    items.Prepare(blocks, _seenOfLast);
                    items.Add(blocks, 0, _rows);
                    items.Run();
                }
            }

            return states;
        }

        public float[] FoldPairs(bool ahead)
        {
            float[] states = New();
            ushort[] rounded = [.. _q.Select(Bf16.Round)];
            using var scratch = new AlignedBuffer(Bf16DotFold.ScratchFloats * sizeof(float));
            fixed (float* s = states)
            fixed (ushort* q = rounded)
            fixed (int* positions = _positions)
            {
                var rows = new HeadRows((float*)q, s, s + _rows, s + _rows * 17, positions, _d, _paddedD, _rule);
                foreach (KvBlock block in BlocksAsTheyLie())
                {
                    var next = new BlockAhead(block, _pages.Layout);
                    Bf16DotFold.Run(block, rows, 0, _rows, scratch.Floats, ahead ? &next : null);
                }
            }

            return states;
        }

        public void Dispose() => _pages.Dispose();

        private KvBlock[] BlocksAsTheyLie()
        {
            var blocks = new KvBlock[Blocks];
            for (int block = 0; block < Blocks; block++)
            {
                int page = block * KvLayout.PagesPerBlock;
                blocks[block] = new KvBlock
                {
                    StartPosition = block * KvLayout.BlockTokens,
                    KeyStepFloats = _pages.Layout.KeyStepBytes / sizeof(float),
                    Keys0 = Keys(page),
                    Keys1 = Keys(page + 1),
                    Keys2 = Keys(page + 2),
                    Keys3 = Keys(page + 3),
                    Values0 = Values(page),
                    Values1 = Values(page + 1),
                    Values2 = Values(page + 2),
                    Values3 = Values(page + 3),
                };
            }

            return blocks;
        }

        /// <summary>m [rows], l [rows][16], o [rows][D].</summary>
        private float[] New()
        {
            float[] states = new float[_rows * (17 + _paddedD)];
            Array.Fill(states, float.NegativeInfinity, 0, _rows);
            return states;
        }

        private float* Keys(int page) => (float*)_pages.Keys(0, 0, _order[page]);

        private float* Values(int page) => (float*)_pages.Values(0, 0, _order[page]);
    }
}
