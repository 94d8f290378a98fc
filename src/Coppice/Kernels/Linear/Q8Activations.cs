using System.Runtime.CompilerServices;
using System.Runtime.Intrinsics;
using System.Runtime.Intrinsics.X86;

namespace Coppice.Kernels;

/// <summary>
/// Rows of activations for 8-bit products: [row tile][block] records of 16 rows (<see cref="Q8Layout"/>). The int of a row is -128 times
/// the sum of its bytes: what a kernel adds that keeps its weights as bytes from 0 to 255.
/// </summary>
internal static unsafe class Q8Activations
{
    public const int TileRows = Q8Layout.TileRows;

    private const int MaxBlockInputs = 32;

    /// <summary>One row tile. Missing inputs are zeros; missing rows are left out.</summary>
    /// <param name="x">[rows][inputs], rows <paramref name="xRowFloats"/> apart.</param>
    /// <param name="rows">1 to 16.</param>
    /// <param name="xRowFloats">At least <paramref name="inputs"/>.</param>
    /// <param name="inputs">Any.</param>
    /// <param name="layout">How many inputs share a scale.</param>
    /// <param name="records">One for each block of inputs.</param>
    public static void Fill(float* x, int rows, int xRowFloats, int inputs, Q8Layout layout, byte* records)
    {
        int blockInputs = layout.BlockInputs;
        for (int r = 0; r < rows; r++)
        {
            float* row = x + (long)r * xRowFloats;
            byte* record = records;
            for (int k = 0; k < inputs; k += blockInputs, record += layout.RecordBytes)
            {
                sbyte* q = (sbyte*)record + r * blockInputs;
                ((float*)(record + layout.ScalesAt))[r] = Quantise(row + k, Math.Min(blockInputs, inputs - k), q, blockInputs);
                ((int*)(record + layout.CorrectionsAt))[r] = -128 * Sum(q, blockInputs);
            }
        }
    }

    /// <summary><see cref="Q8_0.Quantise"/> of up to 32 numbers, in vectors.</summary>
    /// <param name="x">[count].</param>
    /// <param name="count">1 to <paramref name="blockInputs"/>.</param>
    /// <param name="q">[blockInputs].</param>
    /// <param name="blockInputs">16 or 32.</param>
    [SkipLocalsInit]
    public static float Quantise(float* x, int count, sbyte* q, int blockInputs)
    {
        if (Isa.Width < 128) return Q8_0.Quantise(new ReadOnlySpan<float>(x, count), new Span<sbyte>(q, blockInputs));
        float* whole = stackalloc float[MaxBlockInputs];
        if (count < blockInputs)
        {
            new Span<float>(whole, blockInputs).Clear();
            new ReadOnlySpan<float>(x, count).CopyTo(new Span<float>(whole, blockInputs));
            x = whole;
        }

        return Isa.Width >= 512 && Avx512F.IsSupported && blockInputs == MaxBlockInputs ? Quantise512(x, q) : Quantise128(x, q, blockInputs);
    }

    /// <summary>A block of 32 in two vectors.</summary>
    private static float Quantise512(float* x, sbyte* q)
    {
        Vector512<float> a = Vector512.Load(x), b = Vector512.Load(x + 16);
        Vector512<int> bits = Vector512.Max(a.AsInt32() & Vector512.Create(0x7FFFFFFF), b.AsInt32() & Vector512.Create(0x7FFFFFFF));
        Vector256<int> eight = Vector256.Max(bits.GetLower(), bits.GetUpper());
        float max = Largest(Vector128.Max(eight.GetLower(), eight.GetUpper()));
        if (max < 1e-30f || !float.IsFinite(max)) return NoNumbers(max, q, MaxBlockInputs);
        // The conversion rounds to the nearest integer, ties to even.
        Vector512<float> factor = Vector512.Create(127f / max);
        Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(a * factor)).Store(q);
        Avx512F.ConvertToVector128SByte(Avx512F.ConvertToVector512Int32(b * factor)).Store(q + 16);
        return max / 127f;
    }

    private static float Quantise128(float* x, sbyte* q, int blockInputs)
    {
        Vector128<int> most = Vector128<int>.Zero;
        for (int i = 0; i < blockInputs; i += 4) most = Vector128.Max(most, Vector128.Load(x + i).AsInt32() & Vector128.Create(0x7FFFFFFF));
        float max = Largest(most);
        if (max < 1e-30f || !float.IsFinite(max)) return NoNumbers(max, q, blockInputs);

        // Adding 1.5 · 2^23 leaves the number, rounded to the nearest integer, in the lowest bits.
        Vector128<float> factor = Vector128.Create(127f / max), magic = Vector128.Create(12582912f);
        for (int i = 0; i < blockInputs; i += 16)
        {
            Vector128<int> a = (Vector128.Load(x + i) * factor + magic).AsInt32(), b = (Vector128.Load(x + i + 4) * factor + magic).AsInt32();
            Vector128<int> c = (Vector128.Load(x + i + 8) * factor + magic).AsInt32(), d = (Vector128.Load(x + i + 12) * factor + magic).AsInt32();
            Vector128.Narrow(Vector128.Narrow(a, b), Vector128.Narrow(c, d)).Store(q + i);
        }
        return max / 127f;
    }

    // Absolute values compare as ints, and what is not a number counts as the largest.
    private static float Largest(Vector128<int> bits)
    {
        Vector128<int> pairs = Vector128.Max(bits, Vector128.Shuffle(bits, Vector128.Create(2, 3, 0, 1)));
        return BitConverter.Int32BitsToSingle(Math.Max(pairs[0], pairs[1]));
    }

    private static float NoNumbers(float max, sbyte* q, int blockInputs)
    {
        new Span<sbyte>(q, blockInputs).Clear();
        return max < 1e-30f ? 0f : max;
    }

    private static int Sum(sbyte* q, int count)
    {
        Vector128<short> sum = Vector128<short>.Zero;
        for (int i = 0; i < count; i += 16)
        {
            (Vector128<short> lower, Vector128<short> upper) = Vector128.Widen(Vector128.Load(q + i));
            sum += lower + upper;
        }
        return Vector128.Sum(sum);
    }
}
