using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Coppice.Loading;

namespace Coppice.Tests.Kernels;

public sealed unsafe class BlockWeightsTests
{
    public static TheoryData<WeightType> Types => [.. BlockFormat.All.Select(format => format.Type)];

    private static BlockFormat Format(WeightType type) => BlockFormat.Of(type)!;

    [Theory, MemberData(nameof(Types))]
    public void Every_kernel_of_this_machine_has_the_bits_of_the_reference(WeightType type)
    {
        if (type == WeightType.Q8_0) return; // has kernels and tests of its own
        BlockFormat format = Format(type);
        int[][] sizes = format.BlockElements == 32 ? [[1, 32], [65, 288], [130, 544]] : [[7, 256], [100, 768]];
        foreach (int[] size in sizes)
            SameBits(format, size[0], size[1], Q8Kernel.AllOf(BlockWeights.LayoutOf(type)), (pool, stacked, kernel) => new BlockWeights(pool, stacked, kernel));
    }

    // Panels of one output and of all, parts of one block and of several, and several parts.
    [Theory, MemberData(nameof(Types))]
    public void Few_rows_straight_from_the_planes_have_the_bits_of_the_reference(WeightType type)
    {
        if (type == WeightType.Q8_0) return;
        BlockFormat format = Format(type);
        if (Isa.Width >= 512 && Isa.Native >= 512 && Isa.HasInt8Dot) Assert.NotNull(BlockVnni.Of(type));
        if (Isa.Width < 512) Assert.Null(BlockVnni.Of(type));
        int[] lengths = format.BlockElements == 32 ? [32, 64, 224, 256, 288, 800] : [256, 512, 1280];
        foreach (int inputs in lengths)
            foreach (int outputs in new[] { 1, 64, 130 })
                SameBits(format, outputs, inputs, [Q8Kernel.AllOf(BlockWeights.LayoutOf(type))[0]], (pool, stacked, _) => new BlockWeights(pool, stacked));
    }

    [Theory, MemberData(nameof(Types))]
    public void A_CPU_without_the_instruction_that_takes_bits_out_at_once_gives_the_same_bits(WeightType type)
    {
        if (type == WeightType.Q8_0 || BlockVnni.Of(type) is not { } some || BlockVnni.Create(Format(type), hasBitMatrix: false) is not { } other) return;
        BlockFormat format = Format(type);
        var panels = new BlockPanels(format);
        const int inputs = 512, rows = BlockVnni.MaxRows;
        byte[] file = BlockTensor.RandomBlocks(format, inputs / format.BlockElements * 64, 7), panel = new byte[inputs / panels.StepInputs * panels.StepBytes], records = new byte[panels.Layout.BlocksOf(inputs) * panels.Layout.RecordBytes];
        float[] x = Levels.Random(rows * inputs, 8), expected = new float[rows * 64], actual = new float[rows * 64];
        BlockParts parts;
        fixed (byte* from = file, p = panel, a = records)
        fixed (float* numbers = x, e = expected, c = actual)
        {
            for (int block = 0; block < file.Length / format.BlockBytes; block++)
            {
                format.TakeApart(from + block * format.BlockBytes, &parts);
                panels.Put(&parts, block % 64, p + block / 64 * panels.StepBytes);
            }
            Q8Activations.Fill(numbers, rows, inputs, inputs, panels.Layout, a);
            for (int r = 1; r <= rows; r++)
            {
                some.Multiply(a, r, p, inputs, e, 64);
                other.Multiply(a, r, p, inputs, c, 64);
                Levels.SameBits(expected, actual, $"{type}, {r} rows");
            }
        }
    }

    [Theory, InlineData(1, 32), InlineData(100, 320)]
    public void Bytes_of_a_file_are_multiplied_as_they_are(int outputs, int inputs)
    {
        SameBits(Format(WeightType.Q8_0), outputs, inputs, Q8Kernel.All, (pool, stacked, kernel) => new Q8_0(pool, stacked, kernel));
    }

    private static void SameBits(BlockFormat format, int outputs, int inputs, IReadOnlyList<Q8Kernel> kernels, Func<WorkerPool, StackedTensors, Q8Kernel, LinearWeights> pack)
    {
        const int most = 39;
        int xRow = inputs + 3, yRow = outputs + 5;
        BlockTensor w = BlockTensor.Random(format, outputs, inputs, outputs + inputs);
        float[] x = Levels.Random(most * xRow, 1), expected = new float[most * yRow], actual = new float[most * yRow];
        Array.Fill(expected, float.NaN);
        BlockWeights.Reference(format, x, most, xRow, w.Blocks, inputs, outputs, expected, yRow);
        using var scratch = new LinearScratch();
        foreach (int threads in new[] { 1, 3 })
        {
            using var pool = new WorkerPool(threads);
            foreach (Q8Kernel kernel in kernels)
            {
                using LinearWeights packed = pack(pool, new StackedTensors(w), kernel);
                // Rows in other company have the same bits: a row is what it is alone.
                foreach (int rows in new[] { 1, 2, 3, 4, 5, 16, 17, most })
                {
                    Array.Fill(actual, float.NaN);
                    Linear.Run(x, rows, xRow, packed, pool, scratch, actual, yRow);
                    Levels.SameBits(expected.AsSpan(0, rows * yRow), actual.AsSpan(0, rows * yRow), $"{format.Type}, {kernel.Name}, {outputs} by {inputs}, {rows} rows, {threads} threads");
                }
            }
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Every_width_expands_a_panel_to_the_same_bytes(WeightType type)
    {
        if (type == WeightType.Q8_0) return;
        BlockFormat format = Format(type);
        foreach (int bias in new[] { 0, 128 })
        {
            var panels = new BlockPanels(format);
            const int steps = 3;
            int groups = format.BlockElements / format.GroupElements, bytes = steps * groups * panels.Layout.WeightBlockBytes;
            byte[] file = BlockTensor.RandomBlocks(format, steps * 64, 5), step = new byte[steps * panels.StepBytes], expected = new byte[bytes], actual = new byte[bytes];
            float[] expectedMins = new float[steps * groups * 64], actualMins = new float[steps * groups * 64];
            BlockParts parts;
            fixed (byte* from = file, s = step, e = expected, a = actual)
            fixed (float* em = expectedMins, am = actualMins)
            {
                for (int block = 0; block < steps * 64; block++)
                {
                    format.TakeApart(from + block * format.BlockBytes, &parts);
                    panels.Put(&parts, block % 64, s + block / 64 * panels.StepBytes);
                }
                panels.Reference(s, steps, bias, e, em);
                foreach (int width in new[] { 128, 256, 512 })
                {
                    if (width == 128) panels.Simd<B128>(s, steps, bias, a, am);
                    else if (width == 256) panels.Simd<B256>(s, steps, bias, a, am);
                    else panels.Simd<B512>(s, steps, bias, a, am);
                    Assert.Equal(expected, actual);
                    Assert.Equal(expectedMins, actualMins);
                }
                // The blocks of bytes stand for what the file says.
                float[] row = new float[format.BlockElements];
                for (int read = 0; read < steps * 64; read++)
                {
                    int output = read % 64, firstGroup = read / 64 * groups;
                    format.Read(file.AsSpan(read * format.BlockBytes, format.BlockBytes), row);
                    for (int i = 0; i < row.Length; i++)
                    {
                        int group = firstGroup + i / format.GroupElements, at = i % format.GroupElements;
                        byte* block = e + group * panels.Layout.WeightBlockBytes;
                        int q = block[at / 4 * Q8Layout.QuadBytes + output * 4 + at % 4];
                        float number = ((float*)(block + panels.Layout.WeightScalesAt))[output] * (bias == 0 ? (sbyte)q : q - bias);
                        Assert.Equal(row[i], format.HasMins ? number + em[group * 64 + output] : number);
                    }
                }
            }
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void The_error_stays_within_the_bound_of_the_activations_rounding(WeightType type)
    {
        const int outputs = 70, inputs = 512, rows = 5;
        BlockFormat format = Format(type);
        BlockTensor w = BlockTensor.Random(format, outputs, inputs, 3);
        float[] x = Levels.Random(rows * inputs, 2), y = new float[rows * outputs], weights = new float[inputs];
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, w);
        Linear.Run(x, rows, inputs, packed, pool, scratch, y, outputs);
        for (int j = 0; j < outputs; j++)
        {
            w.ReadRow(j, weights);
            for (int r = 0; r < rows; r++)
            {
                double exact = 0, bound = 0, size = 0;
                for (int k = 0; k < inputs; k++)
                {
                    // Half a step of the block's activations.
                    float largest = 0;
                    for (int i = k / format.GroupElements * format.GroupElements, end = i + format.GroupElements; i < end; i++) largest = Math.Max(largest, Math.Abs(x[r * inputs + i]));
                    exact += (double)x[r * inputs + k] * weights[k];
                    bound += Math.Abs(weights[k]) * (largest / 254.0);
                    size += Math.Abs(weights[k]);
                }
                bound = bound * 1.00001 + size * 1e-5;
                Assert.InRange(y[r * outputs + j], exact - bound, exact + bound);
            }
        }
    }

    [Theory, MemberData(nameof(Types))]
    public void Scales_that_are_not_finite_stay_visible_and_harm_no_other_output(WeightType type)
    {
        const int outputs = 66, inputs = 256;
        BlockFormat format = Format(type);
        BlockTensor w = BlockTensor.Random(format, outputs, inputs, 3);
        float[] x = Levels.Random(inputs, 2), good = new float[outputs], bad = new float[outputs];
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using (LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, w)) Linear.Run(x, 1, inputs, packed, pool, scratch, good, outputs);
        int rowBytes = inputs / format.BlockElements * format.BlockBytes;
        foreach (int at in BlockTensor.HalvesAt(type))
        {
            BitConverter.TryWriteBytes(w.Blocks.AsSpan(65 * rowBytes + at), Half.NaN);
            BitConverter.TryWriteBytes(w.Blocks.AsSpan(3 * rowBytes + at), Half.PositiveInfinity);
        }
        using (LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, w)) Linear.Run(x, 1, inputs, packed, pool, scratch, bad, outputs);
        Assert.False(float.IsFinite(bad[65]));
        Assert.False(float.IsFinite(bad[3]));
        bad[3] = good[3];
        bad[65] = good[65];
        Levels.SameBits(good, bad, type.ToString());
    }

    [Theory, MemberData(nameof(Types))]
    public void Any_bits_are_read_packed_and_multiplied(WeightType type)
    {
        const int outputs = 5, inputs = 256;
        BlockFormat format = Format(type);
        var random = new Random(9);
        float[] x = Levels.Random(inputs, 2), y = new float[outputs], row = new float[inputs];
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        for (int i = 0; i < 50; i++)
        {
            byte[] blocks = new byte[outputs * inputs / format.BlockElements * format.BlockBytes];
            random.NextBytes(blocks);
            var w = new BlockTensor(format, blocks, outputs, inputs);
            w.ReadRow(i % outputs, row);
            foreach (WeightFormat kept in Enum.GetValues<WeightFormat>())
            {
                using LinearWeights packed = WeightFormats.Pack(kept, pool, w);
                Linear.Run(x, 1, inputs, packed, pool, scratch, y, outputs);
            }
        }
    }

    [Fact]
    public void A_stack_of_several_formats_computes_each_part_as_it_would_alone()
    {
        const int inputs = 512, rows = 3;
        WeightTensor[] tensors = [BlockTensor.Random(Format(WeightType.Q4_K), 70, inputs, 1), BlockTensor.Random(Format(WeightType.Q4_K), 10, inputs, 2),
            BlockTensor.Random(Format(WeightType.Q6_K), 65, inputs, 3), MatrixTensor.Random(5, inputs, 4)];
        float[] x = Levels.Random(rows * inputs, 5), together = new float[rows * 150], alone = new float[rows * 150];
        using var pool = new WorkerPool(2);
        using var scratch = new LinearScratch();
        using (LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, tensors))
        {
            Assert.Equal((150, inputs), (packed.Outputs, packed.Inputs));
            Assert.True(packed.Bytes > 0);
            Linear.Run(x, rows, inputs, packed, pool, scratch, together, 150);
        }
        int from = 0;
        foreach (WeightTensor tensor in tensors)
        {
            using LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, tensor);
            Linear.Run(x, rows, inputs, packed, pool, scratch, alone.AsSpan(from), 150);
            from += (int)tensor.Shape[0];
        }
        Levels.SameBits(alone, together, "stack");
    }

    [Theory, MemberData(nameof(Types))]
    public void Packed_weights_take_about_the_bits_of_the_file(WeightType type)
    {
        BlockTensor w = BlockTensor.Random(Format(type), 128, 1024, 1);
        using var pool = new WorkerPool(1);
        using LinearWeights packed = WeightFormats.Pack(WeightFormat.Native, pool, w);
        // Q2_K's and Q4_K's scales stay packed or nearly so; Q8_0's become floats.
        Assert.InRange(packed.Bytes, w.ByteCount, w.ByteCount * 1.06);
    }
}
