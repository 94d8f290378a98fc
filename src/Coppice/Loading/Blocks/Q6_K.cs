namespace Coppice.Loading;

/// <summary>
/// 256 numbers in 210 bytes: {128 bytes of lower four bits; 64 bytes of upper two; 16 signed bytes of scales; half d}.
/// w = d · scale · (q - 32), a scale for each 16 numbers. Of 128 numbers, 64 bytes hold the first 64 in their lower halves and the others in
/// their upper ones, and 32 bytes the upper bits of number i (of 32) of the four quarters in bits 0, 2, 4 and 6.
/// </summary>
internal sealed unsafe class Q6_K() : BlockFormat(WeightType.Q6_K, 256, 210, 16, 6)
{
    private const int UpperAt = 128, ScalesAt = 192, DAt = 208;

    public override int Offset => 32;

    public override void TakeApart(byte* block, BlockParts* parts)
    {
        (parts->D, parts->DMin) = (BitFields.Half(block + DAt), 0);
        for (int g = 0; g < 16; g++) parts->Scales[g] = (sbyte)block[ScalesAt + g];
        for (int i = 0; i < 8; i++)
        {
            BitFields.Take(block + LowerAt(i), 32, i % 4 / 2 * 4, 15, parts->Q + 32 * i);
            BitFields.Or(block + UpperAt + i / 4 * 32, 32, i % 4 * 2, 3, 4, parts->Q + 32 * i);
        }
    }

    protected override void Round(float* x, byte* block)
    {
        float* scales = stackalloc float[16];
        for (int g = 0; g < 16; g++) scales[g] = ScaleSearch.Symmetric(x + 16 * g, 16, 32);
        float d = BitFields.PutHalf(ScaleSearch.Extreme(scales, 16) / -128, block + DAt);
        byte* q = stackalloc byte[256];
        for (int g = 0; g < 16; g++)
        {
            int scale = ScaleSearch.Index(scales[g], 0, d, -128, 127);
            block[ScalesAt + g] = (byte)scale;
            for (int i = 16 * g; i < 16 * g + 16; i++) q[i] = (byte)(ScaleSearch.Index(x[i], 0, d * scale, -32, 31) + 32);
        }
        for (int i = 0; i < 8; i++)
        {
            BitFields.Or(q + 32 * i, 32, 0, 15, i % 4 / 2 * 4, block + LowerAt(i));
            BitFields.Or(q + 32 * i, 32, 4, 3, i % 4 * 2, block + UpperAt + i / 4 * 32);
        }
    }

    // Quarters 0 and 2 of 128 numbers share 32 bytes, and so do 1 and 3.
    private static int LowerAt(int i) => i / 4 * 64 + i % 2 * 32;
}
