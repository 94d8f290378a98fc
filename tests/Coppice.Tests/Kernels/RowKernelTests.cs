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
        Check<Gated<Silu>>();
        Check<Gated<Gelu>>();
        Check<Gated<GeluTanh>>();
        CheckMap(new Silu());
        CheckMap(new Gelu());
        CheckMap(new GeluTanh());
        CheckMap(new Times(0.7f));
        CheckMap(new SoftCap(30));
    }

    [Fact]
    public void SwiGlu_is_right_and_its_ends_are_finite()
    {
        float[] gate = [-200f, -30f, -1f, -1e-8f, 0f, 1e-8f, 1f, 30f, 200f], up = [2f, 2f, 2f, 2f, 2f, 2f, 2f, 2f, 2f], y = new float[9];
        Elementwise.Apply<Gated<Silu>>(gate, up, y);
        for (int i = 0; i < y.Length; i++)
        {
            double expected = gate[i] / (1 + Math.Exp(-(double)gate[i])) * up[i];
            // Rounding g · log2(e) to f32 costs |g| · 2^-24 of the power.
            Assert.Equal(expected, y[i], Math.Abs(expected) * (3 + Math.Abs(gate[i])) * Math.Pow(2, -24) + 1e-30);
        }
    }

    [Fact]
    public void Activations_are_right_over_the_whole_range_and_finite_at_its_ends()
    {
        for (float x = -40; x <= 40; x += 0.0371f)
        {
            double u = Math.Sqrt(2 / Math.PI) * (x + 0.044715 * Math.Pow(x, 3));
            Assert.Equal(x / 2 * (1 + Math.Tanh(u)), new GeluTanh().Of(x), 4e-7 * Math.Max(1, Math.Abs(x)));
            Assert.Equal(x * Normal(x), new Gelu().Of(x), 2e-7 * Math.Max(1, Math.Abs(x)));
            Assert.Equal(30 * Math.Tanh(x / 30), new SoftCap(30).Of(x), 1e-5);
        }
        foreach (float x in (float[])[-1e30f, -1e4f, -0f, 0f, 1e4f, 1e30f])
        {
            Assert.Equal(Math.Max(x, 0), new GeluTanh().Of(x));
            Assert.Equal(Math.Max(x, 0), new Gelu().Of(x));
            Assert.InRange(new SoftCap(30).Of(x), -30, 30);
        }
    }

    [Fact]
    public void LayerNorm_has_the_bits_of_the_reference_at_every_length_and_width()
    {
        foreach (int length in Levels.Lengths.Where(n => n > 0))
        {
            float[] x = Levels.Random(length, length, 3f), w = Levels.Random(length, length + 1), b = Levels.Random(length, length + 2), expected = new float[length], actual = new float[length];
            LayerNorm.Reference(x, w, b, 1e-5f, expected);
            LayerNorm.Simd<F128>(x, w, b, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"128 bits, {length}");
            LayerNorm.Simd<F256>(x, w, b, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"256 bits, {length}");
            LayerNorm.Simd<F512>(x, w, b, 1e-5f, actual);
            Levels.SameBits(expected, actual, $"512 bits, {length}");
            LayerNorm.Run(x, w, b, 1e-5f, x);
            Levels.SameBits(expected, x, $"in place, {length}");
        }
    }

    [Fact]
    public void LayerNorm_is_right()
    {
        float[] x = Levels.Random(172, 1, 5f), w = Levels.Random(172, 2), b = Levels.Random(172, 3), y = new float[172];
        LayerNorm.Run(x, w, b, 1e-5f, y);
        double mean = x.Average(v => (double)v), scale = 1 / Math.Sqrt(x.Average(v => (v - mean) * (v - mean)) + 1e-5);
        for (int i = 0; i < x.Length; i++) Assert.Equal((x[i] - mean) * scale * w[i] + b[i], y[i], 2e-6);
    }

    [Fact]
    public void WeightedSum_has_the_bits_of_the_reference_at_every_length_and_width()
    {
        int[] rows = [4, 0, 2];
        float[] weights = [0.5f, 0.3f, -0.2f];
        foreach (int length in Levels.Lengths)
        {
            int stride = length + 3;
            float[] x = Levels.Random(5 * stride, length), expected = new float[length], actual = new float[length];
            WeightedSum.Reference(x, stride, rows, weights, expected);
            WeightedSum.Simd<F128>(x, stride, rows, weights, actual);
            Levels.SameBits(expected, actual, $"128 bits, {length}");
            WeightedSum.Simd<F256>(x, stride, rows, weights, actual);
            Levels.SameBits(expected, actual, $"256 bits, {length}");
            WeightedSum.Simd<F512>(x, stride, rows, weights, actual);
            Levels.SameBits(expected, actual, $"512 bits, {length}");
            for (int i = 0; i < length; i++) Assert.Equal(0.5 * x[4 * stride + i] + 0.3 * x[i] - 0.2 * x[2 * stride + i], actual[i], 1e-6);
        }
        Assert.Throws<ArgumentException>(() => WeightedSum.Run(new float[8], 4, [0, 2], [1f, 1f], new float[4]));
    }

    [Fact]
    public void Routing_takes_the_largest_and_the_lower_of_equals()
    {
        int[] chosen = new int[3];
        float[] weights = new float[3], outputs = [1f, 3f, 2f, 3f, 2f, -1f];
        Routing.Choose(outputs, normalized: true, chosen, weights);
        Assert.Equal([1, 2, 3], chosen);
        double sum = 2 + Math.Exp(-1);
        Assert.Equal([1 / sum, Math.Exp(-1) / sum, 1 / sum], weights.Select(w => (double)w), (a, b) => Math.Abs(a - b) < 1e-6);
        Routing.Choose(outputs, normalized: false, chosen, weights);
        sum = outputs.Sum(o => Math.Exp(o - 3));
        Assert.Equal([1 / sum, Math.Exp(-1) / sum, 1 / sum], weights.Select(w => (double)w), (a, b) => Math.Abs(a - b) < 1e-6);
        Routing.Choose([float.NaN, float.NaN, 1, 2], normalized: true, chosen.AsSpan(0, 2), weights.AsSpan(0, 2));
        Assert.All(chosen[..2], expert => Assert.InRange(expert, 0, 3));
    }

    [Fact]
    public void Routing_groups_rows_by_expert_and_remembers_where_they_went()
    {
        int[] chosen = [0, 2, 2, 3, 0, 3], first = new int[6], rows = new int[6], places = new int[6];
        Routing.Group(chosen, 2, first, rows, places);
        Assert.Equal([0, 2, 2, 4, 6, 6], first);
        Assert.Equal([0, 2, 0, 1, 1, 2], rows);
        Assert.Equal([0, 2, 3, 4, 1, 5], places);
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

    // Φ by its continued fraction in the tails and its series in the middle.
    private static double Normal(double x)
    {
        double z = Math.Abs(x), tail;
        if (z < 6)
        {
            double sum = 0, term = z;
            for (int n = 1; Math.Abs(term) > 1e-18; n += 2)
            {
                sum += term;
                term *= z * z / (n + 2);
            }
            tail = 0.5 - sum * Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI);
        }
        else
        {
            double fraction = z;
            for (int n = 60; n > 0; n--) fraction = z + n / fraction;
            tail = Math.Exp(-z * z / 2) / Math.Sqrt(2 * Math.PI) / fraction;
        }
        return x < 0 ? tail : 1 - tail;
    }

    private static void CheckMap<TOperation>(TOperation f) where TOperation : struct, IUnary
    {
        foreach (int length in Levels.Lengths)
        {
            float[] x = Levels.Random(length, length, 100f), expected = new float[length], actual = new float[length];
            Elementwise.MapReference(f, x, expected);
            Elementwise.MapSimd<F128, TOperation>(f, x, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 128 bits, {length}");
            Elementwise.MapSimd<F256, TOperation>(f, x, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 256 bits, {length}");
            Elementwise.MapSimd<F512, TOperation>(f, x, actual);
            Levels.SameBits(expected, actual, $"{typeof(TOperation).Name}, 512 bits, {length}");
            Elementwise.Map(f, x, x);
            Levels.SameBits(expected, x, $"{typeof(TOperation).Name}, in place, {length}");
        }
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
