using System.Runtime.Intrinsics;

namespace Coppice.Sampling;

/// <summary>
/// The exponentials and sums of a softmax over one row of logits, in double.
/// Plain additions and multiplications in fixed lanes, no fused ones and no C library:
/// the bits, and so the drawn tokens, are the same on every machine.
/// </summary>
internal static class Softmax
{
    private const int Lanes = 8;
    private const int ChunkTokens = 256;
    private const double Log2E = 1.4426950408889634;
    private const double Ln2High = 0.693147180369123816490;      // 33 bits: n * Ln2High is exact
    private const double Ln2Low = 1.90821492927058770002e-10;
    private const double RoundToInteger = 6755399441055744.0;    // 1.5 * 2^52: the sum's low bits are the nearest integer
    private const double SmallestExponent = -708;                // below it the result is taken as 0

    /// <summary>weights[i] = exp((logits[i] - max) * inverseTemperature), 0 below e^-708.  logits, weights: [V].</summary>
    /// <param name="logits">Finite or -inf, none above <paramref name="max"/>.</param>
    /// <param name="max">The largest logit, finite.</param>
    /// <param name="inverseTemperature">Positive.</param>
    /// <param name="weights">Written; the likeliest token's weight is exactly 1.</param>
    public static void Weights(ReadOnlySpan<float> logits, float max, double inverseTemperature, Span<double> weights)
    {
        weights = weights[..logits.Length];
        int i = 0;
        for (; i <= logits.Length - Lanes; i += Lanes)
        {
            (Vector256<double> low, Vector256<double> high) = Weights(Vector256.Create(logits.Slice(i, Lanes)), max, inverseTemperature);
            low.CopyTo(weights[i..]);
            high.CopyTo(weights[(i + 4)..]);
        }
        if (i == logits.Length) return;

        Span<float> tail = stackalloc float[Lanes];
        Span<double> tailWeights = stackalloc double[Lanes];
        tail.Fill(float.NegativeInfinity);
        logits[i..].CopyTo(tail);
        (Vector256<double> tailLow, Vector256<double> tailHigh) = Weights(Vector256.Create((ReadOnlySpan<float>)tail), max, inverseTemperature);
        tailLow.CopyTo(tailWeights);
        tailHigh.CopyTo(tailWeights[4..]);
        tailWeights[..(logits.Length - i)].CopyTo(weights[i..]);
    }

    /// <summary>log(sum(exp(logits))), natural.  logits: [V], finite or -inf; <paramref name="max"/> is the largest, finite.</summary>
    public static double LogSumExp(ReadOnlySpan<float> logits, float max)
    {
        Span<double> chunk = stackalloc double[ChunkTokens];
        double sum = 0;
        for (int i = 0; i < logits.Length; i += ChunkTokens)
        {
            ReadOnlySpan<float> part = logits.Slice(i, Math.Min(ChunkTokens, logits.Length - i));
            Weights(part, max, 1, chunk);
            sum += Sum(chunk[..part.Length]);
        }
        return max + Math.Log(sum);
    }

    /// <summary>The sum, in eight interleaved chains that are added in order.</summary>
    public static double Sum(ReadOnlySpan<double> values)
    {
        Vector256<double> low = Vector256<double>.Zero, high = low;
        int i = 0;
        for (; i <= values.Length - Lanes; i += Lanes)
        {
            low += Vector256.Create(values.Slice(i, 4));
            high += Vector256.Create(values.Slice(i + 4, 4));
        }
        double sum = 0;
        for (int lane = 0; lane < 4; lane++) sum += low.GetElement(lane);
        for (int lane = 0; lane < 4; lane++) sum += high.GetElement(lane);
        for (; i < values.Length; i++) sum += values[i];
        return sum;
    }

    private static (Vector256<double> Low, Vector256<double> High) Weights(Vector256<float> logits, double max, double inverseTemperature)
    {
        (Vector256<double> low, Vector256<double> high) = Vector256.Widen(logits);
        Vector256<double> shift = Vector256.Create(max), scale = Vector256.Create(inverseTemperature);
        return (Exp((low - shift) * scale), Exp((high - shift) * scale));
    }

    /// <summary>e^x for x ≤ 0 within 2 ulp: x = n ln 2 + r with |r| ≤ ln 2 / 2, then the Taylor series of e^r to r^13.</summary>
    private static Vector256<double> Exp(Vector256<double> x)
    {
        Vector256<double> shifted = x * Vector256.Create(Log2E) + Vector256.Create(RoundToInteger);
        Vector256<double> n = shifted - Vector256.Create(RoundToInteger);
        Vector256<double> r = x - n * Vector256.Create(Ln2High) - n * Vector256.Create(Ln2Low);

        Vector256<double> p = Vector256.Create(1.0 / 6227020800);
        p = p * r + Vector256.Create(1.0 / 479001600);
        p = p * r + Vector256.Create(1.0 / 39916800);
        p = p * r + Vector256.Create(1.0 / 3628800);
        p = p * r + Vector256.Create(1.0 / 362880);
        p = p * r + Vector256.Create(1.0 / 40320);
        p = p * r + Vector256.Create(1.0 / 5040);
        p = p * r + Vector256.Create(1.0 / 720);
        p = p * r + Vector256.Create(1.0 / 120);
        p = p * r + Vector256.Create(1.0 / 24);
        p = p * r + Vector256.Create(1.0 / 6);
        p = p * r + Vector256.Create(0.5);
        p = p * r + Vector256<double>.One;
        p = p * r + Vector256<double>.One;

        // The integer n goes into the exponent field.
        Vector256<double> scaled = (p.AsInt64() + Vector256.ShiftLeft(shifted.AsInt64(), 52)).AsDouble();
        return Vector256.ConditionalSelect(Vector256.GreaterThanOrEqual(x, Vector256.Create(SmallestExponent)), scaled, Vector256<double>.Zero);
    }
}
