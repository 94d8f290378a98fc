namespace Coppice.Loading;

/// <summary>The scales and mins of a block of 256 numbers, found group by group and then rounded to integers themselves.</summary>
internal unsafe struct AffineGroups
{
    public fixed byte Scales[16], Mins[16];

    /// <summary>What the integer scales and mins are multiplied with.</summary>
    public float D, DMin;

    private int _groupElements, _top;

    /// <param name="x">[256].</param>
    /// <param name="groupElements">16 or 32.</param>
    /// <param name="top">The largest integer of a number.</param>
    /// <param name="topScale">The largest integer of a scale or min.</param>
    public void Fit(float* x, int groupElements, int top, int topScale)
    {
        (_groupElements, _top) = (groupElements, top);
        float* scales = stackalloc float[16], mins = stackalloc float[16];
        float largestScale = 0, largestMin = 0;
        for (int g = 0; g < 256 / groupElements; g++)
        {
            (scales[g], mins[g]) = ScaleSearch.Affine(x + g * groupElements, groupElements, top);
            (largestScale, largestMin) = (Math.Max(largestScale, scales[g]), Math.Max(largestMin, mins[g]));
        }
        (D, DMin) = (largestScale / topScale, largestMin / topScale);
        for (int g = 0; g < 256 / groupElements; g++)
        {
            Scales[g] = (byte)ScaleSearch.Index(scales[g], 0, D, 0, topScale);
            Mins[g] = (byte)ScaleSearch.Index(mins[g], 0, DMin, 0, topScale);
        }
    }

    /// <summary>The integers nearest to the numbers, with scales and mins as the file will have them.</summary>
    public readonly void Round(float* x, float d, float dMin, byte* q)
    {
        for (int i = 0; i < 256; i++)
        {
            int group = i / _groupElements;
            q[i] = (byte)ScaleSearch.Index(x[i], dMin * Mins[group], d * Scales[group], 0, _top);
        }
    }
}
