using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Kernels.Emitted;
using Coppice.KvCache;

namespace Coppice.Tests.Kernels;

public sealed unsafe class BF16DotTests
{
    public static TheoryData<int, int> Sizes => ProductCases.Sizes;

    [Theory, MemberData(nameof(Sizes))]
    public void The_chain_has_the_bits_of_its_reference(int outputs, int inputs) => SameBits(Bf16Arithmetic.Chain, outputs, inputs);

    [EmittedTheory(DotFormat.BF16), MemberData(nameof(Sizes))]
    public void The_dot_product_has_the_bits_of_its_reference(int outputs, int inputs) => SameBits(Bf16Arithmetic.Dot, outputs, inputs);

    [MatrixTheory, MemberData(nameof(Sizes))]
    public void The_matrix_unit_has_the_bits_of_its_reference(int outputs, int inputs) => SameBits(Bf16Arithmetic.Matrix, outputs, inputs);

    [Fact]
    public void The_error_is_that_of_rounding_both_sides()
    {
        const int outputs = 40, inputs = 500, rows = 20;
        MatrixTensor w = MatrixTensor.Random(outputs, inputs, 1);
        float[] x = Levels.Random(rows * inputs, 2), y = new float[rows * outputs];
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using var packed = new BF16Dot(pool, new StackedTensors(w));
        Linear.Run(x, rows, inputs, packed, pool, scratch, y, outputs);
        for (int r = 0; r < rows; r++)
            for (int j = 0; j < outputs; j++)
            {
                double exact = 0, magnitude = 0;
                for (int k = 0; k < inputs; k++)
                {
                    double product = (double)x[r * inputs + k] * w.Numbers[j * inputs + k];
                    exact += product;
                    magnitude += Math.Abs(product);
                }
                // 2^-9 a side, a little more for their product and the sums.
                Assert.InRange(y[r * outputs + j], exact - magnitude * 0.0042, exact + magnitude * 0.0042);
            }
    }

    [Fact]
    public void Rounding_in_vectors_is_rounding_one_by_one()
    {
        var random = new Random(1);
        float* x = stackalloc float[71];
        ushort* y = stackalloc ushort[80];
        for (int round = 0; round < 200; round++)
        {
            for (int i = 0; i < 71; i++) x[i] = BitConverter.Int32BitsToSingle(i % 7 == 0 ? random.Next(int.MinValue, int.MaxValue) : random.Next(2) << 15 | random.Next(0, 65536) << 16 | (i % 3 == 0 ? 0x8000 : random.Next(65536)));
            for (int count = 0; count <= 71; count++)
            {
                Bf16Rows.Round(x, count, y, 80);
                for (int i = 0; i < 80; i++) Assert.Equal(i < count ? Bf16.Round(x[i]) : 0, y[i]);
            }
        }
    }

    [Fact]
    public void The_arithmetic_follows_from_the_machine_and_the_level()
    {
        Assert.Equal(Bf16Matrix.Instance is not null, Isa.Unforced && Isa.HasMatrixBf16 && MatrixUnit.WhyNot is null);
        Bf16Arithmetic expected = Bf16Matrix.Instance is not null ? Bf16Arithmetic.Matrix : EmittedTile.Of(DotFormat.BF16) is not null ? Bf16Arithmetic.Dot : Bf16Arithmetic.Chain;
        Assert.Equal(expected, BF16Dot.Best);
        Assert.Contains(Bf16Matrix.Instance is null ? "no AMX" : "tdpbf16ps", Bf16Matrix.Note, StringComparison.Ordinal);
    }

    private static void SameBits(Bf16Arithmetic arithmetic, int outputs, int inputs) => ProductCases.SameBits(
        MatrixTensor.Random(outputs, inputs, 1), (pool, stacked) => new BF16Dot(pool, stacked, arithmetic),
        (x, rows, xRow, w, k, n, y, yRow) => BF16Dot.Reference(arithmetic, x, rows, xRow, w, k, n, y, yRow));
}
