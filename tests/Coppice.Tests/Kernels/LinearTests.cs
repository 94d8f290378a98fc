using Coppice.Backends;
using Coppice.Kernels;

namespace Coppice.Tests.Kernels;

public sealed class LinearTests
{
    public static TheoryData<int, int> Sizes => new()
    {
        { 1, 1 }, { 7, 3 }, { 16, 16 }, { 64, 64 }, { 65, 5 }, { 48, 130 }, { 172, 64 }, { 64, 172 }, { 100, 129 }, { 200, 300 }, { 320, 256 },
    };

    [Theory, MemberData(nameof(Sizes))]
    public void The_product_has_the_bits_of_the_reference_for_any_rows_and_threads(int outputs, int inputs)
    {
        MatrixTensor w = MatrixTensor.Random(outputs, inputs, 1);
        foreach (int threads in new[] { 1, 3 })
        {
            using var pool = new WorkerPool(threads);
            using PackedWeights packed = PackedWeights.Pack(pool, w);
            foreach (int rows in new[] { 1, 2, 5, 6, 7, 13, 40, 97, 200 })
            {
                int xRow = inputs + 3, yRow = outputs + 5;
                float[] x = Levels.Random(rows * xRow, rows), expected = new float[rows * yRow], actual = new float[rows * yRow];
                Array.Fill(expected, float.NaN);
                Array.Fill(actual, float.NaN);
                Linear.Reference(x, rows, xRow, w.Numbers, inputs, outputs, expected, yRow);
                Linear.Run(x, rows, xRow, packed, pool, actual, yRow);
                Levels.SameBits(expected, actual, $"{rows} rows, {threads} threads");
            }
        }
    }

    [Fact]
    public void Stacked_weights_give_each_tensors_outputs_one_after_the_other()
    {
        using var pool = new WorkerPool(2);
        MatrixTensor q = MatrixTensor.Random(70, 33, 1), k = MatrixTensor.Random(10, 33, 2), v = MatrixTensor.Random(50, 33, 3);
        using PackedWeights packed = PackedWeights.Pack(pool, q, k, v);
        Assert.Equal(130, packed.Outputs);
        float[] x = Levels.Random(4 * 33, 4), together = new float[4 * 130], alone = new float[4 * 130];
        Linear.Run(x, 4, 33, packed, pool, together, 130);
        int at = 0;
        foreach (MatrixTensor tensor in new[] { q, k, v })
        {
            int outputs = (int)tensor.Shape[0];
            Linear.Reference(x, 4, 33, tensor.Numbers, 33, outputs, alone.AsSpan(at), 130);
            at += outputs;
        }
        Levels.SameBits(alone, together, "stacked");
    }

    [Fact]
    public void Weights_that_do_not_fit_together_are_refused_by_name()
    {
        using var pool = new WorkerPool(1);
        var error = Assert.Throws<ArgumentException>(() => PackedWeights.Pack(pool, MatrixTensor.Random(4, 8, 1), MatrixTensor.Random(4, 9, 2)));
        Assert.Contains("random.2 has 9 inputs and random.1 has 8", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => PackedWeights.Pack(pool, new MatrixTensor("norm", new float[4], 4)));
        Assert.Throws<ArgumentException>(() => PackedWeights.Pack(pool));
    }

    [Fact]
    public void Spans_too_short_for_the_rows_are_refused_before_anything_is_written()
    {
        using var pool = new WorkerPool(1);
        using PackedWeights packed = PackedWeights.Pack(pool, MatrixTensor.Random(4, 8, 1));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[15], 2, 8, packed, pool, new float[8], 4));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[16], 2, 8, packed, pool, new float[7], 4));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[16], 2, 7, packed, pool, new float[8], 4));
    }

    [Fact]
    public void A_product_allocates_nothing()
    {
        using var pool = new WorkerPool(2);
        using PackedWeights packed = PackedWeights.Pack(pool, MatrixTensor.Random(130, 64, 1));
        float[] x = Levels.Random(20 * 64, 2), y = new float[20 * 130];
        Linear.Run(x, 20, 64, packed, pool, y, 130);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Linear.Run(x, 20, 64, packed, pool, y, 130);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
