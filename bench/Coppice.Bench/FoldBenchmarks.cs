using BenchmarkDotNet.Attributes;
using Coppice.Kernels.Attention;
using Coppice.KvCache;
using Coppice.Memory;

namespace Coppice.Bench;

/// <summary>One block of 64 positions folded into the states of some rows: the inner loop of attention.</summary>
public unsafe class FoldBenchmarks : IDisposable
{
    private AlignedBuffer _memory = null!;
    private KvBlock _block;
    private HeadRows _rows;
    private float* _scores;

    /// <summary>Rows: sequences times query heads of a KV head.</summary>
    [Params(1, 8, 64, 256)]
    public int Rows { get; set; }

    /// <summary>D.</summary>
    [Params(64, 128)]
    public int D { get; set; }

    /// <summary>Makes operands and states.</summary>
    [GlobalSetup]
    public void Create()
    {
        int page = D * KvLayout.PageTokens, states = Rows * (2 * D + 3);
        _memory = Operands.Random(8 * page + states + BlockFold.ScoreFloats + 64, 1);
        float* keys = _memory.Floats, values = keys + 4 * page, q = values + 4 * page, o = q + Rows * D, m = o + Rows * D, l = m + Rows;
        int* positions = (int*)(l + Rows);
        new Span<int>(positions, Rows).Fill(KvLayout.BlockTokens);
        new Span<float>(m, Rows).Fill(0);
        _scores = (float*)(((nuint)(positions + Rows) + 63) & ~(nuint)63);
        _rows = new HeadRows(q, m, l, o, positions, D, D);
        _block = new KvBlock
        {
            Keys0 = keys,
            Keys1 = keys + page,
            Keys2 = keys + 2 * page,
            Keys3 = keys + 3 * page,
            Values0 = values,
            Values1 = values + page,
            Values2 = values + 2 * page,
            Values3 = values + 3 * page,
        };
    }

    /// <summary>Scores, online softmax, weighted values.</summary>
    [Benchmark]
    public void Fold() => BlockFold.Run(_block, _rows, 0, Rows, _scores);

    /// <summary>Frees the operands.</summary>
    [GlobalCleanup]
    public void Dispose() => _memory.Dispose();
}
