using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Loading;

namespace Coppice.Tests.Kernels;

public sealed class LinearTests
{
    [Fact]
    public void Native_weights_are_kept_as_the_file_keeps_them_and_mixed_ones_part_by_part()
    {
        using var pool = new WorkerPool(1);
        MatrixTensor f32 = MatrixTensor.Random(4, 8, 1), bf16 = MatrixTensor.Random(4, 8, 2, WeightType.BF16), f16 = MatrixTensor.Random(4, 8, 3, WeightType.F16);
        Assert.IsType<F32>(WeightFormats.Pack(WeightFormat.Native, pool, f32));
        Assert.IsType<BF16>(WeightFormats.Pack(WeightFormat.Native, pool, bf16, bf16));
        Assert.IsType<F16>(WeightFormats.Pack(WeightFormat.Native, pool, f16));
        Assert.IsType<MixedWeights>(WeightFormats.Pack(WeightFormat.Native, pool, bf16, f16));
        Assert.IsType<BlockWeights>(WeightFormats.Pack(WeightFormat.Native, pool, BlockTensor.Random(BlockFormat.Of(WeightType.Q4_K)!, 4, 256, 1)));
        Assert.IsType<Q8_0>(WeightFormats.Pack(WeightFormat.Native, pool, BlockTensor.Random(BlockFormat.Of(WeightType.Q8_0)!, 4, 32, 1)));
    }

    [Fact]
    public void What_was_asked_for_is_what_is_kept()
    {
        using var pool = new WorkerPool(1);
        MatrixTensor bf16 = MatrixTensor.Random(4, 8, 2, WeightType.BF16);
        Assert.IsType<F32>(WeightFormats.Pack(WeightFormat.F32, pool, bf16));
        Assert.IsType<BF16Dot>(WeightFormats.Pack(WeightFormat.BF16, pool, bf16));
        Assert.IsType<Q8_0>(WeightFormats.Pack(WeightFormat.Q8_0, pool, bf16));
        var error = Assert.Throws<ArgumentOutOfRangeException>(() => WeightFormats.Pack((WeightFormat)9, pool, bf16));
        Assert.Contains("Native, F32, BF16, Q8_0", error.Message, StringComparison.Ordinal);
    }

    [Theory, InlineData(1), InlineData(2), InlineData(3), InlineData(7), InlineData(16)]
    public void Threads_that_take_turns_read_panels_one_behind_another_and_none_twice(int threads)
    {
        using var pool = new WorkerPool(1);
        using LinearWeights weights = WeightFormats.Pack(WeightFormat.Native, pool, MatrixTensor.Random(10 * LinearWeights.PanelOutputs - 3, 8, 1));
        int[] panels = [.. Enumerable.Range(0, 2 * weights.Panels).Select(item => weights.PanelOf(item, threads))];
        Assert.Equal(Enumerable.Range(0, weights.Panels), panels.Take(weights.Panels).Order());
        Assert.Equal(panels.Take(weights.Panels), panels.Skip(weights.Panels));
        for (int item = threads; item < weights.Panels; item++) Assert.Equal(panels[item - threads] + 1, panels[item]);
    }

    [Theory, InlineData(WeightFormat.Native), InlineData(WeightFormat.BF16), InlineData(WeightFormat.Q8_0)]
    public void Stacked_weights_give_each_tensors_outputs_one_after_the_other(WeightFormat format)
    {
        using var pool = new WorkerPool(2);
        using var scratch = new LinearScratch();
        MatrixTensor[] tensors = [MatrixTensor.Random(70, 33, 1), MatrixTensor.Random(10, 33, 2), MatrixTensor.Random(50, 33, 3)];
        using LinearWeights packed = WeightFormats.Pack(format, pool, tensors);
        Assert.Equal(130, packed.Outputs);
        float[] x = Levels.Random(4 * 33, 4), together = new float[4 * 130], alone = new float[4 * 130];
        Linear.Run(x, 4, 33, packed, pool, scratch, together, 130);
        int at = 0;
        foreach (MatrixTensor tensor in tensors)
        {
            using LinearWeights one = WeightFormats.Pack(format, pool, tensor);
            Linear.Run(x, 4, 33, one, pool, scratch, alone.AsSpan(at), 130);
            at += one.Outputs;
        }
        Levels.SameBits(alone, together, "stacked");
    }

    [Theory, InlineData(WeightFormat.Native), InlineData(WeightFormat.BF16), InlineData(WeightFormat.Q8_0)]
    public void A_row_has_the_same_bits_alone_and_in_any_company(WeightFormat format)
    {
        const int inputs = 300, outputs = 200, most = 300;
        using var pool = new WorkerPool(2);
        using var scratch = new LinearScratch();
        using LinearWeights packed = WeightFormats.Pack(format, pool, MatrixTensor.Random(outputs, inputs, 1));
        float[] x = Levels.Random(most * inputs, 2), all = new float[most * outputs], some = new float[most * outputs];
        Linear.Run(x, most, inputs, packed, pool, scratch, all, outputs);
        foreach (int rows in new[] { 1, 2, 3, 5, 15, 16, 17, 31, 33, 48, 65, 257 })
            foreach (int first in new[] { 0, 7, most - rows })
            {
                Linear.Run(x.AsSpan(first * inputs), rows, inputs, packed, pool, scratch, some, outputs);
                Levels.SameBits(all.AsSpan(first * outputs, rows * outputs), some.AsSpan(0, rows * outputs), $"rows [{first}, {first + rows})");
            }
    }

    [Fact]
    public void Weights_that_do_not_fit_together_are_refused_by_name()
    {
        using var pool = new WorkerPool(1);
        var error = Assert.Throws<ArgumentException>(() => new StackedTensors(MatrixTensor.Random(4, 8, 1), MatrixTensor.Random(4, 9, 2)));
        Assert.Contains("random.2 has 9 inputs and random.1 has 8", error.Message, StringComparison.Ordinal);
        Assert.Throws<ArgumentException>(() => new StackedTensors(new MatrixTensor("norm", new float[4], WeightType.F32, 4)));
        Assert.Throws<ArgumentException>(() => new StackedTensors());
    }

    [Fact]
    public void Spans_too_short_for_the_rows_are_refused_before_anything_is_written()
    {
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, MatrixTensor.Random(4, 8, 1));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[15], 2, 8, packed, pool, scratch, new float[8], 4));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[16], 2, 8, packed, pool, scratch, new float[7], 4));
        Assert.Throws<ArgumentException>(() => Linear.Run(new float[16], 2, 7, packed, pool, scratch, new float[8], 4));
    }

    [Theory, InlineData(WeightFormat.Native), InlineData(WeightFormat.BF16), InlineData(WeightFormat.Q8_0)]
    public void A_product_allocates_nothing(WeightFormat format)
    {
        using var pool = new WorkerPool(2);
        using var scratch = new LinearScratch();
        using LinearWeights packed = WeightFormats.Pack(format, pool, MatrixTensor.Random(130, 64, 1));
        float[] x = Levels.Random(20 * 64, 2), y = new float[20 * 130];
        Linear.Run(x, 20, 64, packed, pool, scratch, y, 130);
        long before = GC.GetAllocatedBytesForCurrentThread();
        for (int i = 0; i < 100; i++) Linear.Run(x, 20, 64, packed, pool, scratch, y, 130);
        Assert.Equal(0, GC.GetAllocatedBytesForCurrentThread() - before);
    }
}
