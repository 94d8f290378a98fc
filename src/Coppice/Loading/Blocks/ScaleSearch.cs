namespace Coppice.Loading;

/// <summary>
/// Rounds a group of numbers to few integers. For each of some candidate scales the integers are the nearest ones, and for those integers
/// the scale (and smallest value) follow by weighted least squares; the candidate of the least weighted squared error is taken.
/// (The K-quants of ggml: Kawrakow 2023, llama.cpp pull request 1684.)
/// </summary>
internal static unsafe class ScaleSearch
{
    private const int MaxCount = 32;

    /// <summary>Below this all numbers of a group count as zeros.</summary>
    private const float Tiny = 1e-30f;

    /// <summary>x ≈ scale · q with q in [-top, top).  Returns the scale, which may be negative; larger numbers weigh more.</summary>
    public static float Symmetric(float* x, int count, int top)
    {
        float extreme = Extreme(x, count);
        if (MathF.Abs(extreme) < Tiny) return 0;
        float best = 0, bestGain = 0;
        for (int step = -9; step <= 9; step++)
        {
            float inverse = -(top + 0.1f * step) / extreme, sumXq = 0, sumQq = 0;
            for (int i = 0; i < count; i++)
            {
                float q = Math.Clamp(MathF.Round(x[i] * inverse), -top, top - 1), weight = x[i] * x[i];
                sumXq += weight * x[i] * q;
                sumQq += weight * q * q;
            }
            if (sumQq > 0 && sumXq * sumXq > bestGain * sumQq)
            {
                bestGain = sumXq * sumXq / sumQq;
                best = sumXq / sumQq;
            }
        }
        return best;
    }

    /// <summary>x ≈ scale · q - min with q in [0, top], scale and min not negative.</summary>
    public static (float Scale, float Min) Affine(float* x, int count, int top)
    {
        float smallest = 0, largest = x[0], squares = 0;
        for (int i = 0; i < count; i++)
        {
            smallest = Math.Min(smallest, x[i]);
            largest = Math.Max(largest, x[i]);
            squares += x[i] * x[i];
        }
        if (largest - smallest < Tiny) return (0, -smallest);
        float* weights = stackalloc float[MaxCount], rounded = stackalloc float[MaxCount];
        float typical = MathF.Sqrt(squares / count);
        for (int i = 0; i < count; i++) weights[i] = typical + MathF.Abs(x[i]);

        float bestScale = (largest - smallest) / top, bestMin = smallest, bestError = float.PositiveInfinity;
        for (int step = -10; step <= 10; step++)
        {
            float inverse = (top + 0.1f * step) / (largest - smallest);
            double sumW = 0, sumX = 0, sumQ = 0, sumQq = 0, sumXq = 0;
            for (int i = 0; i < count; i++)
            {
                float q = rounded[i] = Math.Clamp(MathF.Round((x[i] - smallest) * inverse), 0, top), w = weights[i];
                sumW += w;
                sumX += w * x[i];
                sumQ += w * q;
                sumQq += w * q * q;
                sumXq += w * x[i] * q;
            }
            double determinant = sumW * sumQq - sumQ * sumQ;
            if (determinant <= 0) continue;
            double scale = (sumW * sumXq - sumX * sumQ) / determinant, min = (sumQq * sumX - sumQ * sumXq) / determinant;
            if (min > 0) (scale, min) = (sumXq / sumQq, 0);
            if (scale <= 0) continue;
            float error = 0;
            for (int i = 0; i < count; i++)
            {
                float off = (float)scale * rounded[i] + (float)min - x[i];
                error += weights[i] * off * off;
            }
            if (error >= bestError) continue;
            (bestScale, bestMin, bestError) = ((float)scale, (float)min, error);
        }
        return (bestScale, -bestMin);
    }

    /// <summary>x ≈ scale · one of the codebook's values.  Returns the scale, which may be negative.</summary>
    public static float OfCodebook(float* x, int count, ReadOnlySpan<sbyte> codebook)
    {
        float extreme = Extreme(x, count);
        if (MathF.Abs(extreme) < Tiny) return 0;
        float best = 0, bestGain = 0;
        for (int step = -7; step <= 7; step++)
        {
            float inverse = (codebook[0] + step) / extreme, sumXq = 0, sumQq = 0;
            for (int i = 0; i < count; i++)
            {
                float q = codebook[Nearest(codebook, x[i] * inverse)], weight = x[i] * x[i];
                sumXq += weight * x[i] * q;
                sumQq += weight * q * q;
            }
            if (sumQq > 0 && sumXq * sumXq > bestGain * sumQq)
            {
                bestGain = sumXq * sumXq / sumQq;
                best = sumXq / sumQq;
            }
        }
        return best;
    }

    /// <summary>The index of the value nearest to x. codebook: ascending.</summary>
    public static int Nearest(ReadOnlySpan<sbyte> codebook, float x)
    {
        int index = 0;
        while (index < codebook.Length - 1 && 2 * x > codebook[index] + codebook[index + 1]) index++;
        return index;
    }

    /// <summary>The number furthest from zero, with its sign.</summary>
    public static float Extreme(float* x, int count)
    {
        float extreme = 0;
        for (int i = 0; i < count; i++)
            if (MathF.Abs(x[i]) > MathF.Abs(extreme)) extreme = x[i];
        return extreme;
    }

    /// <summary>The integer nearest to (x + shift) / scale within [low, high]; that nearest to zero where the scale is zero.</summary>
    public static int Index(float x, float shift, float scale, int low, int high) =>
        scale == 0 ? Math.Clamp(0, low, high) : (int)Math.Clamp(MathF.Round((x + shift) / scale), low, high);
}
