using Coppice.Backends;
using Coppice.Kernels;
using Coppice.Loading;

namespace Coppice.Tests.Kernels;

/// <summary>F32, and BF16 and F16 in f32 arithmetic.</summary>
public sealed unsafe class FloatFormatsTests
{
    public static TheoryData<int, int> Sizes => ProductCases.Sizes;

    [Theory, MemberData(nameof(Sizes))]
    public void F32_has_the_bits_of_the_reference_for_any_rows_and_threads(int outputs, int inputs) =>
        ProductCases.SameBits(MatrixTensor.Random(outputs, inputs, 1), (pool, stacked) => new F32(pool, stacked), Define);

    [Theory, MemberData(nameof(Sizes))]
    public void BF16_has_the_bits_of_f32_on_the_same_numbers(int outputs, int inputs) =>
        ProductCases.SameBits(MatrixTensor.Random(outputs, inputs, 1, WeightType.BF16), (pool, stacked) => new BF16(pool, stacked), Define);

    [Theory, MemberData(nameof(Sizes))]
    public void F16_has_the_bits_of_f32_on_the_same_numbers(int outputs, int inputs) =>
        ProductCases.SameBits(MatrixTensor.Random(outputs, inputs, 1, WeightType.F16), (pool, stacked) => new F16(pool, stacked), Define);

    [Theory, InlineData(float.PositiveInfinity), InlineData(float.NaN)]
    public void A_weight_that_is_not_finite_keeps_its_meaning(float bad)
    {
        MatrixTensor w = MatrixTensor.Random(70, 40, 1, WeightType.F16);
        w.Numbers[66 * 40 + 7] = bad;
        using var pool = new WorkerPool(1);
        using var scratch = new LinearScratch();
        using var packed = new F16(pool, new StackedTensors(w));
        float[] x = Levels.Random(40, 2), expected = new float[70], actual = new float[70];
        Linear.Reference(x, 1, 40, w.Numbers, 40, 70, expected, 70);
        Linear.Run(x, 1, 40, packed, pool, scratch, actual, 70);
        for (int i = 0; i < 70; i++) Assert.True(expected[i].Equals(actual[i]), $"element {i}: {actual[i]}");
    }

    [Fact]
    public void Every_half_widens_exactly()
    {
        uint* pairs = stackalloc uint[64];
        float* y = stackalloc float[128];
        for (int first = 0; first < 65536; first += 128)
        {
            for (int i = 0; i < 64; i++) pairs[i] = (uint)(first + i) | (uint)(first + 64 + i) << 16;
            HalfPairs<F16.Half>.Widen(pairs, 1, y);
            for (int i = 0; i < 128; i++) Assert.Equal(BitConverter.SingleToUInt32Bits((float)BitConverter.UInt16BitsToHalf((ushort)(first + i))) | NaN(y[i]), BitConverter.SingleToUInt32Bits(y[i]) | NaN(y[i]));
            HalfPairs<F16.FiniteHalf>.Widen(pairs, 1, y);
            for (int i = 0; i < 128; i++)
            {
                float expected = (float)BitConverter.UInt16BitsToHalf((ushort)(first + i));
                if (float.IsFinite(expected)) Assert.Equal(BitConverter.SingleToUInt32Bits(expected), BitConverter.SingleToUInt32Bits(y[i]));
            }
            HalfPairs<BF16.Half>.Widen(pairs, 1, y);
            for (int i = 0; i < 128; i++) Assert.Equal((uint)(first + i) << 16, BitConverter.SingleToUInt32Bits(y[i]));
        }

        // Which NaN it is does not matter.
        static uint NaN(float x) => float.IsNaN(x) ? 0x007FFFFFu : 0;
    }

    private static void Define(float[] x, int rows, int xRow, float[] w, int inputs, int outputs, float[] y, int yRow) =>
        Linear.Reference(x, rows, xRow, w, inputs, outputs, y, yRow);
}
