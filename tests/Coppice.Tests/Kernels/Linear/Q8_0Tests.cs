using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Coppice.Loading;

namespace Coppice.Tests.Kernels;

public sealed unsafe class Q8_0Tests
{
    public static TheoryData<int, int> Sizes => ProductCases.Sizes;

    [Theory, MemberData(nameof(Sizes))]
    public void Every_kernel_of_this_machine_has_the_bits_of_the_reference(int outputs, int inputs)
    {
        foreach (Q8Kernel kernel in Q8Kernel.All)
        {
            ProductCases.SameBits(MatrixTensor.Random(outputs, inputs, 1), (pool, stacked) => new Q8_0(pool, stacked, kernel),
                (x, rows, xRow, w, k, n, y, yRow) => Q8_0.Reference(x, rows, xRow, w, k, n, y, yRow));
        }
    }

    [Fact]
    public void Every_kernel_sums_the_largest_bytes_exactly()
    {
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        const int inputs = 640, outputs = 64;
        float[] numbers = new float[inputs * outputs], x = new float[17 * inputs], y = new float[17 * outputs];
        for (int i = 0; i < numbers.Length; i++) numbers[i] = i / inputs % 2 == 0 ? 127f : i % 2 == 0 ? -127f : 127f;
        for (int i = 0; i < x.Length; i++) x[i] = i / inputs % 2 == 0 ? -127f : 127f;
        foreach (Q8Kernel kernel in Q8Kernel.All)
        {
            using var packed = new Q8_0(pool, new StackedTensors(new MatrixTensor("edge", numbers, WeightType.F32, outputs, inputs)), kernel);
            Linear.Run(x, 17, inputs, packed, pool, scratch, y, outputs);
            for (int i = 0; i < y.Length; i++)
            {
                float sign = i / outputs % 2 == 0 ? -1 : 1;
                Assert.True(y[i] == (i % 2 == 0 ? sign * 127 * 127 * inputs : 0), $"{kernel.Name}: element {i} is {y[i]}");
            }
        }
    }

    [Fact]
    public void The_error_stays_within_the_bound_of_its_two_roundings()
    {
        const int outputs = 70, inputs = 300, rows = 20;
        MatrixTensor w = MatrixTensor.Random(outputs, inputs, 1);
        float[] x = Levels.Random(rows * inputs, 2), y = new float[rows * outputs];
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using var packed = new Q8_0(pool, new StackedTensors(w));
        Linear.Run(x, rows, inputs, packed, pool, scratch, y, outputs);
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < outputs; j++)
            {
                double exact = 0, bound = 1e-5;
                for (int block = 0; block < inputs; block += Q8_0.BlockInputs)
                {
                    ReadOnlySpan<float> a = x.AsSpan(r * inputs + block, Math.Min(Q8_0.BlockInputs, inputs - block)), b = w.Numbers.AsSpan(j * inputs + block, a.Length);
                    // Half a step of either side: |a·b - a'·b'| <= |a| db + |b| da + da db.
                    double stepA = Largest(a) / 254, stepB = Largest(b) / 254;
                    for (int k = 0; k < a.Length; k++)
                    {
                        exact += (double)a[k] * b[k];
                        bound += (Math.Abs(a[k]) * stepB + Math.Abs(b[k]) * stepA + stepA * stepB) * 1.00001;
                    }
                }
                Assert.InRange(y[r * outputs + j], exact - bound, exact + bound);
            }

        static double Largest(ReadOnlySpan<float> values)
        {
            double largest = 0;
            foreach (float value in values) largest = Math.Max(largest, Math.Abs(value));
            return largest;
        }
    }

    [Fact]
    public void Activations_are_quantised_as_the_definition_says()
    {
        sbyte* actual = stackalloc sbyte[32];
        sbyte[] expected = new sbyte[32];
        for (int seed = 0; seed < 400; seed++)
        {
            int count = seed % 32 + 1;
            float[] x = Levels.Random(count, seed, MathF.Pow(10, seed % 50 - 30));
            if (seed % 9 == 0) x[seed % count] = float.NaN;
            if (seed % 11 == 0) x[seed % count] = float.NegativeInfinity;
            // Halves between two steps.
            if (seed % 5 == 0 && count > 2) (x[0], x[1], x[2]) = (127f, 0.5f, -1.5f);
            float expectedScale = Q8_0.Quantise(x, expected), actualScale;
            fixed (float* p = x) actualScale = Q8Activations.Quantise(p, count, actual, 32);
            Assert.Equal(expectedScale, actualScale);
            Assert.True(expected.AsSpan().SequenceEqual(new ReadOnlySpan<sbyte>(actual, 32)), $"seed {seed}");
        }
    }

    [Fact]
    public void What_is_not_finite_stays_visible()
    {
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using var packed = new Q8_0(pool, new StackedTensors(MatrixTensor.Random(64, 64, 1)));
        float[] y = new float[64];
        foreach (float bad in new[] { float.NaN, float.PositiveInfinity })
        {
            float[] x = Levels.Random(64, 2);
            x[40] = bad;
            Linear.Run(x, 1, 64, packed, pool, scratch, y, 64);
            Assert.DoesNotContain(y, float.IsFinite);
        }
    }

    [Fact]
    public void The_kernels_of_this_machine_are_listed_best_first_and_end_with_the_definition()
    {
        Assert.Equal("scalar", Q8Kernel.All[^1].Name);
        if (Isa.Width >= 512 && Isa.Native >= 512 && Isa.HasInt8Dot) Assert.Contains(Q8Kernel.All, kernel => kernel.WeightBias == 128 && kernel.Name.Contains("512", StringComparison.Ordinal));
        if (Isa.Width == 0) Assert.Single(Q8Kernel.All);
        if (Isa.Width >= 128 && System.Runtime.Intrinsics.X86.Ssse3.IsSupported) Assert.Contains(Q8Kernel.All, kernel => kernel.Name.Contains("128", StringComparison.Ordinal));
        Assert.Equal(Q8Matrix.Instance is not null, Q8Kernel.Best is Q8Matrix);
    }
}
