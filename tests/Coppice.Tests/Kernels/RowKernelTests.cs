using Coppice.Kernels;
using Coppice.Models;

namespace Coppice.Tests.Kernels;

/// <summary>Kernels over single rows: every width against the reference, and the reference against doubles.</summary>
public sealed class RowKernelTests
{
    [Fact]
    public void RmsNorm_has_the_bits_of_the_reference_at_every_length_and_width()
    {
        foreach (int length in Levels.Lengths.Where(n => n > 0))
        {
            float[] x = Levels.Random(length, length, 3f), w = Levels.Random(length, length + 1), expected = new float[length], actual = new float[length];
            RmsNorm.Reference(x, w, 1e-5f, expected);
            RmsNorm.Simd<F128>(x, w, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"128 bits, {length}");
            RmsNorm.Simd<F256>(x, w, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"256 bits, {length}");
            RmsNorm.Simd<F512>(x, w, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"512 bits, {length}");
            RmsNorm.Run(x, w, 1e-5f, x);
            Levels.SameBits(expected, x, $"in place, {length}");
        }
    }

    [Fact]
    public void RmsNorm_is_right()
    {
        float[] x = Levels.Random(172, 1, 5f), w = Levels.Random(172, 2), y = new float[172];
        RmsNorm.Run(x, w, 1e-5f, y);
        double scale = 1 / Math.Sqrt(x.Sum(v => (double)v * v) / x.Length + 1e-5);
        for (int i = 0; i < x.Length; i++) Assert.Equal(x[i] * scale * w[i], y[i], 1e-6);
    }

    [Fact]
    public void Elementwise_operations_have_the_bits_of_the_reference_at_every_length_and_width()
    {
        Check<Add>();
        Check<SwiGlu>();
    }

    [Fact]
    public void SwiGlu_is_right_and_its_ends_are_finite()
    {
        float[] gate = [-200f, -30f, -1f, -1e-8f, 0f, 1e-8f, 1f, 30f, 200f], up = [2f, 2f, 2f, 2f, 2f, 2f, 2f, 2f, 2f], y = new float[9];
        Elementwise.Apply<SwiGlu>(gate, up, y);
        for (int i = 0; i < y.Length; i++)
        {
            double expected = gate[i] / (1 + Math.Exp(-(double)gate[i])) * up[i];
            // Rounding g · log2(e) to f32 costs |g| · 2^-24 of the power.
            Assert.Equal(expected, y[i], Math.Abs(expected) * (3 + Math.Abs(gate[i])) * Math.Pow(2, -24) + 1e-30);
        }
    }

    [Theory]
    [InlineData(RopePairing.Halves)]
    [InlineData(RopePairing.Interleaved)]
    public void Rope_has_the_bits_of_the_reference_for_every_head_size_and_width(RopePairing pairing)
    {
        const int heads = 3;
        for (int size = 2; size <= 80; size += 2)
        {
            using RopeTable table = RopeTable.Create(size, 10000, 40, pairing);
            int headFloats = size + 3;
            float[] start = Levels.Random(heads * headFloats, size);
            start[0] = -0f;
            foreach (int position in new[] { 0, 1, 39 })
            {
                float[] expected = [.. start], actual = [.. start];
                Rope.Reference(expected, heads, headFloats, table, position);
                Rope.Simd<F128>(actual, heads, headFloats, table, position);
                Levels.SameBits(expected, actual, $"128 bits, D {size}, position {position}");
                start.CopyTo(actual, 0);
                Rope.Simd<F256>(actual, heads, headFloats, table, position);
                Levels.SameBits(expected, actual, $"256 bits, D {size}, position {position}");
                start.CopyTo(actual, 0);
                Rope.Simd<F512>(actual, heads, headFloats, table, position);
                Levels.SameBits(expected, actual, $"512 bits, D {size}, position {position}");
            }
        }
    }

    [Theory]
    [InlineData(RopePairing.Halves)]
    [InlineData(RopePairing.Interleaved)]
    public void Rope_turns_each_pair_by_its_angle(RopePairing pairing)
    {
        const int size = 8, position = 5;
        using RopeTable table = RopeTable.Create(size, 10000, 16, pairing);
        float[] x = Levels.Random(size, 1), y = [.. x];
        Rope.Run(y, 1, size, table, position);
        for (int i = 0; i < size / 2; i++)
        {
            double angle = position * Math.Pow(10000, -2.0 * i / size);
            int a = pairing == RopePairing.Halves ? i : 2 * i, b = pairing == RopePairing.Halves ? i + size / 2 : 2 * i + 1;
            Assert.Equal(x[a] * Math.Cos(angle) - x[b] * Math.Sin(angle), y[a], 1e-6);
            Assert.Equal(x[b] * Math.Cos(angle) + x[a] * Math.Sin(angle), y[b], 1e-6);
        }
    }

    [Fact]
    public void A_position_beyond_the_table_is_refused()
    {
        using RopeTable table = RopeTable.Create(8, 10000, 16, RopePairing.Halves);
        Assert.Throws<ArgumentOutOfRangeException>(() => Rope.Run(new float[8], 1, 8, table, 16));
    }

    [Fact]
    public void Embedding_copies_the_rows_of_the_tokens_and_refuses_others()
    {
        MatrixTensor table = MatrixTensor.Random(10, 5, 1);
        float[] x = new float[3 * 7];
        Embedding.Run(table, [9, 0, 9], x, 7);
        Assert.Equal(table.Numbers.AsSpan(45, 5), x.AsSpan(0, 5));
        Assert.Equal(table.Numbers.AsSpan(0, 5), x.AsSpan(7, 5));
        Assert.Equal(table.Numbers.AsSpan(45, 5), x.AsSpan(14, 5));
        Assert.Throws<ArgumentOutOfRangeException>(() => Embedding.Run(table, [10], x, 7));
        Assert.Throws<ArgumentOutOfRangeException>(() => Embedding.Run(table, [-1], x, 7));
    }

    private static void Check<TOperation>() where TOperation : struct, IBinary
    {
        foreach (int length in Levels.Lengths)
        {
            float[] a = Levels.Random(length, length, 100f), b = Levels.Random(length, length + 1), expected = new float[length], actual = new float[length];
            Elementwise.Reference<TOperation>(a, b, expected);
            Elementwise.Simd<F128, TOperation>(a, b, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 128 bits, {length}");
            Elementwise.Simd<F256, TOperation>(a, b, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 256 bits, {length}");
            Elementwise.Simd<F512, TOperation>(a, b, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 512 bits, {length}");
            Elementwise.Apply<TOperation>(a, b, b);
            Levels.SameBits(expected, b, $"{typeof(TOperation).Name}, in place, {length}");
        }
    }
}
